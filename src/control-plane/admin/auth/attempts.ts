// SPDX-License-Identifier: Apache-2.0
// How often a wrong password may be tried: little by one address for one name, and not without end by all of them together. Counts
// before the password is looked at, so that many at once are no way round it, and names that nobody has like all others. In memory:
// each process counts for itself.

import type { Clock } from '../../../contract/clock.ts';
import { createWindows } from '../../http/rate-limit.ts';
import { AdminError } from '../admin-error.ts';

const WINDOW = 900_000;
/** Of one address for one name. */
const MOST_OF_ONE = 10;
/** Of all addresses for one name: whoever has many cannot guess on, but can keep its owner from signing in. */
const MOST_OF_ALL = 100;

export interface Attempt {
  /** How many there were for this name, by all, with this one. */
  readonly attempt: number;
  /** Takes it back: the password was right. */
  forgive(): void;
}

export interface Attempts {
  /** Throws `rate` when there were too many. */
  count(org: string, name: string, address: string): Attempt;
}

export function createAttempts(clock: Clock): Attempts {
  const [ofOne, ofAll] = [createWindows(clock), createWindows(clock)];
  return {
    count(org, name, address) {
      const kinds = [
        { windows: ofOne, key: JSON.stringify([org, name, address]), most: MOST_OF_ONE },
        { windows: ofAll, key: JSON.stringify([org, name]), most: MOST_OF_ALL },
      ];
      let attempt = 0;
      for (const { windows, key, most } of kinds) {
        const { current, ttl } = windows.count(key, WINDOW);
        attempt = current;
        if (current <= most) continue;
        const minutes = Math.ceil(ttl / 60_000);
        const retryAfter = Math.ceil(ttl / 1000);
        throw new AdminError('rate', `too many attempts; try again in ${minutes} minutes`, { retryAfter });
      }
      return {
        attempt,
        forgive() {
          for (const { windows, key } of kinds) windows.forgive(key);
        },
      };
    },
  };
}
