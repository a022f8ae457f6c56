// SPDX-License-Identifier: Apache-2.0
// The writer of one audit folder: commits batches, rotates, keeps to the cap and survives a full disk. Runs on the writer thread,
// synchronously; knows nothing of threads, requests, or who waits for a row.

import Database from 'better-sqlite3';
import type { GapBody, RowBody } from '../../contract/audit-row.ts';
import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import type { StoredRow } from '../../protocol/chain.ts';
import { EpochFiles, errorText } from './epoch-files.ts';
import { FULL_FILL, RELIEF_FILL } from './fill.ts';
import { fileBytes, type QueueFileName, readHead, removeQueueFile } from './folder.ts';
import { OpenIntents } from './open-intents.ts';
import { expiredFiles, removalGap } from './prune.ts';
import { type NewRow, PAGE_BYTES } from './queue-file.ts';
import { Salvage } from './salvage.ts';
import { Ballast, effectiveCap, freeBytes, isNoRoom, rotationBytes } from './space.ts';
import { orphanRow, planStart, type StartPlan } from './start-up.ts';
import type { AuditSettings, FromWriter, PostedRow, WriterData, WriterStatus } from './writer-protocol.ts';

/** How often a full log looks for room; it has to be back within 5 s of space returning. Milliseconds. */
const RELIEF_MS = 1000;
const HOUSEKEEPING_MS = 60_000;

export interface CoreOptions extends WriterData {
  readonly clock: Clock;
  readonly log: Log;
  readonly tell: (message: FromWriter) => void;
}

export class WriterCore {
  readonly #options: CoreOptions;
  readonly #files: EpochFiles;
  readonly #ballast: Ballast;
  readonly #open: OpenIntents;
  readonly #housekeeping: { clear(): void };
  #settings: AuditSettings;
  #salvage: Salvage | undefined;
  #mode: WriterStatus['mode'] = 'open';
  /** Rows that found no room since the log became full. */
  #dropped = 0;
  /** Removed before there was room to say so. */
  #unsaid: GapBody[] = [];
  #ticket: number;
  #cap = 0;
  #sealedBytes = 0;
  #syncTimer = false;
  /** Removing a file writes a row, which may find no room itself. */
  #dropping = false;
  /** Monotonic time before which rotation is not tried again. */
  #rotateAfter = 0;
  #closed = false;

