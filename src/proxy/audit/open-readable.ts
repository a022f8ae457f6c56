// SPDX-License-Identifier: Apache-2.0
// Opens a queue file for reading, beside a living writer or without one, and never makes or changes a file. Knows one file.

import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { StoredRow } from '../../protocol/chain.ts';
import { fileBytes } from './folder.ts';

/** Rows per read transaction: a long one would keep the writer from resetting its log. */
const PAGE_ROWS = 500;
/** Bytes 18 and 19 of a SQLite file: 2 = it has a write-ahead log, 1 = it has none. */
const LOG_FORMAT_AT = 18;
/** Of the tables of a queue file, as it says itself. A file of another form is neither read nor written: that is no damage. */
export const QUEUE_FORMAT = '1';

export interface ReadableFile {
  /** As the file says; its name may say otherwise. */
  readonly epoch: string;
  readonly db: Database.Database;
  /** Rows with a higher seq than `after`, in order; by default all, also those that no writer numbers so. Throws SqliteError where a page is damaged. */
  rows(after?: number): Generator<StoredRow>;
  close(): void;
}

/** Throws SqliteError if it is not a readable queue file, ENOENT if it is gone, Error if another version of Outpost made it. */
export function openReadable(path: string): ReadableFile {
  const db = openDatabase(path);
  try {
    const meta = db.prepare<[string], string>('SELECT value FROM meta WHERE key = ?').pluck();
    const format = meta.get('format') ?? QUEUE_FORMAT;
    if (format !== QUEUE_FORMAT) {
      throw new Error(
        `${path} has form ${format} of the audit log, which this version of Outpost does not know: run the version that made it, or name another folder with --data-dir`,
      );
    }
    const epoch = meta.get('epoch') ?? '';
    return { epoch, db, rows: (after = Number.MIN_SAFE_INTEGER) => pagedRows(db, after), close: () => void db.close() };
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * SQLite would make the side files of a write-ahead log even for a reader. Where there is none, nobody writes and the file is
 * complete, so it is read into memory (at most 64 MB) with the mark of the log taken off. The same holds for a file whose writer
 * was killed while it took the log off: its rollback journal undoes that mark only. Files that were closed in order have neither
 * and are read in place, and so are files with a log.
 */
export function openDatabase(path: string): Database.Database {
  if (!existsSync(`${path}-wal`) && (hasLogMark(path) || fileBytes(`${path}-journal`) > 0)) {
    const bytes = readFileSync(path);
    bytes.fill(1, LOG_FORMAT_AT, LOG_FORMAT_AT + 2);
    // A writer that came in between makes the copy incomplete; then its log is there.
    if (!existsSync(`${path}-wal`)) return new Database(bytes, { readonly: true });
  }
  return new Database(path, { readonly: true, fileMustExist: true, timeout: 2000 });
}

function hasLogMark(path: string): boolean {
  const mark = Buffer.alloc(2);
  const fd = openSync(path, 'r');
  try {
    readSync(fd, mark, 0, 2, LOG_FORMAT_AT);
  } finally {
    closeSync(fd);
  }
  return mark.includes(2);
}

function* pagedRows(db: Database.Database, after: number): Generator<StoredRow> {
  const page = db.prepare<[number, number], StoredRow>(
    'SELECT seq, at, prev, hash, body FROM rows WHERE seq > ? ORDER BY seq LIMIT ?',
  );
  for (let from = after; ; ) {
    const rows = page.all(from, PAGE_ROWS);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    from = last.seq;
  }
}
