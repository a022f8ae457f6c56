// SPDX-License-Identifier: Apache-2.0
// Owns: how late this thread's event loop runs its timers, over the last minute. Knows nothing of metrics.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../../contract/clock.ts';
import type { LoopLag } from './instruments.ts';

/**
 * Milliseconds between samples. Each wakes the processor: at 100 they were ten of an idle daemon's twelve wake-ups a second (measured), and a
 * laptop's battery pays for them. A stall that one sample in a second misses is short; sixty of them make a window.
 */
const RESOLUTION_MS = 1_000;
const WINDOW_MS = 60_000;

/** Starts sampling. The answer covers the last whole minute, within the first one what there is so far; undefined before any sample. */
export function watchLoopDelay(clock: Pick<Clock, 'every'>): { lag(): LoopLag | undefined; close(): void } {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  // Node counts the sampling interval itself as delay; it is taken off again. Nanoseconds to seconds.
  const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000);
  const read = (): LoopLag | undefined =>
    histogram.count === 0
      ? undefined
      : {
          p50: seconds(histogram.percentile(50)),
          p99: seconds(histogram.percentile(99)),
          max: seconds(histogram.max),
        };
  let last: LoopLag | undefined;
  const timer = clock.every(WINDOW_MS, () => {
    last = read();
    histogram.reset();
  });
  return {
    lag: () => last ?? read(),
    close() {
      timer.clear();
      histogram.disable();
    },
  };
}
