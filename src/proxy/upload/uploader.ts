// SPDX-License-Identifier: Apache-2.0
// The daemon's side of the upload: decides when to send, starts the thread for it, lets it end when there is nothing to do, and knows how
// the upload stands. Reads no rows and opens no connection itself; an idle thread would cost 20 MB.

import type { Clock, Timer } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import type { AuditLog, StoredBody } from '../audit/audit-log.ts';
import { Listeners } from '../audit/listeners.ts';
import { within } from '../audit/within.ts';
import { type Random, retryAfterDelay } from '../sync/backoff.ts';
import {
  atOnce,
  type Flush,
  type FlushRules,
  hinted,
  IDLE,
  isUrgent,
  rowsCame,
  runBegan,
  runFailed,
  runSucceeded,
  runsAt,
} from './flush.ts';
import type { Backlog, FromUpload, RunEnd, UploadEvent, UploadTarget } from './upload-protocol.ts';
import { type StartUploadThread, startUploadThread, type UploadThread } from './upload-thread.ts';

/** The thread ends when it had nothing to do for so long. Milliseconds. */
const LINGER_MS = 60_000;
/** One request altogether: a batch of 1 MB takes a tenth of that when compressed, so this is a very slow line. Milliseconds. */
const POST_MS = 30_000;
/** `close` waits so long for a run, and again for the thread: a stopping daemon has 2 s. */
const CLOSE_MS = 500;
const FIRST_BATCH_ROWS = 500;
/** Source: sync-audit 3, sizes. */
const ROW_BYTES = 540;

export interface UploaderOptions {
  readonly auditDir: string;
  /** Where upload.json is. */
  readonly orgDir: string;
  readonly audit: AuditLog;
  /** Undefined: there is nobody to send to (yet). Asked before each run. */
  readonly target: () => UploadTarget | undefined;
  readonly settings: () => FlushRules;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  /**
   * What happened; told while it happens. After `clock` the target is asked again for its delta, so whoever accepts the time has to have
   * done so when this returns.
   */
  readonly onEvent: (event: UploadEvent) => void;
  readonly lingerMs?: number;
  readonly postMs?: number;
  readonly spawn?: StartUploadThread;
}

export interface UploadStatus {
  /** `waiting`: after a failure. `refused`: the server wants this key no more. */
  readonly state: 'idle' | 'sending' | 'waiting' | 'refused';
  /** Not uploaded, as far as known: exact after a run, counted since. */
  readonly rows: number;
  readonly bytes: number;
  /** Device time of the oldest row that is not uploaded. */
  readonly oldest: number | undefined;
  readonly quarantined: number;
  /** Wall time of the last acknowledgement. */
  readonly lastSuccess: number | undefined;
  /** A code; undefined since the last run that sent all. */
  readonly lastError: string | undefined;
  /** The newest epoch and the highest number that was given in it; '' and 0: the log is down. */
  readonly epoch: string;
  readonly seq: number;
  /** Epochs that are not sent any more, until the next start or another target. */
  readonly stopped: readonly string[];
  /** For `AuditSettings.unsentFrom`; '' until the first run has looked. */
  readonly unsentFrom: string;
}

export interface Uploader {
  status(): UploadStatus;
  /** On wake, change of power or network, and before a stop. */
  flushNow(): void;
  /** Calls back when a run begins, has got on, or ends. Returns the unsubscribe. */
  onStatus(listener: (status: UploadStatus) => void): () => void;
  /** Gives a run that is under way a moment; whatever is cut off is sent again after the next start. */
  close(): Promise<void>;
}

/** Looks at the disk for the first time with the first run: a backlog costs nothing at start. */
export function createUploader(options: UploaderOptions): Uploader {
  return new ThreadedUploader(options);
}

interface Running {
  readonly ended: () => void;
  readonly done: Promise<void>;
}

