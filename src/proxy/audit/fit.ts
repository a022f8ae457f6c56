// SPDX-License-Identifier: Apache-2.0
// Makes any row body fit its schema: whatever a caller or a provider put into a name or a count, the row can be written and
// read again. Pure. A table instead of zod because this runs for each request; a test keeps it equal to contract/audit-row.ts.

import type { RowBody } from '../../contract/audit-row.ts';
import { canonicalJson } from '../../protocol/chain.ts';

const LONGEST_DEFAULT = 256;
const LONGEST_TOOL = 128;
const MOST_TOOLS = 256;
const LONGEST_DETAIL_KEY = 64;
const MOST_DETAILS = 64;

/** Integers that may be anything; `uid` is -1 where there is none. */
const INTEGERS: ReadonlySet<string> = new Set(['pid', 'uid', 'status']);
/** Times in milliseconds, which may have a fraction. */
const TIMES: ReadonlySet<string> = new Set(['first_content_ms', 'total_ms']);
/** Numbers without which a row is not valid: a value that makes no sense becomes 0 instead of being left out. */
const REQUIRED: ReadonlySet<string> = new Set([
  'attempt',
  'request_bytes',
  'response_bytes',
  'total_ms',
  'pid',
  'uid',
  'seq',
  'intent_seq',
]);

/** Characters (UTF-16 units) of a string member. */
function longest(key: string): number {
  return key === 'method' ? 32 : key === 'exe' ? 1024 : LONGEST_DEFAULT;
}

/** The body with over-long strings cut (ending in `…`) and senseless numbers left out or 0; the same object if all fits. */
export function fitBody(body: RowBody): RowBody {
  // The table below keeps every member that the schema demands.
  return fitObject(body) as RowBody;
}

/** The canonical text of a fitted body. */
export function rowText(body: RowBody): string {
  return canonicalJson(fitBody(body));
}

function fitObject(object: object): object {
  const members = object as Readonly<Record<string, unknown>>;
  let fitted: Record<string, unknown> | undefined;
  for (const key of Object.keys(members)) {
    const value = members[key];
    const kept =
      key === 'detail'
        ? fitDetail(value)
        : key === 'tools' || key === 'losses'
          ? fitTools(value)
          : fitValue(key, value);
    if (kept === value) continue;
    fitted ??= { ...members };
    fitted[key] = kept;
  }
  return fitted ?? object;
}

function fitValue(key: string, value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      return fitString(value, longest(key));
    case 'number':
      return fitNumber(key, value);
    case 'object':
      return value === null ? undefined : fitObject(value);
    case 'boolean':
      return value;
    default:
      return undefined;
  }
}

/** Cuts to `longest` UTF-16 units and replaces lone surrogates, which UTF-8 cannot hold, by U+FFFD. */
export function fitString(text: string, longest: number): string {
  const cut = text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  return cut.isWellFormed() ? cut : cut.toWellFormed();
}

function fitNumber(key: string, value: number): number | undefined {
  if (Number.isSafeInteger(value) && (value >= 0 || INTEGERS.has(key))) return value;
  if (TIMES.has(key) && Number.isFinite(value) && value >= 0) return value;
  return absent(key);
}

function absent(key: string): number | undefined {
  return REQUIRED.has(key) ? 0 : undefined;
}

function fitTools(value: unknown): unknown {
  if (!Array.isArray(value)) return undefined;
  return value
    .slice(0, MOST_TOOLS)
    .filter((name) => typeof name === 'string')
    .map((name) => fitString(name, LONGEST_TOOL));
}

function fitDetail(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const fitted: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value).slice(0, MOST_DETAILS)) {
    const kept =
      typeof member === 'number'
        ? Number.isFinite(member)
          ? member
          : undefined
        : typeof member === 'string' || typeof member === 'boolean'
          ? fitValue('detail', member)
          : undefined;
    if (kept !== undefined) fitted[fitString(key, LONGEST_DETAIL_KEY)] = kept;
  }
  return fitted;
}
