// SPDX-License-Identifier: Apache-2.0
// The file that is written to and its predecessors: begins and ends epochs, appends, syncs, keeps the head file. Knows nothing of
// caps, of a full disk (its errors pass through), or of who waits for a row.

import { randomBytes } from 'node:crypto';
import type Database from 'better-sqlite3';
import type { EpochBody, RowBody } from '../../contract/audit-row.ts';
import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import { type ChainEnd, EMPTY_CHAIN, type StoredRow, toHex } from '../../protocol/chain.ts';
import { rowText } from './fit.ts';
import { fileBytes, listQueueFiles, type QueueFileName, queueFileName, syncFolder, writeHead } from './folder.ts';
import { type CarriedIntent, type NewRow, QueueFile } from './queue-file.ts';
import type { StartPlan } from './start-up.ts';

/** Levels below `strict` lose at most this much on a loss of power. Milliseconds. Source: sync-audit 5. */
const SYNC_MS = 250;
/** The head file may lag this much behind the log. */
const HEAD_MS = 1000;

export interface EpochFilesOptions {
  readonly dir: string;
  readonly run: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class EpochFiles {
  readonly #options: EpochFilesOptions;
  #file: QueueFile;
  /** The last row that survives a loss of power. */
  #synced: ChainEnd = EMPTY_CHAIN;
  /** When the first row was committed that does not. */
  #unsyncedSince: number | undefined;
  #headPending = false;
  #closed = false;
  /** Highest ticket of this run that is stored: more than 0 only for a writer that was started again in the same process. */
  readonly storedTicket: number;

  constructor(options: EpochFilesOptions, plan: StartPlan) {
    this.#options = options;
    const { next, openIntents } = plan;
    if (next.kind === 'continue') {
      this.#file = QueueFile.open(next.file, options.run);
    } else {
      const { body, gap } = next.epoch;
      this.#file = this.#create(body, gap === undefined ? [] : [gap], openIntents, 0);
    }
    try {
      this.storedTicket = lastTicket(this.#file.db, options.run);
      this.#file.sync();
    } catch (error) {
      this.#file.close();
      throw error;
    }
    this.#synced = this.#file.end;
    this.#writeHead(true);
    this.#sealOthers();
  }

  get file(): QueueFile {
    return this.#file;
  }

  get synced(): ChainEnd {
    return this.#synced;
  }

  /** Every file but the one that is written to, oldest first. */
  sealed(): readonly QueueFileName[] {
    return listQueueFiles(this.#options.dir).filter((file) => file.name !== this.#file.name.name);
  }

  append(rows: readonly NewRow[], durable: boolean): readonly StoredRow[] {
    const stored = this.#file.append(rows, durable ? 'full' : 'normal');
    if (durable) this.#markSynced();
    else this.#unsyncedSince ??= this.#options.clock.monotonic();
    return stored;
  }

  /** Rows that the writer makes itself, dated now. */
  own(bodies: readonly RowBody[]): readonly NewRow[] {
    const at = Math.trunc(this.#options.clock.now());
    return bodies.map((body) => ({ at, body: rowText(body) }));
  }

  /** Milliseconds until the next sync must be done; undefined: all is synced. */
  get syncDueIn(): number | undefined {
    if (this.#unsyncedSince === undefined) return undefined;
    return Math.max(0, this.#unsyncedSince + SYNC_MS - this.#options.clock.monotonic());
  }

  sync(): void {
    if (this.#unsyncedSince === undefined) return;
    this.#file.sync();
    this.#markSynced();
  }

  /** Ends this epoch and begins the next; the old file stays as it is if that fails. */
  rotate(open: readonly CarriedIntent[], ticket: number): readonly StoredRow[] {
    const old = this.#file;
    this.sync();
    const previous = { epoch: old.epoch, seq: old.end.seq, hash: toHex(old.end.hash) };
    this.#file = this.#create({ kind: 'epoch', reason: 'rotation', previous }, [], open, ticket);
    this.#synced = this.#file.end;
    this.#writeHead(true);
    old.close();
    return this.#file.db.prepare<[], StoredRow>('SELECT seq, at, prev, hash, body FROM rows ORDER BY seq').all();
  }

  /** Syncs, writes the head, and leaves a file that can be read in place. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.sync();
      this.#writeHead(true);
    } finally {
      this.#file.close();
    }
  }

  #create(epoch: EpochBody, more: readonly RowBody[], carried: readonly CarriedIntent[], ticket: number): QueueFile {
    const { dir, run, clock } = this.#options;
    const newest = listQueueFiles(dir).at(-1)?.created ?? 0;
    // Names must sort in the order of the epochs, even if the wall clock was set back.
    const created = Math.max(Math.trunc(clock.now()), newest + 1);
    const name = queueFileName(dir, created, randomBytes(8).toString('hex'));
    const file = QueueFile.create(name, { rows: this.own([epoch, ...more]), carried, run, ticket });
    syncFolder(dir);
    return file;
  }

  /** Files of a writer that was killed while it rotated still have a write-ahead log. */
  #sealOthers(): void {
    for (const file of this.sealed()) {
      if (fileBytes(`${file.path}-wal`) === 0) continue;
      try {
        QueueFile.open(file, this.#options.run).close();
      } catch (error) {
        this.#options.log.warn('audit.seal-failed', { file: file.name, error: errorText(error) });
      }
    }
  }

  #markSynced(): void {
    this.#synced = this.#file.end;
    this.#unsyncedSince = undefined;
    if (this.#headPending || this.#closed) return;
    this.#headPending = true;
    this.#options.clock.after(HEAD_MS, () => {
      this.#headPending = false;
      if (!this.#closed) this.#writeHead(false);
    });
  }

  #writeHead(durable: boolean): void {
    const { seq, hash } = this.#synced;
    try {
      writeHead(this.#options.dir, { epoch: this.#file.epoch, seq, hash: toHex(hash) }, durable);
    } catch (error) {
      // A head that lags notices less; it never accuses wrongly.
      this.#options.log.warn('audit.head-not-written', { error: errorText(error) });
    }
  }
}

function lastTicket(db: Database.Database, run: number): number {
  const sql = `
    SELECT max(ticket) FROM (
      SELECT max(ticket) AS ticket FROM rows WHERE run = ?
      UNION ALL SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'ticket'
        AND EXISTS (SELECT 1 FROM meta WHERE key = 'run' AND value = ?))`;
  return db.prepare<[number, string], number | null>(sql).pluck().get(run, String(run)) ?? 0;
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
