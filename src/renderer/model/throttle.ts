// SPDX-License-Identifier: Apache-2.0
// Does something soon after it became due, and not more often than that.

import type { Clock, Timer } from '../../contract/clock.ts';

export interface Throttle {
  /** It is due: done within `ms`, once for however many times that is said meanwhile. */
  due(): void;
  end(): void;
}

export function createThrottle(clock: Clock, ms: number, run: () => void): Throttle {
  let timer: Timer | undefined;
  return {
    due() {
      timer ??= clock.after(ms, () => {
        timer = undefined;
        run();
      });
    },
    end() {
      timer?.clear();
      timer = undefined;
    },
  };
}
