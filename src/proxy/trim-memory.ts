// SPDX-License-Identifier: Apache-2.0
// Loading a program leaves much garbage that V8 would keep until the next burst. Knows nothing of what was loaded.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock, Timer } from '../contract/clock.ts';

/** By then the first callers of a start are served. Milliseconds. */
const TRIM_AFTER_MS = 3_000;

/**
 * Collects once, thoroughly, a while after the start of this thread. Takes about 30 ms of it: only for a moment when nobody
 * waits. Each thread has a heap of its own: the daemon's gives back about 5 MB, each worker's about 3 MB (measured).
 */
export function trimMemorySoon(clock: Clock): Timer {
  return clock.after(TRIM_AFTER_MS, () => {
    // The flag is the process's, so it stays: taking it back could do so between these two lines of another thread.
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (options: {
      readonly type: 'major';
      readonly flavor: 'last-resort';
    }) => void;
    collect({ type: 'major', flavor: 'last-resort' });
  });
}
