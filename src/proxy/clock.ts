// SPDX-License-Identifier: Apache-2.0
// The real clock. The only file of the daemon that touches Node's timers and time functions; it knows nothing else.

import { performance } from 'node:perf_hooks';
import type { Clock, Timer } from '../contract/clock.ts';

/** Node turns a longer delay into 1 ms (timers are 32-bit signed); it is cut to this instead, about 24.8 days. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

function delay(ms: number): number {
  return Math.min(Math.max(ms, 0), LONGEST_DELAY_MS);
}

function timer(handle: NodeJS.Timeout): Timer {
  handle.unref();
  return {
    clear: () => clearTimeout(handle),
    refresh: () => {
      handle.refresh();
    },
  };
}

/** The operating system's clock. Its timers never keep the process alive; delays above 24.8 days are cut to that. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, fn) => timer(setTimeout(fn, delay(ms))),
  every: (ms, fn) => timer(setInterval(fn, delay(ms))),
};