class ThreadedUploader implements Uploader {
  readonly #options: UploaderOptions;
  readonly #statusListeners = new Listeners<UploadStatus>();
  readonly #unsubscribe: readonly (() => void)[];
  #flush: Flush = IDLE;
  #timer: Timer | undefined;
  #linger: Timer | undefined;
  #thread: UploadThread | undefined;
  #exited: (() => void) | undefined;
  #running: Running | undefined;
  #closed = false;
  /** The last row of which somebody should know at once, while it cannot be sent yet. */
  #urgent: { readonly epoch: string; readonly seq: number } | undefined;
  /** What the last run could send. */
  #covered = { epoch: '', watermark: 0 };
  #batchRows = FIRST_BATCH_ROWS;
  #backlog: Backlog = { rows: 0, bytes: 0, oldest: undefined, quarantined: 0, unsentFrom: '' };
  /** Device time of the first row since the last run began. */
  #firstSince: number | undefined;
  #stopped = new Set<string>();
  #target: Pick<UploadTarget, 'url' | 'keyid'> | undefined;
  #refused = false;
  #lastSuccess: number | undefined;
  #lastError: string | undefined;

  constructor(options: UploaderOptions) {
    this.#options = options;
    const { audit } = options;
    this.#unsubscribe = [audit.onRow((row) => this.#rowCame(row)), audit.onStats(() => this.#logMoved())];
    // There may be rows of earlier runs.
    this.#came(0);
  }

  status(): UploadStatus {
    const { rows, bytes, oldest, quarantined, unsentFrom } = this.#backlog;
    const { epoch, seq } = this.#options.audit.stats();
    const since = this.#flush.rows;
    return {
      state: this.#state(),
      rows: rows + since,
      bytes: bytes + since * ROW_BYTES,
      oldest: oldest ?? this.#firstSince,
      quarantined,
      lastSuccess: this.#lastSuccess,
      lastError: this.#lastError,
      epoch,
      seq,
      stopped: [...this.#stopped],
      unsentFrom,
    };
  }

  flushNow(): void {
    this.#flush = hinted(this.#flush, this.#options.clock.monotonic());
    this.#schedule();
  }

  onStatus(listener: (status: UploadStatus) => void): () => void {
    return this.#statusListeners.add(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const { clock } = this.#options;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#closed = true;
    this.#timer?.clear();
    this.#linger?.clear();
    const running = this.#running;
    if (running !== undefined) await within(clock, CLOSE_MS, (done) => void running.done.then(done));
    const thread = this.#thread;
    if (thread === undefined) return;
    const ended = await within(clock, CLOSE_MS, (done) => {
      this.#exited = done;
      thread.postMessage({ type: 'end' });
    });
    if (!ended) await thread.terminate();
  }

  // ---- when

  #rowCame({ at, body }: StoredBody): void {
    this.#firstSince ??= at;
    if (isUrgent(body)) {
      const { epoch, seq } = this.#options.audit.stats();
      this.#urgent = { epoch, seq };
      this.#checkUrgent();
    }
    this.#came(1);
  }

  /** Rows of the log itself are not told one by one. */
  #logMoved(): void {
    const { epoch, watermark } = this.#options.audit.stats();
    this.#checkUrgent();
    if (epoch !== this.#covered.epoch || watermark > this.#covered.watermark) this.#came(0);
  }

