// SPDX-License-Identifier: Apache-2.0
// From the bytes of the managed settings to checked values, or to the first fault and its place. Loads zod and a parser: only the thread
// that ends may import this.

import { isNode, LineCounter, parseDocument } from 'yaml';
import { type ManagedSettings, managedSettings } from '../../../contract/sync/managed.ts';

/** Plain data: it crosses from one thread to another. */
export type Parsed =
  | { readonly ok: true; readonly settings: ManagedSettings }
  | {
      readonly ok: false;
      readonly message: string;
      readonly line: number;
      readonly column: number;
      readonly at: string;
    };

const dotted = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`,
    '',
  );

/** An unknown name goes to a terminal. */
const shown = (at: string): string => at.replaceAll(/[^ -~]/g, '?').slice(0, 256);

/** Never throws. The token stands in the file, so no message repeats what was read. */
export function parseManagedSettings(bytes: Uint8Array): Parsed {
  const fault = (message: string, line = 0, column = 0, at = ''): Parsed => ({ ok: false, message, line, column, at });
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return fault('the file is not UTF-8');
  }
  try {
    value = JSON.parse(text);
  } catch (error) {
    const [, line = '0', column = '0'] = /\(line (\d+) column (\d+)\)$/.exec(String(error)) ?? [];
    return fault('the file is not JSON', Number(line), Number(column));
  }
  const lines = new LineCounter();
  // JSON is YAML; this parser knows where things stand, and names that come twice, of which JSON.parse would take the last.
  const document = parseDocument(text, { uniqueKeys: true, stringKeys: true, prettyErrors: false, lineCounter: lines });
  const place = (offset: number | undefined): readonly [number, number] => {
    const { line, col } = offset === undefined ? { line: 0, col: 0 } : lines.linePos(offset);
    return [line, col];
  };
  const twice = document.errors.find(({ code }) => code === 'DUPLICATE_KEY');
  if (twice !== undefined) return fault('a name comes twice', ...place(twice.pos[0]));
  const parsed = managedSettings.safeParse(value);
  if (parsed.success) return { ok: true, settings: parsed.data };
  const [issue] = parsed.error.issues;
  const path = issue?.path ?? [];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const node = document.getIn(path, true);
  const at = dotted(unknown === undefined ? path : [...path, unknown]);
  const message = unknown === undefined ? (issue?.message ?? 'is not valid') : 'this name is not known';
  return fault(message, ...place(isNode(node) ? node.range?.[0] : undefined), shown(at));
}
