// SPDX-License-Identifier: Apache-2.0
// The daemon's side of the audit log: hands rows to the writer thread, answers as the level demands, keeps deadlines and bounds,
// starts the thread again. Never touches SQLite or the disk, so a stalled disk cannot stall traffic.

import { randomInt } from 'node:crypto';
import type {
  AttemptBody,
  AuditRow,
  EventBody,
  IntentBody,
  OutcomeBody,
  RefusalBody,
  RowBody,
} from '../../contract/audit-row.ts';
import type { Clock, Timer } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import { canonicalJson } from '../../protocol/chain.ts';
import type { AuditLog, AuditStats, IntentReceipt, StoredBody } from './audit-log.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { fitBody } from './fit.ts';
import { HeldIntents } from './held-intents.ts';
import { Listeners } from './listeners.ts';
import { AuditLockedError } from './lock-error.ts';
import { RecentAsked } from './recent-asked.ts';
import { RowQueue, type Waiting } from './row-queue.ts';
import { statsOf } from './stats.ts';
import { within } from './within.ts';
import type { AuditSettings, FromWriter, ToWriter, WriterStatus } from './writer-protocol.ts';
import { type StartWriterThread, startWriterThread, type WriterThread } from './writer-thread.ts';

/** How long an intent waits for its row. Milliseconds. Source: sync-audit 5. */
const DEADLINE_MS = { strict: 1000, standard: 250 } as const;
/** A second death of the thread within this time is not answered by starting another at once. */
const DEATH_MS = 60_000;
/** A log that is down is tried again after this time. */
const REVIVE_MS = 30_000;
/** `close` waits this long for rows to be committed, and again for the file to be closed: a stopping daemon has 2 s. */
const DRAIN_MS = 800;
const MOST_RECENT = 1000;
/**
 * Rows that nobody waits for go with the next one that somebody waits for, at the latest after this: half the messages and half
 * the commits. A process that is killed meanwhile leaves an intent without outcome, which the next start explains. Milliseconds.
 */
const LAZY_MS = 10;
const FILE_BYTES = 64 * 1024 * 1024;
const BALLAST_BYTES = 8 * 1024 * 1024;

export interface AuditLogOptions {
  /** Made if absent, private to the user. */
  readonly dir: string;
  readonly settings: AuditSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly fileBytes?: number;
  readonly ballastBytes?: number;
  /** Milliseconds that `close` waits for the disk. */
  readonly drainMs?: number;
  readonly startThread?: StartWriterThread;
}

export interface RunningAuditLog extends AuditLog {
  /** Takes effect for the next row. */
  configure(settings: AuditSettings): void;
}

/**
 * Opens the audit log of a folder. Resolves when rows can be written, or with state `down` when that is not possible for now.
 * Rejects with AuditLockedError when another process writes there.
 */
export async function openAuditLog(options: AuditLogOptions): Promise<RunningAuditLog> {
  const log = new ThreadedAuditLog(options);
  await log.opened;
  return log;
}