  /** A row is told when it is committed; sent are only those that survive a loss of power. */
  #checkUrgent(): void {
    if (this.#urgent === undefined) return;
    const { epoch, watermark } = this.#options.audit.stats();
    if (epoch === this.#urgent.epoch && watermark < this.#urgent.seq) return;
    this.#urgent = undefined;
    this.#flush = atOnce(this.#flush, this.#options.clock.monotonic());
    this.#schedule();
  }

  #came(count: number): void {
    const { clock, settings, random } = this.#options;
    const before = this.#flush.wanted;
    this.#flush = rowsCame(this.#flush, count, clock.monotonic(), settings(), random);
    if (this.#flush.wanted !== before) this.#schedule();
  }

  #schedule(): void {
    if (this.#closed || this.#running !== undefined) return;
    const { clock } = this.#options;
    this.#timer?.clear();
    this.#timer = undefined;
    const at = runsAt(this.#flush);
    if (at === undefined) return;
    const wait = at - clock.monotonic();
    if (wait <= 0) this.#run();
    else this.#timer = clock.after(wait, () => this.#schedule());
  }

  // ---- a run

  #run(): void {
    const { audit, clock, settings, random, log } = this.#options;
    const target = this.#options.target();
    if (target === undefined || !this.#mayAsk(target)) {
      // Nobody to send to; the next row asks again.
      this.#flush = { ...this.#flush, wanted: undefined, began: clock.monotonic() };
      return;
    }
    const { epoch, watermark, seq } = audit.stats();
    this.#covered = { epoch, watermark };
    const left = Math.max(0, seq - watermark);
    this.#flush = runBegan(this.#flush, left, clock.monotonic(), settings(), random);
    if (left === 0) this.#firstSince = undefined;
    this.#linger?.clear();
    const { promise: done, resolve: ended } = Promise.withResolvers<void>();
    this.#running = { done, ended };
    try {
      this.#thread ??= this.#start();
      const stopped = [...this.#stopped];
      this.#thread.postMessage({ type: 'send', target, epoch, watermark, batchRows: this.#batchRows, stopped });
    } catch (error) {
      // The system has no thread left for us.
      log.warn('upload.thread-failed', { error: error instanceof Error ? error.message : String(error) });
      return this.#ended({ kind: 'failed', why: 'no-thread' });
    }
    this.#tellStatus();
  }

  /** Another server or key is another chance. */
  #mayAsk({ url, keyid }: UploadTarget): boolean {
    if (this.#target?.url !== url || this.#target.keyid !== keyid) {
      this.#target = { url, keyid };
      this.#refused = false;
      this.#stopped.clear();
    }
    return !this.#refused;
  }

  #ended(end: RunEnd): void {
    const { clock, log, random } = this.#options;
    const now = clock.monotonic();
    switch (end.kind) {
      case 'done':
        this.#flush = runSucceeded(this.#flush);
        this.#lastError = undefined;
        break;
      case 'refused':
        this.#flush = runSucceeded(this.#flush);
        this.#refused = true;
        this.#lastError = end.why;
        this.#say({ kind: end.why });
        break;
      case 'failed': {
        const serverNow = clock.now() + (this.#options.target()?.deltaMs ?? 0);
        const asked = retryAfterDelay(end.retryAfter, serverNow, random);
        this.#flush = runFailed(this.#flush, asked, now, random);
        if (this.#lastError !== end.why) log.warn('upload.failed', { why: end.why });
        this.#lastError = end.why;
        break;
      }
    }
    const running = this.#running;
    this.#running = undefined;
    this.#armLinger();
    this.#tellStatus();
    running?.ended();
    this.#schedule();
  }

  #say(event: UploadEvent): void {
    const { onEvent, log } = this.#options;
    if (event.kind === 'fork' || event.kind === 'receipt-mismatch' || event.kind === 'unreadable') {
      this.#stopped.add(event.epoch);
    }
    log.warn(`upload.${event.kind}`, { ...event });
    onEvent(event);
  }

  // ---- the thread

  #start(): UploadThread {
    const { auditDir, orgDir, postMs = POST_MS, spawn = startUploadThread, log } = this.#options;
    const thread = spawn({ auditDir, orgDir, postMs });
    thread.on('message', (message) => this.#receive(message));
    thread.on('error', (error) => log.warn('upload.thread-failed', { error: error.message }));
    thread.on('exit', () => {
      if (thread !== this.#thread) return;
      this.#thread = undefined;
      this.#exited?.();
      if (this.#running !== undefined) this.#ended({ kind: 'failed', why: 'thread-ended' });
    });
    return thread;
  }

  #armLinger(): void {
    if (this.#closed) return;
    const { clock, lingerMs = LINGER_MS } = this.#options;
    this.#linger?.clear();
    this.#linger = clock.after(lingerMs, () => {
      // Forgotten at once: a run that begins while it ends gets another one.
      const thread = this.#thread;
      this.#thread = undefined;
      thread?.postMessage({ type: 'end' });
    });
  }

  #receive(message: FromUpload): void {
    const { clock, log } = this.#options;
    switch (message.type) {
      case 'progress':
        this.#backlog = message.backlog;
        if (message.acknowledged > 0) this.#lastSuccess = clock.now();
        this.#tellStatus();
        return;
      case 'event':
        this.#say(message.event);
        return;
      case 'clock':
        this.#say({ kind: 'clock', now: message.now });
        this.#thread?.postMessage({ type: 'delta', ms: this.#options.target()?.deltaMs ?? 0 });
        return;
      case 'ended':
        this.#batchRows = message.batchRows;
        this.#ended(message.end);
        return;
      case 'log':
        log[message.level](message.event, message.fields);
    }
  }

  #state(): UploadStatus['state'] {
    if (this.#running !== undefined) return 'sending';
    if (this.#refused) return 'refused';
    return this.#flush.failures > 0 ? 'waiting' : 'idle';
  }

  #tellStatus(): void {
    this.#statusListeners.tell(() => this.status());
  }
}
