// SPDX-License-Identifier: Apache-2.0
// What a configuration that cannot be used says of itself in a support bundle: where it is wrong and of which kind that is, in none of its own
// words. And the words of it that may be secrets. Pure.

import { configSchema } from '../../contract/config.ts';
import type { PolicyError } from '../policy/policy.ts';
import { allKeys } from '../policy/schema-keys.ts';

/** Names of settings: ours, not the author's. */
const OURS: ReadonlySet<string> = new Set(allKeys(configSchema).flatMap((path) => path.split(/[.[\]]+/)));
/** Capitals of our own messages. */
const OUR_NAMES: ReadonlySet<string> = new Set(['YAML', 'JSON', 'URL', 'MiB', 'PEM', 'HTTP', 'HTTPS']);
/** Whatever a message repeats stands behind a quote, a colon or another sign: plain words before it are ours. */
const OUR_WORDS = /^[A-Za-z ,’()-]*/;
/** Characters. */
const SHORTEST_WORD = 12;

/** `unknown key "x"; known here: …` is of the kind `unknown key`. */
export function faultKind(message: string): string {
  const [head = ''] = OUR_WORDS.exec(message) ?? [];
  const words = head.split(' ').filter((word) => /^[\W_]*[A-Za-z]?[^A-Z]*$/.test(word) || OUR_NAMES.has(word));
  return words.join(' ').trim() || 'not as it should be';
}

/** `providers[0].api_key`; a step that is no name of a setting is left out. */
function placeOf(at: string): string {
  return at.replace(/[^.[\]]+/g, (step) => (/^\d+$/.test(step) || OURS.has(step) ? step : '…'));
}

export function faultPart({ message, line, column, at }: PolicyError): PolicyError {
  return { message: faultKind(message), line, column, at: placeOf(at) };
}

/** Words of a file that cannot be read as what it should be: what follows the name of a secret, and whatever is long. */
export function wordsOf(text: string): readonly string[] {
  const named = text.matchAll(
    /(?:key|token|secret|passw|pwd|credential|auth)[\w-]*["']?\s*:\s*["']?([^\s"',{}[\]]+)/gi,
  );
  const words = text.replace(/(^|\s)#.*$/gm, '').split(/[\s"',{}[\]:]+|\\/);
  return [
    ...[...named].map(([, value = '']) => value),
    // A long word of small letters only is prose.
    ...words.filter((word) => word.length >= SHORTEST_WORD && /[^a-z_]/.test(word)),
  ].filter((word) => !OURS.has(word) && !['openai-compatible', 'client', 'anthropic'].includes(word));
}
