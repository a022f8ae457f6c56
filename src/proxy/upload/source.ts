// SPDX-License-Identifier: Apache-2.0
// Which rows of the audit folder may be sent, and how they are read: epoch after epoch, from queue files or, where one was damaged, from
// what was salvaged of it. Opens a file for one read only. Knows nothing of what was sent.

import Database from 'better-sqlite3';
import type { StoredRow } from '../../protocol/chain.ts';
import { isMissing, listDamagedFiles, listQueueFiles, type QueueFileName, readHead } from '../audit/folder.ts';
import { openReadable } from '../audit/open-readable.ts';

/** Rows that are looked for one by one behind a damaged page: more than a file has. */
const MOST_SCANNED = 200_000;

/** The rows of one epoch. */
export interface Source {
  readonly epoch: string;
  /** The file that holds them. */
  readonly file: QueueFileName;
  /** Name of a damaged file whose rows were saved into `file`. */
  readonly salvaged: string | undefined;
  /** Rows up to here may be sent. */
  readonly upTo: number;
  /** Highest number that is known of the epoch from elsewhere: its successor, the head file. 0: none. Opens the former. */
  readonly named: () => number;
}

/** An open file; good until `readEpoch` returns. */
export interface EpochReader {
  /** Rows behind `after`, in order. */
  rows(after: number, limit: number): readonly StoredRow[];
  hashAt(seq: number): Uint8Array | undefined;
  timeAfter(seq: number): number | undefined;
  /** The highest seq that may be sent. */
  readonly end: number;
  /** The highest seq that was ever given in this epoch, as far as this disk knows. */
  issued(): number;
  /** Bytes of the file for each of its rows. */
  readonly rowBytes: number;
  /** Some rows could not be read. */
  readonly damaged: boolean;
}

/**
 * Epochs in the order of the log. Of the newest one only rows at or below the watermark are sent: others could get another content under
 * the same number after a loss of power. A file that is newer than `newest` waits until the watermark of its own is known.
 */
export function listSources(dir: string, newest: { readonly epoch: string; readonly watermark: number }): Source[] {
  const files = listQueueFiles(dir);
  const head = readHead(dir);
  const current = files.findIndex(({ epoch }) => epoch === newest.epoch);
  const readable = files.slice(0, current < 0 ? -1 : current + 1);
  const named = (epoch: string, next: QueueFileName | undefined) => (): number => {
    const atHead = head.state === 'known' && head.head.epoch === epoch ? head.head.seq : 0;
    return Math.max(atHead, next === undefined ? 0 : previousSeq(next, epoch));
  };
  const sources = readable.map((file, index) => ({
    name: file.name,
    source: {
      epoch: file.epoch,
      file,
      salvaged: undefined,
      upTo: index === current ? newest.watermark : Number.MAX_SAFE_INTEGER,
      named: named(file.epoch, files[index + 1]),
    },
  }));
  const salvaged = listDamagedFiles(dir).flatMap(({ name, epoch }) => {
    // Rows are saved into the file that was begun when this one was set aside.
    const file = readable.find((other) => other.name > name);
    if (file === undefined) return [];
    return [
      { name, source: { epoch, file, salvaged: name, upTo: Number.MAX_SAFE_INTEGER, named: named(epoch, file) } },
    ];
  });
  const ordered = [...sources, ...salvaged].sort((a, b) => (a.name < b.name ? -1 : 1));
  return ordered.map(({ source }) => source);
}

/** Of queue files and damaged ones. */
export function epochsOnDisk(dir: string): ReadonlySet<string> {
  return new Set([...listQueueFiles(dir), ...listDamagedFiles(dir)].map(({ epoch }) => epoch));
}

export type EpochRead<T> =
  | { readonly state: 'read'; readonly value: T }
  /** Removed meanwhile: retention or the size cap; a gap row says so. */
  | { readonly state: 'gone' }
  /** Nothing of it can be read, now or later. */
  | { readonly state: 'damaged' }
  /** Not now: locks, or the disk. */
  | { readonly state: 'busy'; readonly why: string };

/** Opens, reads, closes: a file that stays open could not be removed on Windows, nor lose its write-ahead log when it is rotated. */
export function readEpoch<T>(source: Source, read: (reader: EpochReader) => T): EpochRead<T> {
  try {
    const { db, epoch, close } = openReadable(source.file.path);
    try {
      if (epoch !== source.file.epoch) return { state: 'damaged' };
      return { state: 'read', value: read(new SqliteReader(db, source)) };
    } finally {
      close();
    }
  } catch (error) {
    if (isMissing(error)) return { state: 'gone' };
    if (!(error instanceof Database.SqliteError)) throw error;
    return isDamage(error) ? { state: 'damaged' } : { state: 'busy', why: error.code };
  }
}

class SqliteReader implements EpochReader {
  readonly end: number;
  readonly rowBytes: number;
  readonly #db: Database.Database;
  readonly #source: Source;
  readonly #from: string;
  /** What the question marks in `#from` stand for. */
  readonly #bound: readonly string[];
  readonly #stored: number;
  #damaged = false;

