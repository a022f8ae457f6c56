// SPDX-License-Identifier: Apache-2.0
// The audit log of a device as the control plane meets it: epochs of linked rows, and batches cut from them. Rows are made by the very
// functions that the agent uses.

import { randomBytes } from 'node:crypto';
import type { EpochBody, RowBody } from '../../src/contract/audit-row.ts';
import type { AuditBatch, BatchRow } from '../../src/contract/sync/messages.ts';
import { type ChainEnd, canonicalJson, EMPTY_CHAIN, linkRow, type StoredRow, toHex } from '../../src/protocol/chain.ts';

/** The end of an epoch, as the first row of the next one names it. */
export interface EpochEnd {
  readonly epoch: string;
  readonly seq: number;
  readonly hash: string;
}

export class DeviceLog {
  readonly epoch: string;
  readonly rows: StoredRow[];
  /** Milliseconds; rises by one a row. */
  #at: number;

  constructor(epoch: string = randomBytes(8).toString('hex'), rows: readonly StoredRow[] = [], at = 1_900_000_000_000) {
    this.epoch = epoch;
    this.rows = [...rows];
    this.#at = at;
  }

  /** An epoch with its first row. */
  static begin(
    previous?: EpochEnd,
    reason: EpochBody['reason'] = previous === undefined ? 'first' : 'rotation',
  ): DeviceLog {
    const log = new DeviceLog();
    log.add({ kind: 'epoch', reason, ...(previous === undefined ? {} : { previous }) });
    return log;
  }

  get end(): EpochEnd {
    const { seq, hash } = this.#last();
    return { epoch: this.epoch, seq, hash: toHex(hash) };
  }

  add(body: RowBody | Readonly<Record<string, unknown>>): this {
    return this.addText(canonicalJson(body));
  }

  addText(body: string): this {
    this.#at += 1;
    this.rows.push(linkRow(this.epoch, this.#last(), this.#at, body));
    return this;
  }

  /** Rows that matter to no test. */
  fill(count: number): this {
    for (let n = 0; n < count; n += 1) this.add({ kind: 'event', event: 'started', detail: { n: this.rows.length } });
    return this;
  }

  /** The same rows up to `seq`: a copy of the file from that time. */
  copyAt(seq: number): DeviceLog {
    return new DeviceLog(this.epoch, this.rows.slice(0, seq), this.#at);
  }

  /** Rows `from` to `to` (both included; default: the end) as they are sent. */
  batch(from: number, to: number = this.rows.length): AuditBatch {
    const before = this.rows[from - 2] ?? EMPTY_CHAIN;
    return {
      v: 1,
      epoch: this.epoch,
      after: { seq: before.seq, hash: toHex(before.hash) },
      rows: this.rows.slice(from - 1, to).map(asSent),
    };
  }

  #last(): ChainEnd {
    return this.rows.at(-1) ?? EMPTY_CHAIN;
  }
}

function asSent({ seq, at, hash, body }: StoredRow): BatchRow {
  return { seq, at, hash: toHex(hash), body };
}
