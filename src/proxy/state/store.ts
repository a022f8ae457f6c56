// SPDX-License-Identifier: Apache-2.0
// The daemon's side of remembered state: names, deadlines and the thread that holds the file. The thread starts on first use and ends
// when it was idle for long. Never touches SQLite; nothing here can fail a call: without the thread, nothing is remembered or found.

import { createHmac, hkdfSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import type { FromState, PostedState, StateWorkerData, ToState } from './protocol.ts';
import type { StateEntry, StatePlace, StateRecord } from './record.ts';

/** How long a call waits for what is remembered. Starting the thread takes about 100 ms, a look-up under 1. Milliseconds. */
const RECALL_MS = 1_000;
/** The thread holds some 10 MB; after this time without use it ends. Milliseconds. */
const IDLE_MS = 300_000;
/** After the thread has died, this long nothing is remembered. Milliseconds. */
const REVIVE_MS = 30_000;
/** `close` waits this long for the file. Milliseconds. */
const CLOSE_MS = 800;
const MAX_ROWS = 5_000;
const MAX_BYTES = 32 * 1024 * 1024;
/** Largest record, UTF-16 units of JSON. */
const MAX_VALUE = 2 * 1024 * 1024;

export const DEFAULT_TTL_MS = 24 * 3_600_000;

export interface StateStoreOptions {
  /** The SQLite file; its folder is private to the user. */
  readonly path: string;
  /** Text with at least 256 bits, from a file that only the user can read. Asked for once, on first use; may throw. */
  readonly secret: () => string;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds that a row lives. Asked for each row, so that a new policy counts at once. */
  readonly ttlMs: () => number;
  readonly maxRows?: number;
  readonly maxBytes?: number;
  /** Tests hand in a thread that fails. */
  readonly startThread?: (data: StateWorkerData) => Worker;
}

export interface StateStore {
  /** Returns at once. What is remembered is there for the next `recall`. */
  remember(place: StatePlace, entries: readonly StateEntry[]): void;
  /** What there is of these, by anchor; never rejects, and takes at most a second. */
  recall(place: StatePlace, anchors: readonly string[]): Promise<ReadonlyMap<string, StateRecord>>;
  /** Writes what was handed in. Idempotent. */
  close(): Promise<void>;
}

interface Secrets {
  readonly names: Uint8Array;
  readonly rows: Uint8Array;
}

/** Two keys of one secret, each for its own use. */
function derived(secret: string): Secrets {
  const key = (use: string) => new Uint8Array(hkdfSync('sha256', secret, '', `outpost state 1: ${use}`, 32));
  return { names: key('names'), rows: key('rows') };
}

const startStateThread = (workerData: StateWorkerData): Worker =>
  new Worker(new URL('./state-worker.ts', import.meta.url), {
    workerData,
    name: 'state',
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });

export function createStateStore(options: StateStoreOptions): StateStore {
  const { path, clock, log, ttlMs, maxRows = MAX_ROWS, maxBytes = MAX_BYTES, startThread = startStateThread } = options;
  const waiting = new Map<number, (values: readonly (string | undefined)[]) => void>();
  let secrets: Secrets | undefined;
  let thread: Worker | undefined;
  let idle: Timer | undefined;
  let revivesAt = 0;
  let lastId = 0;
  let closed = false;

  function ended(which: Worker, reason: string | undefined): void {
    if (which !== thread) return;
    thread = undefined;
    idle?.clear();
    for (const answer of waiting.values()) answer([]);
    waiting.clear();
    if (reason === undefined) return;
    revivesAt = clock.monotonic() + REVIVE_MS;
    log.warn('state.thread-died', { reason });
  }

  function heard(message: FromState): void {
    if (message.type === 'trouble') return log.warn('state.file', { code: message.code, replaced: message.replaced });
    waiting.get(message.id)?.(message.values);
  }

  function started(): Worker | undefined {
    if (thread !== undefined) return thread;
    if (closed || clock.monotonic() < revivesAt) return undefined;
    try {
      secrets ??= derived(options.secret());
      const worker = startThread({ path, secret: secrets.rows, maxRows, maxBytes });
      thread = worker;
      worker.on('message', heard);
      worker.on('error', (error) => ended(worker, 'code' in error ? String(error.code) : error.name));
      worker.on('exit', () => ended(worker, 'it ended by itself'));
      idle = clock.after(IDLE_MS, () => void stop(worker));
      return worker;
    } catch (error) {
      revivesAt = clock.monotonic() + REVIVE_MS;
      log.warn('state.not-started', {
        reason: error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN',
      });
      return undefined;
    }
  }

  /** Lets the thread finish what it was given. A call that comes meanwhile starts a new one, which waits for the file. */
  function stop(worker: Worker): Promise<void> {
    ended(worker, undefined);
    return new Promise((resolve) => {
      const late = clock.after(CLOSE_MS, () => void worker.terminate());
      worker.once('exit', () => {
        late.clear();
        resolve();
      });
      worker.postMessage({ type: 'close' } satisfies ToState);
    });
  }

  function post(worker: Worker, message: ToState): void {
    idle?.refresh();
    worker.postMessage(message);
  }

  /** Tells nothing about provider, caller, tool call or text to who has no secret. */
  function nameOf({ names }: Secrets, { provider, scope }: StatePlace, anchor: string): Uint8Array {
    return createHmac('sha256', names)
      .update(JSON.stringify([provider, scope, anchor]))
      .digest();
  }

  return {
    remember(place, entries) {
      if (entries.length === 0) return;
      const worker = started();
      if (worker === undefined || secrets === undefined) return;
      const now = Math.trunc(clock.now());
      const own = secrets;
      const rows = entries.flatMap(({ anchor, record }): PostedState[] => {
        const value = JSON.stringify(record);
        return value.length > MAX_VALUE ? [] : [{ key: nameOf(own, place, anchor), value, expires: now + ttlMs() }];
      });
      post(worker, { type: 'put', now, rows });
    },
    async recall(place, anchors) {
      // Nothing was ever remembered: no thread for that.
      if (anchors.length === 0 || (thread === undefined && !existsSync(path))) return new Map();
      const worker = started();
      if (worker === undefined || secrets === undefined) return new Map();
      const own = secrets;
      lastId += 1;
      const id = lastId;
      const values = await new Promise<readonly (string | undefined)[]>((resolve) => {
        const late = clock.after(RECALL_MS, () => answer([]));
        const answer = (all: readonly (string | undefined)[]): void => {
          late.clear();
          waiting.delete(id);
          resolve(all);
        };
        waiting.set(id, answer);
        const keys = anchors.map((anchor) => nameOf(own, place, anchor));
        post(worker, { type: 'get', now: Math.trunc(clock.now()), id, keys });
      });
      const found = new Map<string, StateRecord>();
      for (const [index, anchor] of anchors.entries()) {
        const value = values[index];
        // It was sealed by ourselves, in this form.
        if (value !== undefined) found.set(anchor, JSON.parse(value));
      }
      return found;
    },
    async close() {
      closed = true;
      if (thread !== undefined) await stop(thread);
    },
  };
}
