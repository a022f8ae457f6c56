// SPDX-License-Identifier: Apache-2.0
// Which function response answers which call, where ids are missing: the oldest open call of the same name.

export class CallPairing {
  readonly #used = new Set<string>();
  /** Calls without a response so far, oldest first, by name. */
  readonly #open = new Map<string, Map<string, true>>();
  /** Names of the calls by id. */
  readonly #names = new Map<string, string>();
  #message = -1;
  #inMessage = 0;

  /** The id of a call: its own, else one made of its place. */
  called(own: string | undefined, name: string, message: number): string {
    const id = own !== undefined && own !== '' ? own : this.#made('call', message);
    this.#used.add(id);
    this.#names.set(id, name);
    const open = this.#open.get(name) ?? new Map<string, true>();
    open.set(id, true);
    this.#open.set(name, open);
    return id;
  }

  /** The id of the call that a response answers, and whether there is such a call. */
  answered(own: string | undefined, name: string, message: number): { readonly id: string; readonly known: boolean } {
    const called = own === undefined ? undefined : this.#names.get(own);
    if (own !== undefined && called !== undefined) {
      this.#open.get(called)?.delete(own);
      return { id: own, known: true };
    }
    const open = this.#open.get(name);
    const [oldest] = open?.keys() ?? [];
    if (open !== undefined && oldest !== undefined) {
      open.delete(oldest);
      return { id: oldest, known: true };
    }
    return { id: own !== undefined && own !== '' ? own : this.#made('result', message), known: false };
  }

  #made(kind: 'call' | 'result', message: number): string {
    if (message !== this.#message) {
      this.#message = message;
      this.#inMessage = 0;
    }
    for (;;) {
      const id = `${kind}_${message}_${this.#inMessage++}`;
      if (!this.#used.has(id)) return id;
    }
  }
}
