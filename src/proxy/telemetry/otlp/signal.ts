// SPDX-License-Identifier: Apache-2.0
// Owns when one signal (traces, metrics or logs) is sent: one request at a time, longer pauses while the endpoint is down, one log line
// at each change. Must not know what the records say.

import type { Clock } from '../../../contract/clock.ts';
import type { Log } from '../../../contract/log.ts';
import type { Poster, PostResult } from './post.ts';
import type { Batch } from './queue.ts';

export type SignalName = 'traces' | 'metrics' | 'logs';

export interface SignalCounters {
  exported(signal: SignalName, result: 'ok' | 'failed'): void;
  dropped(signal: SignalName, reason: 'full' | 'rejected' | 'stopped', records: number): void;
}

/** Pause after a failure: 5 s, doubled up to 5 min, each varied by half, so that a fleet does not come back at once. */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;

export interface Signal {
  /** Sends what there is, unless a pause runs. */
  send(): void;
  /** Sends what there is now; settles when all is sent or one request failed. Records that are left count as dropped. */
  finish(): Promise<void>;
}

export function createSignal(parts: {
  readonly name: SignalName;
  readonly take: () => Batch | undefined;
  /** Keep a batch that failed and send it again? Not where the next one says the same. */
  readonly keep: boolean;
  readonly poster: Poster;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly counters: SignalCounters;
}): Signal {
  const { name, counters, clock, log } = parts;
  let state: 'unknown' | 'up' | 'down' = 'unknown';
  let failures = 0;
  let pausedUntil = 0;
  let kept: Batch | undefined;
  let running: Promise<void> | undefined;

  function changed(next: 'up' | 'down', reason: string | undefined): void {
    if (state === next) return;
    state = next;
    if (next === 'up') log.info('otlp-up', { signal: name });
    else log.warn('otlp-down', { signal: name, reason });
  }

  /** May more be sent now? */
  function settle(batch: Batch, result: PostResult): boolean {
    counters.exported(name, result.kind === 'ok' ? 'ok' : 'failed');
    if (result.kind === 'ok') {
      failures = 0;
      if (result.rejected > 0) counters.dropped(name, 'rejected', result.rejected);
      changed('up', undefined);
      return true;
    }
    if (result.kind === 'refused') counters.dropped(name, 'rejected', batch.records);
    else if (parts.keep) kept = batch;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS) * (0.5 + parts.random() / 2);
    const wish = result.kind === 'again' ? (result.afterMs ?? 0) : 0;
    pausedUntil = clock.monotonic() + Math.max(pause, Math.min(wish, LONGEST_PAUSE_MS));
    failures += 1;
    changed('down', result.reason);
    return false;
  }

  async function run(): Promise<void> {
    let batch = kept ?? parts.take();
    while (batch !== undefined) {
      kept = undefined;
      const go = settle(batch, await parts.poster.post(`/v1/${name}`, batch.body));
      batch = go && parts.keep ? parts.take() : undefined;
    }
  }

  function start(): Promise<void> {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  }

  return {
    send() {
      if (clock.monotonic() >= pausedUntil) void start();
    },
    async finish() {
      await running;
      if (clock.monotonic() >= pausedUntil) await start();
      if (kept !== undefined) counters.dropped(name, 'stopped', kept.records);
      kept = undefined;
    },
  };
}
