// SPDX-License-Identifier: Apache-2.0
// Checks the rows of a batch by themselves: each body can be stored and read again, and each hash is that of its row and the row
// before. Pure; what is stored already is not known here.

import type { AuditBatch, BatchRow } from '../../contract/sync/messages.ts';
import { LIMITS } from '../../contract/sync/words.ts';
import { canonicalJson, fromHex, headerText, rowHash, sameBytes } from '../../protocol/chain.ts';
import { type BodyMembers, columnsOf, isMembers, type RowColumns } from './columns.ts';
import { NO_HEAD } from './place.ts';

export interface CheckedRow extends BatchRow {
  /** Hash of the row before, hex. */
  readonly prev: string;
  /** undefined: quarantined. */
  readonly members: BodyMembers | undefined;
  readonly columns: RowColumns;
}

/** `body`: too large, not JSON in canonical form, or without a kind. `hash`: the hash is not that of the row. */
export type RowFault = 'body' | 'hash';

export type CheckedBatch =
  | { readonly ok: true; readonly rows: readonly CheckedRow[] }
  | { readonly ok: false; readonly seq: number; readonly fault: RowFault };

export function checkBatch({ epoch, after, rows }: AuditBatch): CheckedBatch {
  const checked: CheckedRow[] = [];
  let prev = after.hash;
  if (after.seq === 0 && prev !== NO_HEAD.hash) return { ok: false, seq: 1, fault: 'hash' };
  for (const row of rows) {
    const { seq, at, body, hash } = row;
    let members: BodyMembers | undefined;
    if (body !== null) {
      members = readBody(body);
      if (members === undefined) return { ok: false, seq, fault: 'body' };
      const right = rowHash(fromHex(prev), headerText(epoch, seq, at), body);
      if (!sameBytes(right, fromHex(hash))) return { ok: false, seq, fault: 'hash' };
    }
    checked.push({ seq, at, hash, body, prev, members, columns: columnsOf(members) });
    prev = hash;
  }
  return { ok: true, rows: checked };
}

/**
 * Only the canonical form is taken: a text that two parsers may read differently (a member twice), or that changes when it is written
 * to UTF-8 (half a character, which the canonical form escapes), would be proof of nothing.
 */
function readBody(text: string): BodyMembers | undefined {
  // No UTF-16 unit needs more than three bytes.
  if (text.length * 3 > LIMITS.row && Buffer.byteLength(text) > LIMITS.row) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (!isMembers(value) || typeof value['kind'] !== 'string') return undefined;
    return canonicalJson(value) === text ? value : undefined;
  } catch {
    // Not JSON, or nested deeper than the stack.
    return undefined;
  }
}
