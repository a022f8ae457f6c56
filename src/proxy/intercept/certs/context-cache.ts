// SPDX-License-Identifier: Apache-2.0
// Owns: at most so many values, the least recently used one leaving first, each with a time until which it may be used.
// Must not know what the values are.

export interface Cached<Value> {
  readonly value: Value;
  /** Milliseconds since the epoch, wall time: outside of [from, until) the value is made anew. */
  readonly from: number;
  readonly until: number;
}

/** Evictions to wait before a value is released: whoever got it and has not used it yet is at least this far ahead. */
const GRACE = 64;

/** Keys are compared whole: a digest as key would let two names share a certificate. */
export class ContextCache<Value> {
  readonly #capacity: number;
  readonly #release: (value: Value) => void;
  readonly #entries = new Map<string, Cached<Value>>();
  readonly #leaving: Value[] = [];

  /** @param release frees what the garbage collector cannot see, some time after a value was pushed out. */
  constructor(capacity: number, release: (value: Value) => void) {
    this.#capacity = capacity;
    this.#release = release;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The kept value for `key`, or a new one. @param now wall time, milliseconds since the epoch. */
  get(key: string, now: number, make: () => Cached<Value>): Value {
    const kept = this.#entries.get(key);
    const usable = kept !== undefined && kept.from <= now && now < kept.until;
    const entry = usable ? kept : make();
    // A Map keeps insertion order, so the first key is the least recently used.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > this.#capacity) this.#evictOldest();
    return entry.value;
  }

  /** Forgets everything without releasing it: that is left to the garbage collector, since all may be in use. */
  clear(): void {
    this.#entries.clear();
    this.#leaving.length = 0;
  }

  #evictOldest(): void {
    const [oldest] = this.#entries;
    if (oldest === undefined) return;
    this.#entries.delete(oldest[0]);
    this.#leaving.push(oldest[1].value);
    const gone = this.#leaving.length > GRACE ? this.#leaving.shift() : undefined;
    if (gone !== undefined) this.#release(gone);
  }
}
