// SPDX-License-Identifier: Apache-2.0
// Where a batch belongs in what is stored of its epoch: which of its rows are new, and whether it may be there at all. Pure.

import type { AuditBatch } from '../../contract/sync/messages.ts';

/** The last stored row of an epoch. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** Before the first row. */
export const NO_HEAD: Head = { seq: 0, hash: '0'.repeat(64) };

export type Place =
  /** Rows between the head and the batch are missing. */
  | { readonly kind: 'behind' }
  /** The row with this number is stored with another hash. */
  | { readonly kind: 'fork'; readonly seq: number }
  /** The rows from this index on are new; at the end of the batch: none is. `lost`: behind a hole that the device explains. */
  | { readonly kind: 'fits'; readonly from: number; readonly lost: AuditBatch['lost'] };

/** Which stored rows must be compared: from the one before the batch up to the head or the batch's end. undefined: none. */
export function overlapOf({ after, rows }: AuditBatch, head: Head): { from: number; to: number } | undefined {
  const from = Math.max(1, after.seq);
  const to = Math.min(head.seq - 1, after.seq + rows.length);
  return from <= to ? { from, to } : undefined;
}

/**
 * @param stored hashes of the overlap by number. Rows may be absent: deleted by retention, or lost. What is new is linked to the head
 * all the same, and the rows of a batch to each other.
 */
export function placeOf(batch: AuditBatch, head: Head, stored: ReadonlyMap<number, string>): Place {
  const { after, rows, lost } = batch;
  if (after.seq > head.seq) {
    // Exactly the hole: one that is told wrongly would hide rows that are still to come.
    const explained = lost !== undefined && lost.from === head.seq + 1 && lost.to === after.seq;
    return explained ? { kind: 'fits', from: 0, lost } : { kind: 'behind' };
  }
  const hashAt = (seq: number) => (seq === head.seq ? head.hash : stored.get(seq));
  for (const { seq, hash } of [after, ...rows]) {
    if (seq > head.seq) break;
    const known = hashAt(seq);
    if (seq > 0 && known !== undefined && known !== hash) return { kind: 'fork', seq };
  }
  return { kind: 'fits', from: Math.min(head.seq - after.seq, rows.length), lost: undefined };
}
