// SPDX-License-Identifier: Apache-2.0
// Walks one queue file from its first row to its last and notes every break. Knows nothing of other files.

import Database from 'better-sqlite3';
import type { AuditRow, EpochBody } from '../../contract/audit-row.ts';
import { type ChainEnd, checkRow, EMPTY_CHAIN, type StoredRow } from '../../protocol/chain.ts';
import { isMissing, type QueueFileName } from './folder.ts';
import { openReadable, type ReadableFile } from './open-readable.ts';
import { toAuditRow } from './reader.ts';
import type { Explained, Finding } from './verify.ts';

const MOST_FINDINGS = 1000;

export interface FileSummary {
  readonly name: QueueFileName;
  readonly rows: number;
  readonly end: ChainEnd;
  /** Body of row 1, if it is a valid epoch row. */
  readonly first: EpochBody | undefined;
  readonly findings: readonly Finding[];
  readonly explained: readonly Explained[];
}

/** Undefined: the file is gone meanwhile. `known`: a seq that it has reached. */
export function scanFile(name: QueueFileName, known: number): FileSummary | undefined {
  let file: ReadableFile | undefined;
  const scan = new FileScan(name);
  try {
    file = openReadable(name.path);
    if (file.epoch !== name.epoch) scan.find('unreadable', undefined, `it says that its epoch is ${file.epoch}`);
    scan.run(file, known);
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (!(error instanceof Database.SqliteError)) throw error;
    scan.find('unreadable', undefined, error.message);
  } finally {
    file?.close();
  }
  return scan.summary;
}

class FileScan {
  readonly #name: QueueFileName;
  readonly #findings: Finding[] = [];
  readonly #explained: Explained[] = [];
  #rows = 0;
  #end: ChainEnd = EMPTY_CHAIN;
  #first: EpochBody | undefined;

  constructor(name: QueueFileName) {
    this.#name = name;
  }

  get summary(): FileSummary {
    return {
      name: this.#name,
      rows: this.#rows,
      end: this.#end,
      first: this.#first,
      findings: this.#findings,
      explained: this.#explained,
    };
  }

  run(file: ReadableFile, known: number): void {
    try {
      for (const row of file.rows()) this.#check(row);
    } catch (error) {
      if (!(error instanceof Database.SqliteError)) throw error;
      this.find('unreadable', this.#end.seq + 1, `${error.message}; rows behind it are read one by one`);
      this.#runByKey(file.db, known);
    }
  }

  /** A scan ends at the first damaged page; single rows behind it can still be read. */
  #runByKey(db: Database.Database, known: number): void {
    const read = db.prepare<[number], StoredRow>('SELECT seq, at, prev, hash, body FROM rows WHERE seq = ?');
    const last = Math.max(known, attempt(() => db.prepare<[], number>('SELECT max(seq) FROM rows').pluck().get()) ?? 0);
    for (let seq = this.#end.seq + 1; seq <= last; seq++) {
      const row = attempt(() => read.get(seq));
      if (row !== undefined) this.#check(row);
    }
  }

  find(kind: Finding['kind'], seq: number | undefined, text: string): void {
    if (this.#findings.length >= MOST_FINDINGS) return;
    this.#findings.push({ kind, file: this.#name.name, ...(seq === undefined ? {} : { seq }), text });
  }

  #check(stored: StoredRow): void {
    this.#rows++;
    const { seq } = stored;
    if (!(stored.prev instanceof Uint8Array && stored.hash instanceof Uint8Array && typeof stored.body === 'string')) {
      this.find('hash', seq, 'its columns have other types');
      return;
    }
    if (seq < 1) {
      this.find('hash', seq, 'no row has such a number');
      return;
    }
    const why = checkRow(this.#name.epoch, this.#end, stored);
    if (why === 'hash') this.find('hash', seq, 'its content is not what was written');
    if (why === 'link') this.find('link', seq, `it does not follow row ${this.#end.seq}`);
    if (why === 'gap') this.find('gap', seq, `rows ${this.#end.seq + 1} to ${seq - 1} are missing before it`);
    this.#end = stored;
    const row = toAuditRow(this.#name.epoch, stored);
    if (row !== undefined) this.#note(row);
    else if (why !== 'hash') this.find('invalid', seq, 'it is not a valid row');
  }

  #note({ seq, body }: AuditRow): void {
    if (seq === 1 && body.kind === 'epoch') this.#first = body;
    if (body.kind !== 'gap') return;
    const { reason, epoch, count } = body;
    const where = { reason, file: this.#name.name, seq };
    const what = { ...(epoch === undefined ? {} : { epoch }), ...(count === undefined ? {} : { count }) };
    this.#explained.push({ ...where, ...what });
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Database.SqliteError) return undefined;
    throw error;
  }
}
