// SPDX-License-Identifier: Apache-2.0
// One queue file, as its writer sees it: how it is made, opened, appended to, synced and sealed. Knows SQLite; knows nothing of
// which rows are due, of other files, or of how full the disk is.

import { renameSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { type ChainEnd, EMPTY_CHAIN, linkRow, type StoredRow } from '../../protocol/chain.ts';
import { makePrivateFile, type QueueFileName } from './folder.ts';
import { QUEUE_FORMAT } from './open-readable.ts';

/** Metadata rows are about 540 B; 16 KiB pages waste least of them and of larger ones. Source: sync-audit, sizes. */
export const PAGE_BYTES = 16_384;
const CHECKPOINT_PAGES = 1000;
const JOURNAL_BYTES = 16 * 1024 * 1024;
/** Readers hold locks for milliseconds only. */
const BUSY_MS = 5000;

/** `full`: survives loss of power. `normal`: survives any end of the process. */
export type Synchronous = 'full' | 'normal';

const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE rows (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    prev BLOB NOT NULL,
    hash BLOB NOT NULL,
    body TEXT NOT NULL,
    -- Bookkeeping of the writer, outside the chain: which process handed the row over, as its how-manieth.
    run INTEGER,
    ticket INTEGER
  ) STRICT;
  -- Intents without an outcome when this file was begun.
  CREATE TABLE carried (request TEXT PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL, run INTEGER) STRICT, WITHOUT ROWID;
  -- What could be read of a damaged file. whole = 1: the row's own hash is right.
  CREATE TABLE salvaged (
    file TEXT NOT NULL, seq INTEGER NOT NULL, at ANY, prev ANY, hash ANY, body ANY, whole INTEGER NOT NULL,
    PRIMARY KEY (file, seq)
  ) STRICT, WITHOUT ROWID;
`;

/** A row that is to be linked and stored. `ticket` is absent for rows that the writer makes itself. */
export interface NewRow {
  readonly at: number;
  readonly body: string;
  readonly ticket?: number;
}

export interface CarriedIntent {
  readonly request: string;
  readonly epoch: string;
  readonly seq: number;
  readonly run: number | null;
}

export interface Birth {
  readonly rows: readonly NewRow[];
  readonly carried: readonly CarriedIntent[];
  /** Highest ticket of this run that an earlier file holds. */
  readonly run: number;
  readonly ticket: number;
}

export class QueueFile {
  readonly name: QueueFileName;
  readonly #db: Database.Database;
  readonly #run: number;
  readonly #insert: Database.Statement<[number, number, Uint8Array, Uint8Array, string, number | null, number | null]>;
  readonly #begin: Database.Statement<[]>;
  readonly #commit: Database.Statement<[]>;
  readonly #pages: Database.Statement<[], number>;
  readonly #touch: Database.Statement<[string]>;
  #end: ChainEnd;
  #knownPages = 0;
  /** Text that was stored since the pages were counted. */
  #charsSince = Number.POSITIVE_INFINITY;
  #synchronous: Synchronous = 'full';

  private constructor(name: QueueFileName, db: Database.Database, run: number) {
    this.name = name;
    this.#db = db;
    this.#run = run;
    this.#insert = db.prepare('INSERT INTO rows (seq, at, prev, hash, body, run, ticket) VALUES (?, ?, ?, ?, ?, ?, ?)');
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
    this.#pages = db.prepare<[], number>('PRAGMA page_count').pluck();
    this.#touch = db.prepare(
      "INSERT INTO meta VALUES ('synced', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    );
    this.#end = db.prepare<[], ChainEnd>('SELECT seq, hash FROM rows ORDER BY seq DESC LIMIT 1').get() ?? EMPTY_CHAIN;
  }

  /**
   * Makes a file with its first rows. It gets its name only when they are on the disk, so that a file that is there has an epoch
   * row, whenever the process is killed. Throws what SQLite or the file system throws; leaves nothing behind then.
   */
  static create(name: QueueFileName, birth: Birth): QueueFile {
    const unborn = name.path.replace(/\.db$/, '.new');
    makePrivateFile(unborn);
    try {
      const db = new Database(unborn, { timeout: BUSY_MS });
      try {
        db.pragma(`page_size = ${PAGE_BYTES}`);
        // A file that is not finished is thrown away, so nothing needs to be undone.
        db.pragma('journal_mode = MEMORY');
        setSynchronous(db, 'full');
        db.exec('BEGIN IMMEDIATE');
        db.exec(SCHEMA);
        const meta = db.prepare('INSERT INTO meta VALUES (?, ?)');
        meta.run('format', QUEUE_FORMAT);
        meta.run('epoch', name.epoch);
        meta.run('run', String(birth.run));
        meta.run('ticket', String(birth.ticket));
        const carry = db.prepare('INSERT INTO carried VALUES (?, ?, ?, ?)');
        for (const intent of birth.carried) carry.run(intent.request, intent.epoch, intent.seq, intent.run);
        const file = new QueueFile(name, db, birth.run);
        file.#insertAll(file.#linked(birth.rows), birth.rows);
        db.exec('COMMIT');
      } finally {
        db.close();
      }
      renameSync(unborn, name.path);
    } catch (error) {
      for (const suffix of ['', '-journal']) rmSync(`${unborn}${suffix}`, { force: true });
      throw error;
    }
    return QueueFile.open(name, birth.run);
  }

  /** Opens for writing. The caller holds the folder's lock and has checked the file. */
  static open(name: QueueFileName, run: number): QueueFile {
    const db = new Database(name.path, { timeout: BUSY_MS, fileMustExist: true });
    try {
      const mode = db.pragma('journal_mode = WAL', { simple: true });
      if (mode !== 'wal') throw new Error(`${name.name} cannot use a write-ahead log (journal mode ${String(mode)})`);
      // better-sqlite3 is compiled so that a write-ahead log alone means NORMAL; hence set and read back.
      setSynchronous(db, 'full');
      if (process.platform === 'darwin') {
        // Plain fsync does not flush the drive there.
        db.pragma('fullfsync = 1');
        db.pragma('checkpoint_fullfsync = 1');
      }
      db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      // Without this the log file keeps its largest size for ever.
      db.pragma(`journal_size_limit = ${JOURNAL_BYTES}`);
      return new QueueFile(name, db, run);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  get epoch(): string {
    return this.name.epoch;
  }

  /** The last committed row. */
  get end(): ChainEnd {
    return this.#end;
  }

  get bytes(): number {
    return this.pages * PAGE_BYTES;
  }

  /** May lag by two pages: asking SQLite costs as much as a fifth of a commit. */
  get pages(): number {
    if (this.#charsSince >= 2 * PAGE_BYTES) {
      this.#knownPages = this.#pages.get() ?? 0;
      this.#charsSince = 0;
    }
    return this.#knownPages;
  }

  /** The file may grow to this many pages; never fewer than it has. SQLITE_FULL above. */
  limitPages(pages: number): void {
    this.#db.pragma(`max_page_count = ${Math.max(pages, this.pages)}`);
  }

  /** Appends in one transaction, as durable as `synchronous` says. Throws and leaves the file as it was. */
  append(rows: readonly NewRow[], synchronous: Synchronous): readonly StoredRow[] {
    this.#setSynchronous(synchronous);
    const linked = this.#linked(rows);
    try {
      this.#transaction(() => this.#insertAll(linked, rows));
    } catch (error) {
      this.#charsSince = Number.POSITIVE_INFINITY;
      throw error;
    }
    for (const { body } of linked) this.#charsSince += body.length;
    this.#end = linked.at(-1) ?? this.#end;
    return linked;
  }

  /** Makes all that was committed survive a loss of power. */
  sync(): void {
    this.#setSynchronous('full');
    this.#transaction(() => this.#touch.run(String(this.#end.seq)));
  }

  /** Runs `work` in one transaction of this file, not synced. For salvage. */
  within(work: (db: Database.Database) => void): void {
    this.#charsSince = Number.POSITIVE_INFINITY;
    this.#setSynchronous('normal');
    this.#transaction(() => work(this.#db));
  }

  /** Read access of the writer's own connection. */
  get db(): Database.Database {
    return this.#db;
  }

  /** Moves the log into the file and shortens it, which gives its space back. */
  checkpoint(): void {
    this.#db.pragma('wal_checkpoint(TRUNCATE)');
  }

  /**
   * Closes. A file that leaves no write-ahead log behind can be read without making one, so this turns it off; while another
   * process reads, that fails and the reader copes.
   */
  close(): void {
    try {
      this.#setSynchronous('full');
      this.#db.pragma('busy_timeout = 0');
      this.#db.pragma('journal_mode = DELETE');
    } catch (error) {
      if (!(error instanceof Database.SqliteError)) throw error;
    } finally {
      this.#db.close();
    }
  }

  #linked(rows: readonly NewRow[]): StoredRow[] {
    let end = this.#end;
    return rows.map((row) => {
      const linked = linkRow(this.name.epoch, end, row.at, row.body);
      end = linked;
      return linked;
    });
  }

  #insertAll(linked: readonly StoredRow[], rows: readonly NewRow[]): void {
    for (const [index, row] of linked.entries()) {
      const ticket = rows[index]?.ticket ?? null;
      this.#insert.run(row.seq, row.at, row.prev, row.hash, row.body, ticket === null ? null : this.#run, ticket);
    }
  }

  #transaction(work: () => void): void {
    this.#begin.run();
    try {
      work();
      this.#commit.run();
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #setSynchronous(wanted: Synchronous): void {
    if (this.#synchronous === wanted) return;
    setSynchronous(this.#db, wanted);
    this.#synchronous = wanted;
  }
}

function setSynchronous(db: Database.Database, wanted: Synchronous): void {
  db.pragma(`synchronous = ${wanted}`);
  const set = db.pragma('synchronous', { simple: true });
  if (set !== (wanted === 'full' ? 2 : 1)) throw new Error(`SQLite did not take synchronous=${wanted}`);
}
