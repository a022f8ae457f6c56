// SPDX-License-Identifier: Apache-2.0
// Time for many thousand timers, which passes only when it is told to and waits for promises on the way. Knows nothing of what waits for
// it. test/fakes/clock.ts is the simpler one, for tests with a few timers.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Timer } from '../../src/contract/clock.ts';

interface Entry {
  due: number;
  waiting: boolean;
  /** Counts its starts and ends: a place in the heap from before counts no more. */
  turn: number;
  readonly repeat: number | undefined;
  readonly fn: () => void;
}

interface Place {
  readonly at: number;
  readonly order: number;
  readonly entry: Entry;
  readonly turn: number;
}

export class VirtualClock implements Clock {
  #wall: number;
  #monotonic = 0;
  #order = 0;
  readonly #heap: Place[] = [];
  readonly #held = new Set<Promise<unknown>>();

  /** @param wall milliseconds since the Unix epoch */
  constructor(wall: number) {
    this.#wall = wall;
  }

  now(): number {
    return Math.floor(this.#wall);
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, fn: () => void): Timer {
    return this.#start(ms, fn, undefined);
  }

  every(ms: number, fn: () => void): Timer {
    return this.#start(ms, fn, ms);
  }

  /** Time does not go on before this has ended: work that takes real time, such as a signature. */
  hold(work: Promise<unknown>): void {
    this.#held.add(work);
  }

  /** Runs all that falls due within so many milliseconds, with what follows from it. */
  async run(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await this.#settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#moveTo(Math.max(next.due, this.#monotonic));
      this.#stop(next);
      if (next.repeat !== undefined) this.#put(next, next.repeat);
      next.fn();
      await this.#settle();
    }
    this.#moveTo(end);
  }

  async #settle(): Promise<void> {
    await nextTurn();
    while (this.#held.size > 0) {
      const work = [...this.#held];
      this.#held.clear();
      await Promise.all(work);
      await nextTurn();
    }
  }

  #moveTo(monotonic: number): void {
    this.#wall += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }

  #start(ms: number, fn: () => void, repeat: number | undefined): Timer {
    const wait = Math.max(ms, 0);
    const entry: Entry = { due: 0, waiting: false, turn: 0, repeat, fn };
    this.#put(entry, wait);
    return {
      clear: () => this.#stop(entry),
      refresh: () => {
        // That it is later is found out when its place comes up: a timer that is refreshed all the time costs nothing.
        if (entry.waiting) entry.due = this.#monotonic + wait;
        else this.#put(entry, wait);
      },
    };
  }

  #stop(entry: Entry): void {
    entry.waiting = false;
    entry.turn += 1;
  }

  #put(entry: Entry, wait: number): void {
    entry.due = this.#monotonic + wait;
    entry.waiting = true;
    this.#push({ at: entry.due, order: ++this.#order, entry, turn: entry.turn });
  }

  #next(end: number): Entry | undefined {
    for (let top = this.#heap[0]; top !== undefined && top.at <= end; top = this.#heap[0]) {
      this.#pop();
      const { entry, turn } = top;
      if (turn !== entry.turn) continue;
      if (entry.due <= top.at) return entry;
      this.#push({ ...top, at: entry.due, order: ++this.#order });
    }
    return undefined;
  }

  #push(place: Place): void {
    const heap = this.#heap;
    let at = heap.push(place) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(heap[at], heap[above])) return;
      this.#swap(at, above);
      at = above;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      let least = at;
      for (const below of [2 * at + 1, 2 * at + 2]) if (isBefore(heap[below], heap[least])) least = below;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(one: number, other: number): void {
    const [left, right] = [this.#heap[one], this.#heap[other]];
    if (left === undefined || right === undefined) return;
    this.#heap[one] = right;
    this.#heap[other] = left;
  }
}

function isBefore(left: Place | undefined, right: Place | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