  constructor(db: Database.Database, source: Source) {
    this.#db = db;
    this.#source = source;
    const { salvaged, upTo } = source;
    // A row whose own hash is wrong is no row of the chain.
    this.#from = salvaged === undefined ? 'rows WHERE' : 'salvaged WHERE file = ? AND whole = 1 AND';
    this.#bound = salvaged === undefined ? [] : [salvaged];
    this.#stored =
      this.#attempt(() => this.#number(`SELECT max(seq) FROM ${this.#from} seq > 0`, this.#bound)) ?? source.named();
    this.end = Math.min(this.#stored, upTo);
    const bytes = this.#number('PRAGMA page_count', []) * this.#number('PRAGMA page_size', []);
    this.rowBytes = bytes / Math.max(1, this.#stored);
  }

  get damaged(): boolean {
    return this.#damaged;
  }

  issued(): number {
    return Math.max(this.#stored, this.#source.named());
  }

  rows(after: number, limit: number): readonly StoredRow[] {
    const sql = `SELECT seq, at, prev, hash, body FROM ${this.#from} seq > ? AND seq <= ? ORDER BY seq LIMIT ?`;
    const page = this.#db.prepare<unknown[], StoredRow>(sql);
    for (let from = after; ; ) {
      const rows = this.#attempt(() => page.all(...this.#bound, from, this.end, limit)) ?? this.#rowsByKey(from, limit);
      const whole = rows.filter(isRow);
      const last = rows.at(-1);
      if (last === undefined || whole.length > 0 || rows.length < limit) return whole;
      from = last.seq;
    }
  }

  hashAt(seq: number): Uint8Array | undefined {
    return this.#attempt(() => {
      const statement = this.#db.prepare<unknown[], unknown>(`SELECT hash FROM ${this.#from} seq = ?`);
      const hash = statement.pluck().get(...this.#bound, seq);
      return hash instanceof Uint8Array ? hash : undefined;
    });
  }

  timeAfter(seq: number): number | undefined {
    const at = this.#attempt(() => {
      const sql = `SELECT at FROM ${this.#from} seq > ? ORDER BY seq LIMIT 1`;
      return this.#number(sql, [...this.#bound, seq]);
    });
    return at === 0 ? undefined : at;
  }

  /** A scan ends at the first damaged page; single rows behind it can still be read. */
  #rowsByKey(after: number, limit: number): readonly StoredRow[] {
    const sql = `SELECT seq, at, prev, hash, body FROM ${this.#from} seq = ?`;
    const read = this.#db.prepare<unknown[], StoredRow>(sql);
    const rows: StoredRow[] = [];
    for (let seq = after + 1; seq <= this.end && seq - after <= MOST_SCANNED && rows.length < limit; seq++) {
      const row = this.#attempt(() => read.get(...this.#bound, seq));
      if (row !== undefined) rows.push(row);
    }
    return rows;
  }

  /** 0 where there is none. */
  #number(sql: string, bound: readonly unknown[]): number {
    const value = this.#db
      .prepare<unknown[], unknown>(sql)
      .pluck()
      .get(...bound);
    return typeof value === 'number' ? value : 0;
  }

  #attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#damaged = true;
      return undefined;
    }
  }
}

/** Does it speak of what stands in the file, not of locks or the device? */
function isDamage(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(?:CORRUPT|NOTADB|FORMAT|ERROR$)/.test(error.code);
}

/** A damaged file can hold anything in any column. */
function isRow({ seq, at, prev, hash, body }: StoredRow): boolean {
  return (
    Number.isSafeInteger(seq) && Number.isSafeInteger(at) && isHash(prev) && isHash(hash) && typeof body === 'string'
  );
}

function isHash(value: unknown): boolean {
  return value instanceof Uint8Array && value.length === 32;
}

/** The end of `epoch` as the first row of the next file tells it. */
function previousSeq(next: QueueFileName, epoch: string): number {
  const sql = "SELECT body ->> '$.previous.seq' FROM rows WHERE seq = 1 AND body ->> '$.previous.epoch' = ?";
  const seq = inFile(next, (db) => db.prepare<[string], unknown>(sql).pluck().get(epoch));
  return typeof seq === 'number' && Number.isSafeInteger(seq) ? seq : 0;
}

/** Why rows of an epoch are missing, if a gap row says so. Looks through all of the log. */
export function gapReason(dir: string, epoch: string): string | undefined {
  const sql = `
    SELECT body ->> '$.reason' FROM rows WHERE instr(body, ?) > 0
      AND body ->> '$.kind' = 'gap' AND body ->> '$.epoch' = ? LIMIT 1`;
  for (const file of listQueueFiles(dir)) {
    const reason = inFile(file, (db) => db.prepare<[string, string], unknown>(sql).pluck().get(`"${epoch}"`, epoch));
    if (typeof reason === 'string') return reason;
  }
  return undefined;
}

function inFile<T>(file: QueueFileName, read: (db: Database.Database) => T): T | undefined {
  try {
    const { db, close } = openReadable(file.path);
    try {
      return read(db);
    } finally {
      close();
    }
  } catch (error) {
    if (error instanceof Database.SqliteError || isMissing(error)) return undefined;
    throw error;
  }
}
