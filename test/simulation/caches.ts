// SPDX-License-Identifier: Apache-2.0
// What a content delivery network does between agents and server: several caches, each of which keeps what is public for as long as the
// server allows, and asks for it once. An agent meets another cache each time, which is the worst case. Knows no object.

import type { Asked, Reply } from '../../src/proxy/sync/http.ts';
import { Arrivals } from './arrivals.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** As object-routes.ts says in `cache-control`, of documents and of what never changes. Milliseconds. */
const FRESH_LIFE = 15_000;
const FOR_EVER = Number.POSITIVE_INFINITY;

interface Entry {
  readonly until: number;
  readonly reply: Promise<Reply>;
}

export interface CachesOptions {
  readonly count: number;
  readonly clock: VirtualClock;
  /** From 0 up to 1. */
  readonly random: () => number;
}

export class Caches {
  /** What the caches answer, from what they keep or not. */
  readonly arrivals = new Arrivals();
  readonly #entries: readonly Map<string, Entry>[];
  readonly #clock: VirtualClock;
  readonly #random: () => number;

  constructor({ count, clock, random }: CachesOptions) {
    this.#entries = Array.from({ length: count }, () => new Map<string, Entry>());
    this.#clock = clock;
    this.#random = random;
  }

  /** @param origin asks the server, whose answer to a request without conditions is kept */
  async answer({ path, headers }: Asked, origin: () => Promise<Reply>): Promise<Reply> {
    const now = this.#clock.monotonic();
    this.arrivals.count(path.endsWith('/fresh') ? 'look' : 'fetch', now);
    const entries = this.#entries[Math.floor(this.#random() * this.#entries.length)] ?? new Map<string, Entry>();
    let entry = entries.get(path);
    if (entry === undefined || entry.until <= now) {
      entry = { until: now + (path.endsWith('/fresh') ? FRESH_LIFE : FOR_EVER), reply: origin() };
      entries.set(path, entry);
    }
    const reply = await entry.reply;
    if (reply.kind !== 'answer' || reply.status !== 200) {
      if (entries.get(path) === entry) entries.delete(path);
      return reply;
    }
    if (headers?.['if-none-match'] !== reply.headers['etag'] || reply.headers['etag'] === undefined) return reply;
    return { ...reply, status: 304, body: Buffer.alloc(0) };
  }
}

/** Documents and bundles: the same to all, so that caches may keep them. */
export function isPublic(path: string): boolean {
  return path.endsWith('/fresh') || path.includes('/b/');
}