  /** The caller holds the folder's lock and has prepared the folder. Throws what SQLite or the file system throws. */
  constructor(options: CoreOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#open = new OpenIntents(options.run);
    this.#ballast = new Ballast(options.dir, options.ballastBytes);
    const head = readHead(options.dir);
    const plan = planStart(options.dir, head, options.clock.now());
    if (plan.notice !== undefined) options.log.warn('audit.start', { notice: plan.notice });
    const { files, full } = this.#begin(plan);
    this.#files = files;
    this.#ticket = files.storedTicket;
    this.#measure();
    if (full) this.#enter('disk');
    else if (!this.#holdBallast()) options.log.warn('audit.no-ballast', { bytes: options.ballastBytes });
    this.#sayStart(plan);
    if (plan.damaged !== undefined) {
      const known = head.state === 'known' && head.head.epoch === plan.damaged.epoch ? head.head.seq : 0;
      this.#salvage = new Salvage(plan.damaged, files.file, known);
      options.clock.after(0, () => this.#stepSalvage());
    }
    this.#housekeeping = options.clock.every(HOUSEKEEPING_MS, () => this.#housekeep());
    this.#housekeep();
  }

  get status(): WriterStatus {
    return {
      mode: this.#mode,
      epoch: this.#files.file.epoch,
      seq: this.#files.file.end.seq,
      watermark: this.#files.synced.seq,
      bytes: this.#bytes,
      capBytes: this.#cap,
    };
  }

  /** Stores rows in one transaction and says so, or drops them all and says that. Rows that are already stored are left out. */
  commit(batch: readonly PostedRow[]): void {
    const through = batch.at(-1)?.ticket ?? 0;
    const fresh = batch.filter((row) => row.ticket > this.#ticket);
    if (fresh.length < batch.length) this.#tellAgain(batch);
    if (fresh.length > 0) {
      this.#rotateIfDue();
      const stored = this.#append(fresh);
      this.#ticket = through;
      if (stored === undefined) {
        this.#dropped += fresh.length;
        this.#options.tell({ type: 'dropped', through });
      } else {
        this.#open.follow(this.#files.file.epoch, fresh, stored);
        this.#tellStored(stored.length, through);
      }
    }
    this.#syncIfDue();
    this.#checkCap();
  }

  /** Rows of the writer's own: gaps, orphans, events. False: no room. */
  say(...bodies: readonly RowBody[]): boolean {
    if (bodies.length === 0) return true;
    const stored = this.#append(this.#files.own(bodies));
    if (stored !== undefined) this.#tellStored(stored.length, 0);
    return stored !== undefined;
  }

  configure(settings: AuditSettings): void {
    this.#settings = settings;
    this.#measure();
    this.#checkCap();
    if (this.#mode === 'cap') this.#relieve();
    this.#tellStatus();
  }

  /** Syncs, checkpoints and closes. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#housekeeping.clear();
    this.#salvage?.close();
    this.#files.close();
  }

  // ---- beginning, rotating, removing

  /** A full disk may need its ballast back before there can be a file at all. */
  #begin(plan: StartPlan): { readonly files: EpochFiles; readonly full: boolean } {
    try {
      return { files: new EpochFiles(this.#options, plan), full: false };
    } catch (error) {
      if (!isNoRoom(error, this.#options.dir)) throw error;
      this.#ballast.release();
      return { files: new EpochFiles(this.#options, plan), full: true };
    }
  }

  /** Calls of an earlier process that were cut off, and rows that were lost while there was no writer. */
  #sayStart(plan: StartPlan): void {
    const { lost } = this.#options;
    const cutOff = plan.openIntents.filter((intent) => !this.#open.adopt(intent));
    const rows: RowBody[] = cutOff.map((intent) => orphanRow(intent, this.#files.file.epoch));
    if (lost > 0) rows.push({ kind: 'gap', reason: 'writer-died', count: lost });
    this.say(...rows);
  }

  #rotateIfDue(): void {
    const { clock, fileBytes: limit, log } = this.#options;
    const { file } = this.#files;
    const old = day(clock.now()) > day(file.name.created) && file.end.seq > 1;
    const due = old || file.bytes >= rotationBytes(limit, this.#cap);
    // Salvage writes into the file that names the damaged one.
    if (!due || this.#salvage !== undefined || this.#mode !== 'open' || clock.monotonic() < this.#rotateAfter) return;
    try {
      const first = this.#files.rotate(this.#open.list(), this.#ticket);
      this.#measure();
      this.#tellStored(first.length, 0);
      this.#tellStatus();
    } catch (error) {
      // No room for a second file: the old one goes on.
      if (!isNoRoom(error, this.#options.dir)) throw error;
      this.#rotateAfter = clock.monotonic() + HOUSEKEEPING_MS;
      log.warn('audit.rotation-failed', { error: errorText(error) });
    }
  }

  /** The gap row is on the disk before the file goes, so that its absence is explained whenever the process ends. */
  #remove(file: QueueFileName, reason: 'retention' | 'cap'): boolean {
    if (!this.say(removalGap(file, reason))) return false;
    this.#files.sync();
    this.#unlink(file, reason);
    return true;
  }

  #unlink(file: QueueFileName, reason: string): void {
    const { log } = this.#options;
    try {
      removeQueueFile(file);
      log.info('audit.removed', { file: file.name, reason });
    } catch (error) {
      log.warn('audit.not-removed', { file: file.name, error: errorText(error) }); // Windows, while someone reads it
    }
    this.#measure();
  }

  #housekeep(): void {
    if (this.#closed) return;
    this.#measure();
    this.#checkCap();
    this.#rotateIfDue();
    const files = [...this.#files.sealed(), this.#files.file.name];
    for (const file of expiredFiles(files, this.#settings, this.#options.clock.now())) {
      if (!this.#remove(file, 'retention')) return;
    }
  }

  #stepSalvage(): void {
    if (this.#closed || this.#salvage === undefined) return;
    const { clock, log } = this.#options;
    try {
      const gap = this.#salvage.step();
      if (gap === undefined) {
        clock.after(0, () => this.#stepSalvage());
        return;
      }
      log.warn('audit.salvaged', { epoch: gap.epoch, rows: gap.to_seq ?? 0, lost: gap.count ?? 0 });
      this.say(gap);
    } catch (error) {
      // Without its gap row it begins anew at the next start.
      if (!isNoRoom(error, this.#options.dir)) throw error;
      log.warn('audit.salvage-stopped', { error: errorText(error) });
      this.#salvage.close();
    }
    this.#salvage = undefined;
  }

  // ---- appending

  /** Undefined: there is no room, whatever was tried. */
  #append(rows: readonly NewRow[]): readonly StoredRow[] | undefined {
    for (let attempt = 0; ; attempt++) {
      try {
        const stored = this.#files.append(rows, this.#settings.level === 'strict');
        this.#armSync();
        return stored;
      } catch (error) {
        if (!isNoRoom(error, this.#options.dir)) throw error;
        const need = rows.reduce((sum, { body }) => sum + body.length, 0);
        if (!this.#makeRoom(attempt, need)) return undefined;
      }
    }
  }

  #armSync(): void {
    const due = this.#files.syncDueIn;
    if (due === undefined || this.#syncTimer) return;
    this.#syncTimer = true;
    this.#options.clock.after(due, () => {
      this.#syncTimer = false;
      this.#syncIfDue();
      this.#armSync();
    });
  }

  #syncIfDue(): void {
    const due = this.#files.syncDueIn;
    if (this.#closed || due === undefined || due > 0) return;
    try {
      this.#files.sync();
    } catch (error) {
      if (!isNoRoom(error, this.#options.dir)) throw error;
      this.#makeRoom(0, 0);
      return;
    }
    this.#tellStatus();
  }

  // ---- room

  get #bytes(): number {
    return this.#sealedBytes + this.#files.file.bytes;
  }

  #measure(): void {
    this.#sealedBytes = this.#files.sealed().reduce((sum, file) => sum + fileBytes(file.path), 0);
    this.#cap = effectiveCap(this.#settings.capBytes, freeBytes(this.#options.dir), this.#bytes);
    this.#files.file.limitPages(Math.floor((this.#cap - this.#sealedBytes) / PAGE_BYTES));
  }

  #checkCap(): void {
    if (this.#mode !== 'open' || this.#bytes < this.#cap * FULL_FILL) return;
    if (this.#settings.onFull === 'drop-oldest' && this.#dropOldest()) return;
    this.#enter('cap');
    this.say({ kind: 'event', event: 'audit-degraded', detail: { reason: 'cap', on_full: this.#settings.onFull } });
  }

  /** Removes the oldest files until there is room again. False: there are not enough of them. */
  #dropOldest(): boolean {
    if (this.#dropping) return false;
    this.#dropping = true;
    for (const file of this.#files.sealed()) {
      if (this.#bytes < this.#cap * RELIEF_FILL || !this.#remove(file, 'cap')) break;
    }
    this.#dropping = false;
    return this.#bytes < this.#cap * FULL_FILL;
  }

  /** After SQLITE_FULL for rows of `need` characters. True: something was freed, try again. */
  #makeRoom(attempt: number, need: number): boolean {
    // Rows take about a third more than their text; pages are taken whole.
    if (this.#bytes + need * 1.4 + 4 * PAGE_BYTES > this.#cap) {
      if (attempt === 0 && this.#settings.onFull === 'drop-oldest') {
        // Room for the gap rows themselves.
        this.#files.file.limitPages(this.#files.file.pages + 8);
        if (this.#dropOldest()) return true;
      }
      this.#enter('cap');
      return false;
    }
    if (attempt === 0) {
      // A full disk refuses even deletes and checkpoints, because the log must grow first. Source: sync-audit 4.4.
      this.#ballast.release();
      this.#checkpoint();
      this.#enter('disk');
      return true;
    }
    const oldest = this.#files.sealed()[0];
    if (this.#settings.onFull !== 'drop-oldest' || oldest === undefined) return false;
    // There is no room for its gap row yet, so the file goes first.
    this.#unsaid.push(removalGap(oldest, 'cap'));
    this.#unlink(oldest, 'disk-full');
    return true;
  }

  #checkpoint(): void {
    try {
      this.#files.file.checkpoint();
    } catch (error) {
      if (!(error instanceof Database.SqliteError)) throw error;
    }
  }

  #enter(mode: 'cap' | 'disk'): void {
    if (this.#mode !== 'open') return;
    this.#mode = mode;
    this.#options.log.error('audit.full', { mode, on_full: this.#settings.onFull });
    this.#options.clock.after(RELIEF_MS, () => this.#relieve());
    this.#tellStatus();
  }

  /** Leaves the full state when there is room again, and says what is missing. */
  #relieve(): void {
    if (this.#mode === 'open' || this.#closed) return;
    if (this.#mode === 'cap') this.#measure();
    const reason = this.#mode === 'cap' ? 'cap' : 'disk-full';
    const room = this.#mode === 'cap' ? this.#bytes < this.#cap * RELIEF_FILL : this.#holdBallast();
    if (!room || !this.#sayRecovered(reason)) {
      this.#options.clock.after(RELIEF_MS, () => this.#relieve());
      return;
    }
    this.#mode = 'open';
    this.#options.log.info('audit.recovered', { reason });
    this.#measure();
    this.#tellStatus();
  }

  #sayRecovered(reason: 'cap' | 'disk-full'): boolean {
    const rows: RowBody[] = [...this.#unsaid];
    if (this.#dropped > 0) rows.push({ kind: 'gap', reason, count: this.#dropped });
    rows.push({ kind: 'event', event: 'audit-recovered', detail: { reason, dropped: this.#dropped } });
    if (!this.say(...rows)) return false;
    this.#unsaid = [];
    this.#dropped = 0;
    return true;
  }

  #holdBallast(): boolean {
    return this.#ballast.held || (this.#ballast.fits(freeBytes(this.#options.dir)) && this.#ballast.hold());
  }

  // ---- telling

  #tellStatus(): void {
    this.#options.tell({ type: 'status', status: this.status });
  }

  #tellStored(count: number, through: number): void {
    this.#options.tell({ type: 'stored', count, through, status: this.status });
  }

  /** Rows that were committed by a writer that died before it could say so. */
  #tellAgain(batch: readonly PostedRow[]): void {
    const through = Math.min(batch.at(-1)?.ticket ?? 0, this.#ticket);
    const find = this.#files.file.db.prepare<[number, number, number], number>(
      'SELECT count(*) FROM rows WHERE run = ? AND ticket BETWEEN ? AND ?',
    );
    this.#tellStored(find.pluck().get(this.#options.run, batch[0]?.ticket ?? 0, through) ?? 0, through);
  }
}

function day(at: number): number {
  return Math.floor(at / 86_400_000);
}
