// SPDX-License-Identifier: Apache-2.0
// Makes the text of a batch from stored rows: how many fit, which link, which are sent without their body. Pure.

import { LIMITS } from '../../contract/sync/limits.ts';
import { type StoredRow, sameBytes, toHex } from '../../protocol/chain.ts';

/** Of the text before compression: far below LIMITS.batchText, so that one slow request is never long. Source: sync-audit 3. */
export const BATCH_BYTES = 1_048_576;

/** A row, and by its hash all rows before it. */
export interface Place {
  readonly seq: number;
  /** 64 hex digits. */
  readonly hash: string;
}

export const START: Place = { seq: 0, hash: '0'.repeat(64) };

export interface Lost {
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

export interface Batch {
  readonly epoch: string;
  readonly after: Place;
  readonly last: Place;
  /** How many rows. */
  readonly count: number;
  /** Device time of the first row. */
  readonly at: number;
  /** Rows that are sent without their body. */
  readonly withheld: ReadonlySet<number>;
  readonly lost: Lost | undefined;
  /** The body of the request. */
  readonly text: string;
}

export interface BatchOptions {
  readonly epoch: string;
  /** The last row that the server has. */
  readonly place: Place;
  /** Rows whose body the server refused. */
  readonly refused: ReadonlySet<number>;
  readonly most: number;
  /** Asked when rows are missing behind `place`. */
  readonly whyLost: () => string;
}

/**
 * The first rows that make one batch. It ends where a row is missing or does not follow the one before it, so that the server judges that
 * place by itself. Undefined: there are no rows.
 */
export function makeBatch(rows: readonly StoredRow[], options: BatchOptions): Batch | undefined {
  const { epoch, place, refused, most, whyLost } = options;
  const [first] = rows;
  if (first === undefined || most < 1) return undefined;
  const after = { seq: first.seq - 1, hash: toHex(first.prev) };
  const texts: string[] = [];
  const withheld = new Set<number>();
  let bytes = 0;
  let last = first;
  for (const row of rows.slice(0, most)) {
    if (row !== first && (row.seq !== last.seq + 1 || !sameBytes(row.prev, last.hash))) break;
    const hidden = refused.has(row.seq) || Buffer.byteLength(row.body) > LIMITS.row;
    const { seq, at, hash, body } = row;
    const text = JSON.stringify({ seq, at, hash: toHex(hash), body: hidden ? null : body });
    bytes += Buffer.byteLength(text) + 1;
    if (row !== first && bytes > BATCH_BYTES) break;
    if (hidden) withheld.add(seq);
    texts.push(text);
    last = row;
  }
  const lost =
    after.seq > place.seq ? { from: place.seq + 1, to: after.seq, reason: whyLost().slice(0, 64) } : undefined;
  const said = { v: 1, epoch, after, ...(lost === undefined ? {} : { lost }) };
  return {
    epoch,
    after,
    last: { seq: last.seq, hash: toHex(last.hash) },
    count: texts.length,
    at: first.at,
    withheld,
    lost,
    text: `${JSON.stringify(said).slice(0, -1)},"rows":[${texts.join(',')}]}`,
  };
}
