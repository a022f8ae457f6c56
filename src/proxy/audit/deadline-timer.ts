// SPDX-License-Identifier: Apache-2.0
// One timer for many deadlines: it runs at the next one and arms itself again. Pure but for the clock.

import type { Clock, Timer } from '../../contract/clock.ts';

export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #next: () => number | undefined;
  readonly #expire: () => void;
  #timer: Timer | undefined;

  /** `next`: the first deadline, on the monotonic clock, if there is one. `expire` settles those that have passed. */
  constructor(clock: Clock, next: () => number | undefined, expire: () => void) {
    this.#clock = clock;
    this.#next = next;
    this.#expire = expire;
  }

  arm(): void {
    const next = this.#next();
    if (this.#timer !== undefined || next === undefined) return;
    this.#timer = this.#clock.after(Math.max(0, next - this.#clock.monotonic()), () => {
      this.#timer = undefined;
      this.#expire();
      this.arm();
    });
  }

  clear(): void {
    this.#timer?.clear();
  }
}
