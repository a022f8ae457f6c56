// SPDX-License-Identifier: Apache-2.0
// Owns: the copy of the managed settings that were good last, as text, and reading such a text back as hostile. Must not know where it
// lies. The token is not in it: it would lie in a folder of the person at the machine, and what is enrolled needs none.

import { splitPem } from '../../../contract/pem.ts';
import type { ManagedFound } from './managed-settings.ts';
import { parseInThread } from './parse-in-thread.ts';

/** In `DATA/org`. */
export const LAST_GOOD_FILE = 'managed.json';
/** The settings, and up to 16 files of certificates. Bytes. */
export const LARGEST_LAST_GOOD = 20 * 1_048_576;

const MEMBERS = new Set(['v', 'path', 'since', 'roots', 'settings']);

export function writeLastGood({ path, since, roots, settings }: ManagedFound): string {
  const { token: _, ...organisation } = settings.organisation;
  return `${JSON.stringify({ v: 1, path, since, roots, settings: { ...settings, organisation } })}\n`;
}

/** Never rejects; undefined: it is not what Outpost writes. */
export async function readLastGood(text: string): Promise<ManagedFound | undefined> {
  let written: unknown;
  try {
    written = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof written !== 'object' || written === null) return undefined;
  if (!Object.keys(written).every((name) => MEMBERS.has(name))) return undefined;
  const { v, path, since, roots, settings } = written as Readonly<Record<string, unknown>>;
  if (v !== 1 || typeof path !== 'string' || !Number.isSafeInteger(since) || !Array.isArray(roots)) return undefined;
  if (!roots.every((pem) => typeof pem === 'string' && splitPem(pem).length === 1)) return undefined;
  const parsed = await parseInThread(Buffer.from(JSON.stringify(settings) ?? ''));
  return parsed.ok ? { kind: 'settings', path, since: Number(since), settings: parsed.settings, roots } : undefined;
}
