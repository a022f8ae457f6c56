// SPDX-License-Identifier: Apache-2.0
// Notices that the machine has slept, or that somebody has set its clock, from nothing but the two clocks: no platform has to be asked.
// Knows nothing of what is done about it.

import type { Clock } from '../../../contract/clock.ts';

/** Milliseconds. */
const TICK_MS = 5_000;
/** What a busy machine may be late, or a time service may mend, without being noticed. Milliseconds. */
const GAP_MS = 30_000;

export interface TimeWatchOptions {
  readonly clock: Clock;
  /**
   * The machine (or this process) did not run for `ms` milliseconds, more than half a minute. A clock that was set forward cannot be
   * told from sleep where the monotonic clock stands still meanwhile (Linux, macOS), so that says so too.
   */
  readonly onWake: (ms: number) => void;
  /** The wall clock went off the monotonic one by more than half a minute, in either direction. Sleep is such a jump on some systems. */
  readonly onJump: (ms: number) => void;
}

/** Looks every 5 seconds; the first look after waking tells. @returns ends it. */
export function watchTime({ clock, onWake, onJump }: TimeWatchOptions): () => void {
  let wall = clock.now();
  let mono = clock.monotonic();
  const timer = clock.every(TICK_MS, () => {
    const [wallGap, monoGap] = [clock.now() - wall, clock.monotonic() - mono];
    wall += wallGap;
    mono += monoGap;
    // Windows' monotonic clock runs on during sleep; then both are late.
    const away = Math.max(wallGap, monoGap) - TICK_MS;
    const jump = wallGap - monoGap;
    if (Math.abs(jump) > GAP_MS) onJump(jump);
    if (away > GAP_MS) onWake(away);
  });
  return () => timer.clear();
}
