// SPDX-License-Identifier: Apache-2.0
// Counts requests by key in windows of fixed length, on the clock of the process. Each process counts for itself.

import type { FastifyRateLimitStore, FastifyRateLimitStoreCtor } from '@fastify/rate-limit';
import type { Clock } from '../../contract/clock.ts';

export interface Counted {
  /** With this one. */
  readonly current: number;
  /** Milliseconds until the window ends. */
  readonly ttl: number;
}

export interface Windows {
  count(key: string, window: number): Counted;
  /** Takes one back: it was none of those that are limited. */
  forgive(key: string): void;
}

/** Keys of one counter: an attacker with many addresses must not fill the memory. About 100 bytes each. */
const MOST_KEYS = 50_000;

export function createWindows(clock: Clock): Windows {
  // The one whose window began first is first.
  const windows = new Map<string, { count: number; readonly since: number }>();
  return {
    count(key, window) {
      const now = clock.monotonic();
      let entry = windows.get(key);
      if (entry === undefined || now - entry.since >= window) {
        windows.delete(key);
        if (windows.size >= MOST_KEYS) windows.delete(windows.keys().next().value ?? key);
        entry = { count: 0, since: now };
        windows.set(key, entry);
      }
      entry.count += 1;
      return { current: entry.count, ttl: window - (now - entry.since) };
    },
    forgive(key) {
      const entry = windows.get(key);
      if (entry !== undefined) entry.count -= 1;
    },
  };
}

/** For @fastify/rate-limit, whose own store reads the wall clock. */
export function windowStore(clock: Clock): FastifyRateLimitStoreCtor {
  return class WindowStore implements FastifyRateLimitStore {
    readonly #windows = createWindows(clock);
    incr(key: string, done: (error: Error | null, result?: Counted) => void, window: number): void {
      done(null, this.#windows.count(key, window));
    }
    child(): FastifyRateLimitStore {
      return new WindowStore();
    }
  };
}
