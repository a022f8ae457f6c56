// SPDX-License-Identifier: Apache-2.0
// The browser's clock, behind the interface of the whole project. Knows nothing else.

import type { Clock, Timer } from '../contract/clock.ts';

function timer(start: () => number, stop: (handle: number) => void): Timer {
  let handle = start();
  return {
    clear: () => stop(handle),
    refresh() {
      stop(handle);
      handle = start();
    },
  };
}

export const browserClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, fn) => timer(() => window.setTimeout(fn, ms), window.clearTimeout),
  every: (ms, fn) => timer(() => window.setInterval(fn, ms), window.clearInterval),
};
