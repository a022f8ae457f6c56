// SPDX-License-Identifier: Apache-2.0
// How often a password may be tried: little by one address for one name, and not without end by all of them together. Counts before the
// password is looked at, and names that nobody has like all others. In memory: each process counts for itself.

import type { Clock } from '../../../contract/clock.ts';
import { createWindows } from '../../http/rate-limit.ts';
import { AdminError } from '../admin-error.ts';

const WINDOW = 900_000;
/** Of one address for one name. */
const MOST_OF_ONE = 10;
/** Of all addresses for one name: whoever has many cannot guess on, but can keep its owner from signing in. */
const MOST_OF_ALL = 100;

export interface Attempts {
  /** Throws `rate` when there were too many. */
  count(org: string, name: string, address: string): void;
}

export function createAttempts(clock: Clock): Attempts {
  const [ofOne, ofAll] = [createWindows(clock), createWindows(clock)];
  return {
    count(org, name, address) {
      for (const [windows, key, most] of [
        [ofOne, [org, name, address], MOST_OF_ONE],
        [ofAll, [org, name], MOST_OF_ALL],
      ] as const) {
        const { current, ttl } = windows.count(JSON.stringify(key), WINDOW);
        if (current <= most) continue;
        const minutes = Math.ceil(ttl / 60_000);
        throw new AdminError('rate', `too many attempts; try again in ${minutes} minutes`, {
          retryAfter: Math.ceil(ttl / 1000),
        });
      }
    },
  };
}
