// SPDX-License-Identifier: Apache-2.0
// Which target a conversation is with, so that its prompt cache is read and not written twice. Names only. Monotonic milliseconds.

import { LruMap } from './lru-map.ts';

export interface Pin {
  readonly provider: string;
  readonly model: string;
  readonly key: string | undefined;
  readonly until: number;
}

/** Conversations; a few hundred bytes each. */
const LIMIT = 4_096;

export class Affinity {
  readonly #pins = new LruMap<Pin>(LIMIT);

  get size(): number {
    return this.#pins.size;
  }

  /**
   * @param inToolLoop a tool may run for longer than the cache lives, but half a tool loop with another model goes wrong more often
   * than a cold cache costs: then the time is not looked at
   */
  find(conversation: string, now: number, inToolLoop: boolean): Pin | undefined {
    const pin = this.#pins.get(conversation);
    return pin !== undefined && (now < pin.until || inToolLoop) ? pin : undefined;
  }

  put(conversation: string, pin: Pin): void {
    this.#pins.set(conversation, pin);
  }
}
