// SPDX-License-Identifier: Apache-2.0
// What listeners hear of blocked calls: the first at once, those soon after it together. A burst of refusals must not bury everything else.

import type { Clock, Timer } from '../../contract/clock.ts';
import type { ActivityItem } from '../../contract/local-api.ts';

export interface Blocked {
  add(calls: readonly ActivityItem[]): void;
  end(): void;
}

/** Between two announcements. Milliseconds. */
const APART = 10_000;

/** Calls that were blocked since. */
export function blockedSince(before: readonly ActivityItem[], after: readonly ActivityItem[]): readonly ActivityItem[] {
  const known = new Set(before.map(({ id }) => id));
  return after.filter(({ id, decision }) => decision === 'blocked' && !known.has(id));
}

/** @param tell hears of one call or more, at most once in ten seconds */
export function createBlocked(clock: Clock, tell: (calls: readonly ActivityItem[]) => void): Blocked {
  let timer: Timer | undefined;
  let kept: readonly ActivityItem[] = [];
  const flush = (): void => {
    timer = undefined;
    if (kept.length === 0) return;
    const calls = kept;
    kept = [];
    timer = clock.after(APART, flush);
    tell(calls);
  };
  return {
    add(calls) {
      kept = [...kept, ...calls];
      if (timer === undefined) flush();
    },
    end() {
      timer?.clear();
      timer = undefined;
      kept = [];
    },
  };
}
