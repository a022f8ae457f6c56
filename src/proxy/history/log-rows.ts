// SPDX-License-Identifier: Apache-2.0
// Rows of one file of the audit log by their numbers, in bounded pieces, beside its writer. What is damaged is passed over, row by row:
// `outpost audit verify` tells of it. Changes no file; knows nothing of what rows mean.

import Database from 'better-sqlite3';
import { type RowBody, rowBody } from '../../contract/audit-row.ts';
import type { StoredRow } from '../../protocol/chain.ts';
import { isMissing, type QueueFileName } from '../audit/folder.ts';
import { openReadable, type ReadableFile } from '../audit/open-readable.ts';

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
  /** Rows `from` to `to`, at most PIECE numbers, in order; those whose text holds `text`. */
  rowsHolding(from: number, to: number, text: string): readonly StoredRow[];
}

/**
 * Opens, reads, closes: a file that stays open could not be removed on Windows, nor lose its write-ahead log when it is rotated. Undefined:
 * it is gone meanwhile, or nothing of it can be read.
 */
export function readLogFile<T>(name: QueueFileName, read: (file: LogFile) => T): T | undefined {
  const file = tryOpen(name);
  if (file === undefined) return undefined;
  try {
    return read(new SqliteFile(file));
  } finally {
    file.close();
  }
}

function tryOpen(name: QueueFileName): ReadableFile | undefined {
  try {
    return openReadable(name.path);
  } catch (error) {
    if (!isMissing(error) && !isDamage(error)) throw error;
    return undefined;
  }
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

type Piece<V, T> = Database.Statement<[from: number, to: number, value: V], T>;

function pieceSql(columns: string, having: string): string {
  return `SELECT ${columns} FROM rows WHERE seq BETWEEN ? AND ? AND ${having} ORDER BY seq`;
}

function readPiece<V, T>(piece: Piece<V, T>, from: number, to: number, value: V): readonly T[] {
  // A scan ends at the first damaged page; single rows behind it can still be read.
  const byNumber = (): readonly T[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index).flatMap(
      (seq) => unlessDamaged(() => piece.all(seq, seq, value)) ?? [],
    );
  return unlessDamaged(() => piece.all(from, to, value)) ?? byNumber();
}

class SqliteFile implements LogFile {
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  readonly since: number | undefined;
  readonly #plain: Piece<number, LogRow>;
  readonly #holding: Piece<string, StoredRow>;

  constructor({ epoch, db }: ReadableFile) {
    this.epoch = epoch;
    db.pragma(`cache_size = -${CACHE_KB}`);
    const sql = 'SELECT seq, at FROM rows WHERE seq > 0 ORDER BY seq LIMIT 1';
    const lowest = unlessDamaged(() => db.prepare<[], Pick<StoredRow, 'seq' | 'at'>>(sql).get());
    this.first = lowest?.seq ?? 1;
    this.since = lowest?.at;
    this.last = highest(db, this.first);
    this.#plain = db.prepare(pieceSql('seq, at, body', 'at >= ?'));
    this.#holding = db.prepare(pieceSql('seq, at, prev, hash, body', 'instr(body, ?) > 0'));
  }

  rows(from: number, to: number, notBefore = Number.MIN_SAFE_INTEGER): readonly LogRow[] {
    return readPiece(this.#plain, from, to, notBefore).filter(isRow);
  }

  rowsHolding(from: number, to: number, text: string): readonly StoredRow[] {
    return readPiece(this.#holding, from, to, text).filter((row) => isRow(row) && isHash(row.prev) && isHash(row.hash));
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
