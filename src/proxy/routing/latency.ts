// SPDX-License-Identifier: Apache-2.0
// How long a model takes to its first content: a moving average that jumps to peaks and forgets them slowly, and the last samples for
// a percentile. Times are milliseconds.

/**
 * A sample weighs 1/e after this time. Servers take 10 s; a laptop makes a call a minute, and would remember nothing.
 */
const DECAY = 300_000;
/** Samples kept: enough for a 95th percentile, few enough to follow a change within an hour's work. */
const KEPT = 64;
/** Fewer say nothing about a 95th percentile. */
const ENOUGH = 20;

export class Latency {
  #average: number | undefined;
  #at = 0;
  readonly #samples: number[] = [];
  #next = 0;
  #percentile: number | undefined;
  /** Calls under way: each makes the next one's wait longer. */
  inFlight = 0;

  /** Peak-weighted moving average. */
  get average(): number | undefined {
    return this.#average;
  }

  /** What choosing it now would cost, for comparison; 0: not known, so it is tried. */
  get load(): number {
    return (this.#average ?? 0) * (this.inFlight + 1);
  }

  /** 95th percentile of the samples. */
  get p95(): number | undefined {
    if (this.#samples.length < ENOUGH) return undefined;
    this.#percentile ??= [...this.#samples].sort((a, b) => a - b)[Math.ceil(this.#samples.length * 0.95) - 1];
    return this.#percentile;
  }

  /** First content came after `ms`. */
  sample(ms: number, now: number): void {
    this.observe(ms, now);
    this.#samples[this.#next] = ms;
    this.#next = (this.#next + 1) % KEPT;
    this.#percentile = undefined;
  }

  /** A wait that ended, with or without content. */
  observe(ms: number, now: number): void {
    const known = this.#average;
    const weight = Math.exp(-Math.max(now - this.#at, 0) / DECAY);
    this.#average = known === undefined || ms > known ? ms : known * weight + ms * (1 - weight);
    this.#at = now;
  }
}