class ThreadedAuditLog implements RunningAuditLog {
  readonly opened: Promise<void>;
  readonly #options: AuditLogOptions;
  readonly #run = randomInt(2 ** 31);
  readonly #queue = new RowQueue();
  readonly #held = new HeldIntents();
  readonly #rowListeners = new Listeners<StoredBody>();
  readonly #statsListeners = new Listeners<AuditStats>();
  readonly #recent = new RecentAsked();
  readonly #deadlines: DeadlineTimer;
  #settings: AuditSettings;
  #thread: WriterThread | undefined;
  #ready = false;
  #down: string | undefined;
  #lastFault = 'it ended by itself';
  #status: WriterStatus | undefined;
  #lastDeath: number | undefined;
  #lost = 0;
  #dropped = 0;
  #stalled = 0;
  /** Rows are at the writer; its answer is awaited. */
  #inFlight = false;
  /** Somebody waits for a row that is not at the writer yet. */
  #urgent = false;
  /** Runs for rows that nobody waits for. */
  #lazy: Timer | undefined;
  #closing = false;
  #drained: (() => void) | undefined;
  #ended: (() => void) | undefined;
  #settle: { resolve(): void; reject(error: Error): void } | undefined;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#settings = options.settings;
    const next = () => this.#queue.nextDeadline;
    this.#deadlines = new DeadlineTimer(options.clock, next, () => this.#expire());
    this.opened = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#start();
  }

  intent(row: IntentBody): Promise<IntentReceipt> {
    const { level } = this.#settings;
    if (this.#closing) return Promise.resolve('refuse');
    if (level === 'relaxed') {
      this.#held.hold(row);
      return Promise.resolve('go');
    }
    if (this.#down !== undefined || (this.#status !== undefined && this.#status.mode !== 'open')) {
      return Promise.resolve(this.#withoutRow(row));
    }
    return new Promise((resolve) => {
      const deadline = this.#options.clock.monotonic() + DEADLINE_MS[level];
      if (this.#enqueue(row, { opens: row.request }, { level, deadline, resolve })) this.#deadlines.arm();
      else resolve(level === 'strict' ? 'refuse' : this.#withoutRow(row));
    });
  }

  refusal(row: RefusalBody): void {
    this.#held.take(row.request);
    this.#enqueue(row, { closes: row.request });
  }

  outcome(row: OutcomeBody): void {
    this.#enqueue(this.#held.complete(row), { closes: row.request });
  }

  attempt(row: AttemptBody): void {
    this.#enqueue(row, {});
  }

  event(row: EventBody): void {
    this.#enqueue(row, {});
  }

  stats(): AuditStats {
    return statsOf({
      settings: this.#settings,
      status: this.#status,
      down: this.#down,
      pending: this.#queue.size,
      late: this.#queue.late,
      dropped: this.#dropped,
    });
  }

  onRow(listener: (row: StoredBody) => void): () => void {
    return this.#rowListeners.add(listener);
  }

  onStats(listener: (stats: AuditStats) => void): () => void {
    return this.#statsListeners.add(listener);
  }

  recent(limit: number): Promise<readonly AuditRow[]> {
    if (this.#thread === undefined || this.#closing) return Promise.resolve([]);
    return this.#recent.ask((id) => {
      // Behind the rows that were handed in before.
      this.#flush();
      this.#post({ type: 'recent', id, limit: Math.max(0, Math.min(limit, MOST_RECENT)) });
    });
  }

  configure(settings: AuditSettings): void {
    this.#settings = settings;
    this.#post({ type: 'settings', settings });
    this.#tellStats();
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#thread === undefined) return;
    const { clock, drainMs = DRAIN_MS } = this.#options;
    this.#flush();
    if (this.#queue.size > 0) {
      await within(clock, drainMs, (done) => {
        this.#drained = done;
      });
    }
    const ended = await within(clock, drainMs, (done) => {
      this.#ended = done;
      this.#post({ type: 'close' });
    });
    if (!ended) await this.#thread?.terminate();
    this.#giveUp('the audit log is closed');
    this.#deadlines.clear();
  }

  // ---- rows

  #enqueue(unfitted: RowBody, about: { opens?: string; closes?: string }, waiting?: Waiting): boolean {
    if (this.#down !== undefined || this.#closing) {
      this.#lose(1);
      return false;
    }
    const at = Math.trunc(this.#options.clock.now());
    const row = fitBody(unfitted);
    const { opens, closes } = about;
    if (!this.#queue.push({ at, row, body: canonicalJson(row), opens, closes }, waiting)) {
      this.#dropped++;
      this.#stalled++;
      return false;
    }
    if (waiting === undefined) this.#lazy ??= this.#options.clock.after(LAZY_MS, () => this.#flush());
    else if (!this.#urgent) {
      this.#urgent = true;
      // Rows of one turn of the event loop travel together; what comes while the writer is busy waits for its answer.
      if (!this.#inFlight) queueMicrotask(() => this.#flush());
    }
    return true;
  }

  #flush(): void {
    if (!this.#ready) return;
    this.#lazy?.clear();
    this.#lazy = undefined;
    this.#urgent = false;
    const rows = this.#queue.takeForPosting();
    if (rows.length > 0) {
      this.#inFlight = true;
      this.#post({ type: 'rows', rows });
    }
    if (this.#stalled > 0 && this.#queue.roomy) {
      this.#post({ type: 'stalled', count: this.#stalled });
      this.#stalled = 0;
    }
  }

  #post(message: ToWriter): void {
    if (this.#ready) this.#thread?.postMessage(message);
  }

  /** What happens to a call whose intent finds no room: the policy says. Only intents are waited for. */
  #withoutRow(row: RowBody): IntentReceipt {
    const { level, onFull } = this.#settings;
    // Without a writer nothing at all is recorded, and `strict` promises a row of each call.
    const refused = onFull === 'block' || (level === 'strict' && this.#down !== undefined);
    if (row.kind !== 'intent' || refused) return 'refuse';
    this.#held.hold(row);
    return 'late';
  }

  #settleThrough(ticket: number, stored: boolean): void {
    for (const row of this.#queue.settleThrough(ticket)) {
      if (stored) this.#rowListeners.tell(() => ({ at: row.at, body: row.row }));
      else this.#dropped++;
      if (row.waiting === undefined) continue;
      if (stored) row.waiting.resolve('go');
      else row.waiting.resolve(this.#withoutRow(row.row));
    }
    this.#inFlight = this.#queue.posted > 0;
    if (this.#urgent || this.#queue.crowded) this.#flush();
    if (this.#queue.size === 0) this.#drained?.();
  }

  #expire(): void {
    const before = this.#queue.late;
    for (const row of this.#queue.expire(this.#options.clock.monotonic())) {
      if (row.opens !== undefined && row.waiting.level !== 'strict') this.#held.markLate(row.opens);
      row.waiting.resolve(row.waiting.level === 'strict' ? 'refuse' : 'late');
    }
    if (before === 0 && this.#queue.late > 0) this.#tellStats();
  }

  // ---- the thread

  #start(): void {
    const { fileBytes = FILE_BYTES, ballastBytes = BALLAST_BYTES, startThread = startWriterThread } = this.#options;
    const { dir } = this.#options;
    const data = { dir, run: this.#run, settings: this.#settings, fileBytes, ballastBytes, lost: this.#lost };
    const thread = startThread(data);
    this.#thread = thread;
    this.#ready = false;
    thread.on('message', (message: FromWriter) => this.#receive(message));
    thread.on('error', (error: Error) => {
      this.#lastFault = error.message;
      this.#options.log.error('audit.writer-failed', { error: error.message });
    });
    thread.on('exit', () => this.#exited(thread));
  }

  #receive(message: FromWriter): void {
    switch (message.type) {
      case 'ready':
        this.#isReady(message.status);
        return;
      case 'locked':
        this.#locked(message.message);
        return;
      case 'stored':
        this.#status = message.status;
        this.#settleThrough(message.through, true);
        return;
      case 'dropped':
        this.#settleThrough(message.through, false);
        return;
      case 'status':
        this.#status = message.status;
        this.#tellStats();
        return;
      case 'recent':
        this.#recent.answer(message.id, message.rows);
        return;
      case 'log':
        this.#options.log[message.level](message.event, message.fields);
        return;
      case 'closed':
        return;
    }
  }

  #isReady(status: WriterStatus): void {
    this.#ready = true;
    this.#status = status;
    this.#down = undefined;
    this.#lost = 0;
    this.#post({ type: 'settings', settings: this.#settings });
    this.#queue.postAgain();
    this.#inFlight = false;
    this.#flush();
    this.#opened();
    this.#tellStats();
  }

  #opened(): void {
    this.#settle?.resolve();
    this.#settle = undefined;
  }

  /** Before the log is open this is final; later it is a death like any other: the thread ends and another one is tried. */
  #locked(message: string): void {
    this.#options.log.error('audit.locked', { message });
    if (this.#settle === undefined) return;
    this.#closing = true;
    this.#settle.reject(new AuditLockedError(message));
  }

  #exited(thread: WriterThread): void {
    if (thread !== this.#thread) return;
    const { clock, log } = this.#options;
    this.#thread = undefined;
    this.#ready = false;
    this.#recent.abandon();
    this.#ended?.();
    if (this.#closing) return;
    const now = clock.monotonic();
    const again = this.#lastDeath !== undefined && now - this.#lastDeath < DEATH_MS;
    this.#lastDeath = now;
    log.error('audit.writer-died', { again });
    if (!again) return this.#start();
    this.#giveUp(`the audit writer failed twice within a minute: ${this.#lastFault}`);
    this.#opened();
    clock.after(REVIVE_MS, () => {
      if (!this.#closing && this.#thread === undefined) this.#start();
    });
  }

  /** Rows that wait are lost; what their calls may do is for the policy to say. */
  #giveUp(reason: string): void {
    this.#down = reason;
    for (const row of this.#queue.clear()) {
      this.#lose(1);
      row.waiting?.resolve(this.#withoutRow(row.row));
    }
    this.#tellStats();
  }

  #lose(count: number): void {
    this.#lost += count;
    this.#dropped += count;
  }

  #tellStats(): void {
    this.#statsListeners.tell(() => this.stats());
  }
}
