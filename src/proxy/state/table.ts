// SPDX-License-Identifier: Apache-2.0
// The table of remembered state in one SQLite file: sealed rows with an end, bounded in number and size. A file that is damaged or
// sealed with another secret is replaced: it is a cache, and losing it costs a loss entry, not a call. Synchronous: for a thread of its own.

import { closeSync, constants, fchmodSync, openSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { PostedState, StateWorkerData } from './protocol.ts';
import { open, seal } from './seal.ts';

/** The row by which a file's secret is known, under a key that no HMAC has (they are 32 bytes). */
const CHECK_KEY = Buffer.from('check');
const CHECK_TEXT = 'outpost state 1';

export interface StateTable {
  /** Never throws. */
  put(rows: readonly PostedState[], now: number): void;
  /** Never throws. */
  get(keys: readonly Uint8Array[], now: number): readonly (string | undefined)[];
  close(): void;
}

interface Row {
  readonly expires: number;
  readonly box: Buffer;
}

type Trouble = (code: string, replaced: boolean) => void;

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';
}

/** Is the file itself bad, as opposed to no space or no permission? */
function isDamage(error: unknown): boolean {
  return /^SQLITE_(?:CORRUPT|NOTADB|SCHEMA|ERROR|MISMATCH)/.test(codeOf(error));
}

class ForeignFile extends Error {
  readonly code = 'FOREIGN';
}

interface Statements {
  readonly db: Database.Database;
  readonly insert: Database.Statement<[Uint8Array, number, Uint8Array]>;
  readonly select: Database.Statement<[Uint8Array], Row>;
  readonly expire: Database.Statement<[number]>;
  readonly sizes: Database.Statement<[], { readonly rows: number; readonly bytes: number }>;
  readonly oldest: Database.Statement<[], { readonly seq: number; readonly bytes: number }>;
  readonly remove: Database.Statement<[number]>;
}

function openFile({ path, secret }: StateWorkerData): Statements {
  // Made here, so that nobody else can read it at any moment; a link that somebody put in its place is not followed.
  const fd = openSync(path, constants.O_CREAT | constants.O_RDWR | (constants.O_NOFOLLOW ?? 0), 0o600);
  fchmodSync(fd, 0o600);
  closeSync(fd);
  const db = new Database(path, { timeout: 1_000 });
  try {
    db.pragma('journal_mode = WAL');
    // Losing the last rows with the power is no harm.
    db.pragma('synchronous = OFF');
    db.exec(
      'CREATE TABLE IF NOT EXISTS state (seq INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, expires INTEGER NOT NULL, box BLOB NOT NULL)',
    );
    const statements: Statements = {
      db,
      insert: db.prepare('INSERT OR REPLACE INTO state (key, expires, box) VALUES (?, ?, ?)'),
      select: db.prepare('SELECT expires, box FROM state WHERE key = ?'),
      expire: db.prepare('DELETE FROM state WHERE expires <= ? AND length(key) = 32'),
      sizes: db.prepare('SELECT count(*) AS rows, total(length(box)) AS bytes FROM state WHERE length(key) = 32'),
      oldest: db.prepare('SELECT seq, length(box) AS bytes FROM state WHERE length(key) = 32 ORDER BY seq LIMIT 1'),
      remove: db.prepare('DELETE FROM state WHERE seq = ?'),
    };
    const check = statements.select.get(CHECK_KEY);
    if (check === undefined) {
      if ((statements.sizes.get()?.rows ?? 0) > 0) throw new ForeignFile('rows without a check');
      statements.insert.run(CHECK_KEY, 0, seal(secret, CHECK_KEY, 0, CHECK_TEXT));
    } else if (open(secret, CHECK_KEY, 0, check.box) !== CHECK_TEXT) throw new ForeignFile('another secret');
    return statements;
  } catch (error) {
    db.close();
    throw error;
  }
}

function removeFiles(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${suffix}`, { force: true });
}

/** `trouble` hears of what went wrong; the calls themselves then find and keep nothing. */
export function openStateTable(options: StateWorkerData, trouble: Trouble): StateTable {
  const { path, secret, maxRows, maxBytes } = options;
  let file: Statements | undefined;

  function opened(): Statements {
    try {
      file ??= openFile(options);
    } catch (error) {
      if (!isDamage(error) && !(error instanceof ForeignFile)) throw error;
      trouble(codeOf(error), true);
      removeFiles(path);
      file = openFile(options);
    }
    return file;
  }

  /** Runs `work`; a damaged file is replaced, so that the next call finds an empty one. */
  function safely<T>(work: (file: Statements) => T, otherwise: T): T {
    try {
      return work(opened());
    } catch (error) {
      const damaged = isDamage(error);
      trouble(codeOf(error), damaged);
      if (!damaged) return otherwise;
      try {
        file?.db.close();
        removeFiles(path);
      } catch {
        // Nothing more can be done; the next call tries again.
      }
      file = undefined;
      return otherwise;
    }
  }

  /** Ends what is over, then the oldest rows until the rest fits. */
  function prune({ expire, sizes, oldest, remove }: Statements, now: number): void {
    expire.run(now);
    let { rows, bytes } = sizes.get() ?? { rows: 0, bytes: 0 };
    while (rows > maxRows || bytes > maxBytes) {
      const next = oldest.get();
      if (next === undefined) return;
      remove.run(next.seq);
      rows -= 1;
      bytes -= next.bytes;
    }
  }

  return {
    put(rows, now) {
      safely((one) => {
        one.db.transaction(() => {
          for (const { key, value, expires } of rows) one.insert.run(key, expires, seal(secret, key, expires, value));
          prune(one, now);
        })();
      }, undefined);
    },
    get(keys, now) {
      const nothing: readonly (string | undefined)[] = keys.map(() => undefined);
      return safely(({ select }) => {
        return keys.map((key) => {
          const row = select.get(key);
          if (row === undefined || row.expires <= now) return undefined;
          return open(secret, key, row.expires, row.box);
        });
      }, nothing);
    },
    close() {
      if (file !== undefined) safely(({ db }) => void db.close(), undefined);
      file = undefined;
    },
  };
}
