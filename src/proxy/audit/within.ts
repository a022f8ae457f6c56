// SPDX-License-Identifier: Apache-2.0
// Waits for something that calls back, but not for ever.

import type { Clock } from '../../contract/clock.ts';

/** Starts it; resolves to true when it calls back, to false after `ms` milliseconds. */
export function within(clock: Clock, ms: number, start: (done: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(false));
    start(() => {
      timer.clear();
      resolve(true);
    });
  });
}
