// SPDX-License-Identifier: Apache-2.0
// Keys that are left out for a time: refused or without money, or over their rate. No breaker: the provider said when, or that it is no
// use before somebody mends it. Knows names, never a key.

import { LruMap } from './lru-map.ts';
import type { RouterState } from './routing.ts';

export type HoldReason = RouterState['keys'][number]['why'];

export interface KeyHold {
  readonly provider: string;
  /** undefined: a caller's own credential. */
  readonly key: string | undefined;
  /** Only this model may not be used with it; undefined: it is out altogether. */
  readonly model: string | undefined;
  readonly why: HoldReason;
  /** Monotonic milliseconds. */
  readonly since: number;
  readonly until: number;
  /** Milliseconds since the epoch. A sleep that the monotonic clock missed, or a clock set forward, ends it early: one call more. */
  readonly wallUntil: number;
}

export interface Times {
  readonly monotonic: number;
  readonly wall: number;
}

/** Keys of all providers, callers' own credentials included. */
const LIMIT = 512;
/** What is read back from disk is believed for so long at most: as long as the longest default hold, and some. */
const RESTORED_MAX = 3_600_000;

export class KeyHolds {
  readonly #holds = new LruMap<KeyHold>(LIMIT);

  /** @param id of the key, unique over providers */
  find(id: string, { monotonic, wall }: Times): KeyHold | undefined {
    const hold = this.#holds.peek(id);
    if (hold === undefined) return undefined;
    if (monotonic < hold.until && wall < hold.wallUntil) return hold;
    this.#holds.delete(id);
    return undefined;
  }

  /** The later of two deadlines holds. */
  put(id: string, hold: Pick<KeyHold, 'provider' | 'key' | 'model' | 'why'>, ms: number, times: Times): void {
    const known = this.find(id, times);
    const until = Math.max(known?.until ?? 0, times.monotonic + ms);
    const since = known?.since ?? times.monotonic;
    this.#holds.set(id, { ...hold, since, until, wallUntil: times.wall + (until - times.monotonic) });
  }

  /** The key did its work. A rate window is not ended by a call that was under way. */
  worked(id: string): boolean {
    return this.#holds.peek(id)?.why === 'credential' && this.#holds.delete(id);
  }

  /** Somebody may have mended them. */
  dropCredentials(): boolean {
    let dropped = false;
    for (const [id, { why }] of [...this.#holds.entries()]) {
      if (why === 'credential') dropped = this.#holds.delete(id) || dropped;
    }
    return dropped;
  }

  list(times: Times): readonly KeyHold[] {
    return [...this.#holds.entries()].flatMap(([id]) => this.find(id, times) ?? []);
  }

  /** Configured keys that are out altogether: whose credential a caller's own was is nobody's business after a restart. */
  dump(times: Times): RouterState {
    return {
      keys: this.list(times).flatMap(({ provider, key, model, why, until }) =>
        key === undefined || model !== undefined
          ? []
          : [{ provider, key, why, until: Math.ceil(times.wall + (until - times.monotonic)) }],
      ),
    };
  }

  restore(state: RouterState, idOf: (provider: string, key: string) => string, times: Times): void {
    for (const { provider, key, why, until } of state.keys.slice(0, LIMIT)) {
      const ms = Math.min(until - times.wall, RESTORED_MAX);
      if (ms > 0) this.put(idOf(provider, key), { provider, key, model: undefined, why }, ms, times);
    }
  }
}
