// SPDX-License-Identifier: Apache-2.0
// Rows of one file of the audit log by their numbers, in bounded pieces, beside its writer. What is damaged is passed over, row by row:
// `outpost audit verify` tells of it. Changes no file; knows nothing of what rows mean.

import Database from 'better-sqlite3';
import { type RowBody, rowBody } from '../../contract/audit-row.ts';
import type { StoredRow } from '../../protocol/chain.ts';
import { isMissing, type QueueFileName } from '../audit/folder.ts';
import { openDatabase, QUEUE_FORMAT } from '../audit/open-readable.ts';

/** Numbers of one piece. A long read would keep the writer from resetting its write-ahead log. */
export const PIECE = 500;
/** More than a file of 64 MB has rows. */
const MOST_NUMBERS = 2_000_000;

/** Everything is read once. The usual 16 MB would stay with the process after the thread has ended (measured: 8 MB). */
const CACHE_KB = 512;

export type LogRow = Pick<StoredRow, 'seq' | 'at' | 'body'>;

export interface LogFile {
  /** As the file says. */
  readonly epoch: string;
  /** The lowest and the highest number; `last` below `first`: it has no rows. */
  readonly first: number;
  readonly last: number;
  /** `at` of the row with the lowest number. */
  readonly since: number | undefined;
  /** Rows `from` to `to`, at most PIECE numbers, in order; those not older than `notBefore`. */
  rows(from: number, to: number, notBefore?: number): readonly LogRow[];
  /** Rows `from` to `to`, at most PIECE numbers, in order; those whose request or decision has this id. */
  rowsOf(from: number, to: number, id: string): readonly StoredRow[];
}

export interface OpenLogFile extends LogFile {
  close(): void;
}

/**
 * Opens, reads, closes: a file that stays open could not be removed on Windows, nor lose its write-ahead log when it is rotated. Undefined:
 * as of `openLogFile`.
 */
export function readLogFile<T>(name: QueueFileName, read: (file: LogFile) => T): T | undefined {
  const file = openLogFile(name);
  if (file === undefined) return undefined;
  try {
    return read(file);
  } finally {
    file.close();
  }
}

/** Undefined: it is gone meanwhile, nothing of it can be read, or a newer version of Outpost has made it. */
export function openLogFile({ path }: QueueFileName): OpenLogFile | undefined {
  let db: Database.Database | undefined;
  try {
    db = openDatabase(path);
    const meta = db.prepare<[string], string>('SELECT value FROM meta WHERE key = ?').pluck();
    if ((meta.get('format') ?? QUEUE_FORMAT) === QUEUE_FORMAT) return new SqliteFile(db, meta.get('epoch') ?? '');
  } catch (error) {
    db?.close();
    if (!isMissing(error) && !isDamage(error)) throw error;
    return undefined;
  }
  db.close();
  return undefined;
}

/** What is locked is whole: then the answer fails, and is not given without those rows. */
function isDamage(error: unknown): boolean {
  return error instanceof Database.SqliteError && !/^SQLITE_(?:BUSY|LOCKED|NOMEM)/.test(error.code);
}

/** Undefined: damaged. */
function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isDamage(error)) throw error;
    return undefined;
  }
}

type Piece<V extends readonly unknown[], T> = Database.Statement<[from: number, to: number, ...values: V], T>;

function pieceSql(columns: string, having: string): string {
  return `SELECT ${columns} FROM rows WHERE seq BETWEEN ? AND ? AND ${having} ORDER BY seq`;
}

function readPiece<V extends readonly unknown[], T>(
  piece: Piece<V, T>,
  from: number,
  to: number,
  ...values: V
): readonly T[] {
  // A scan ends at the first damaged page; single rows behind it can still be read.
  const byNumber = (): readonly T[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index).flatMap(
      (seq) => unlessDamaged(() => piece.all(seq, seq, ...values)) ?? [],
    );
  return unlessDamaged(() => piece.all(from, to, ...values)) ?? byNumber();
}

class SqliteFile implements OpenLogFile {
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  readonly since: number | undefined;
  readonly #plain: Piece<[notBefore: number], LogRow>;
  readonly #of: Piece<[request: string, decision: string], StoredRow>;
  readonly #db: Database.Database;

  constructor(db: Database.Database, epoch: string) {
    this.epoch = epoch;
    this.#db = db;
    db.pragma(`cache_size = -${CACHE_KB}`);
    const sql = 'SELECT seq, at FROM rows WHERE seq > 0 ORDER BY seq LIMIT 1';
    const lowest = unlessDamaged(() => db.prepare<[], Pick<StoredRow, 'seq' | 'at'>>(sql).get());
    this.first = lowest?.seq ?? 1;
    this.since = lowest?.at;
    this.last = highest(db, this.first);
    this.#plain = db.prepare(pieceSql('seq, at, body', 'at >= ?'));
    // With the member's name: an id may be one itself, or a value of every row. Rows are stored without blanks.
    const holds = '(instr(body, ?) > 0 OR instr(body, ?) > 0)';
    this.#of = db.prepare(pieceSql('seq, at, prev, hash, body', holds));
  }

  rows(from: number, to: number, notBefore = Number.MIN_SAFE_INTEGER): readonly LogRow[] {
    return readPiece(this.#plain, from, to, notBefore).filter(isRow);
  }

  rowsOf(from: number, to: number, id: string): readonly StoredRow[] {
    const text = JSON.stringify(id);
    const rows = readPiece(this.#of, from, to, `"request":${text}`, `"decision":${text}`);
    return rows.filter((row) => isRow(row) && isHash(row.prev) && isHash(row.hash));
  }

  close(): void {
    this.#db.close();
  }
}

/** The highest number that can be read. */
function highest(db: Database.Database, first: number): number {
  const below = db.prepare<[number], number | null>('SELECT max(seq) FROM rows WHERE seq < ?').pluck();
  let [known, damaged, last] = [first, first + MOST_NUMBERS, first - 1];
  const whole = unlessDamaged(() => below.get(damaged));
  if (whole !== undefined) return whole ?? last;
  // The last page is damaged: as far as the numbers go before it.
  while (damaged - known > 1) {
    const middle = Math.floor((known + damaged) / 2);
    const found = unlessDamaged(() => below.get(middle));
    if (found === undefined) damaged = middle;
    else [known, last] = [middle, found ?? last];
  }
  return last;
}

/** A damaged file can hold anything in any column. */
function isRow({ seq, at, body }: LogRow): boolean {
  return Number.isSafeInteger(seq) && Number.isSafeInteger(at) && typeof body === 'string';
}

function isHash(value: unknown): boolean {
  return value instanceof Uint8Array && value.length === 32;
}

/** Undefined: it is not valid. */
export function bodyOf({ body }: Pick<StoredRow, 'body'>): RowBody | undefined {
  try {
    return rowBody.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}

/** Told by the text: parsing costs much more, and a third of all rows are attempts. Within a string the quotes would be escaped. */
export function isAttempt({ body }: LogRow): boolean {
  return body.includes('"kind":"attempt"');
}
