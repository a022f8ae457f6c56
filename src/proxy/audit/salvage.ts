// SPDX-License-Identifier: Apache-2.0
// Saves what can still be read of a damaged queue file into the `salvaged` table of the current one, row by row, in slices.
// Knows two files; never changes the damaged one.

import type Database from 'better-sqlite3';
import type { GapBody } from '../../contract/audit-row.ts';
import { headerText, rowHash, type StoredRow, sameBytes } from '../../protocol/chain.ts';
import type { DamagedFileName } from './folder.ts';
import { openDatabase } from './open-readable.ts';
import type { QueueFile } from './queue-file.ts';

/** Rows between two turns of the writer, so that salvage delays a live row by a few milliseconds at most. */
const SLICE_ROWS = 200;
/** The end of a damaged file is not known for sure: give up after this many misses beyond it. */
const MOST_MISSES = 1000;

/** A scan stops at the first damaged page; reading each row by its key goes on behind it. Source: sync-audit 4.4. */
export class Salvage {
  readonly #from: DamagedFileName;
  readonly #into: QueueFile;
  #source: Database.Database | undefined;
  #read: Database.Statement<[number], StoredRow> | undefined;
  #next = 1;
  #misses = 0;
  /** The highest seq that the damaged file is known to have reached. */
  #last: number;
  #whole = 0;

  constructor(from: DamagedFileName, into: QueueFile, known: number) {
    this.#from = from;
    this.#into = into;
    this.#last = known;
    try {
      this.#source = openDatabase(from.path);
      this.#read = this.#source.prepare('SELECT seq, at, prev, hash, body FROM rows WHERE seq = ?');
      this.#last = Math.max(known, lastSeq(this.#source));
    } catch {
      // Nothing of it can be read; the gap row says so.
      this.close();
    }
  }

  /** Saves the next slice. Returns the gap row when there is nothing more to do. Throws if the current file cannot take it. */
  step(): GapBody | undefined {
    const read = this.#read;
    if (read === undefined) return this.#gap();
    const rows = this.#readSlice(read);
    this.#into.within((db) => {
      const insert = db.prepare('INSERT OR REPLACE INTO salvaged VALUES (?, ?, ?, ?, ?, ?, ?)');
      for (const row of rows) {
        const whole = isWhole(this.#from.epoch, row);
        if (whole) this.#whole++;
        insert.run(this.#from.name, row.seq, row.at, row.prev, row.hash, row.body, whole ? 1 : 0);
      }
    });
    if (this.#next <= this.#last || this.#misses < MOST_MISSES) return undefined;
    this.close();
    return this.#gap();
  }

  close(): void {
    this.#source?.close();
    this.#source = undefined;
    this.#read = undefined;
  }

  #readSlice(read: Database.Statement<[number], StoredRow>): readonly StoredRow[] {
    const rows: StoredRow[] = [];
    const until = this.#next + SLICE_ROWS;
    for (; this.#next < until; this.#next++) {
      const row = readRow(read, this.#next);
      if (row === undefined) {
        this.#misses++;
        continue;
      }
      rows.push(row);
      this.#misses = 0;
      this.#last = Math.max(this.#last, row.seq);
    }
    return rows;
  }

  /** `count`: rows that are lost or changed. */
  #gap(): GapBody {
    const range =
      this.#last === 0 ? {} : { from_seq: 1, to_seq: this.#last, count: Math.max(0, this.#last - this.#whole) };
    return { kind: 'gap', reason: 'damage', epoch: this.#from.epoch, ...range };
  }
}

function readRow(read: Database.Statement<[number], StoredRow>, seq: number): StoredRow | undefined {
  try {
    return read.get(seq);
  } catch {
    return undefined;
  }
}

function lastSeq(db: Database.Database): number {
  try {
    return db.prepare<[], number | null>('SELECT max(seq) FROM rows').pluck().get() ?? 0;
  } catch {
    return 0;
  }
}

/** A row of a damaged file can hold anything in any column. */
function isWhole(epoch: string, row: StoredRow): boolean {
  return (
    row.prev instanceof Uint8Array &&
    row.hash instanceof Uint8Array &&
    typeof row.body === 'string' &&
    sameBytes(rowHash(row.prev, headerText(epoch, row.seq, row.at), row.body), row.hash)
  );
}
