// SPDX-License-Identifier: Apache-2.0
// A clock whose hands the test turns. Owns virtual time; knows nothing of what waits for it.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Timer } from '../../src/contract/clock.ts';

interface Entry {
  due: number;
  readonly order: number;
  readonly ms: number;
  readonly repeat: boolean;
  readonly fn: () => void;
}

/** Virtual time. Timers run in the order of their due time, then of their start; never by themselves. */
export class FakeClock implements Clock {
  #wall: number;
  #monotonic = 0;
  #order = 0;
  readonly #entries = new Set<Entry>();

  /** @param wall milliseconds since the Unix epoch at which the wall clock starts */
  constructor(wall: number = Date.UTC(2030, 0, 1)) {
    this.#wall = wall;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#entries.size;
  }

  after(ms: number, fn: () => void): Timer {
    return this.#start(ms, fn, false);
  }

  every(ms: number, fn: () => void): Timer {
    return this.#start(ms, fn, true);
  }

  /** Moves the wall clock alone, as a time service or a person would. Timers do not notice. */
  jumpWall(ms: number): void {
    this.#wall += ms;
  }

  /** Moves time on and runs what falls due, timers that those start included. Awaits nothing in between. */
  advance(ms: number): void {
    const end = this.#monotonic + ms;
    for (let next = this.#nextUntil(end); next !== undefined; next = this.#nextUntil(end)) this.#run(next);
    this.#moveTo(end);
  }

  /** Like `advance`, but lets promises and pending I/O callbacks settle before the first and after each timer. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await nextTurn();
    for (let next = this.#nextUntil(end); next !== undefined; next = this.#nextUntil(end)) {
      this.#run(next);
      await nextTurn();
    }
    this.#moveTo(end);
    await nextTurn();
  }

  #start(ms: number, fn: () => void, repeat: boolean): Timer {
    if (repeat && ms <= 0) throw new RangeError('a repeating fake timer needs a positive time');
    const wait = Math.max(ms, 0);
    const entry: Entry = { due: this.#monotonic + wait, order: this.#order++, ms: wait, repeat, fn };
    this.#entries.add(entry);
    return {
      clear: () => {
        this.#entries.delete(entry);
      },
      // As with Node's timers: refreshing one that has run starts it again.
      refresh: () => {
        entry.due = this.#monotonic + wait;
        this.#entries.add(entry);
      },
    };
  }

  #nextUntil(end: number): Entry | undefined {
    let best: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.due > end) continue;
      if (best === undefined || entry.due < best.due || (entry.due === best.due && entry.order < best.order))
        best = entry;
    }
    return best;
  }

  #run(entry: Entry): void {
    this.#moveTo(Math.max(entry.due, this.#monotonic));
    if (entry.repeat) entry.due += entry.ms;
    else this.#entries.delete(entry);
    entry.fn();
  }

  #moveTo(monotonic: number): void {
    this.#wall += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }
}
