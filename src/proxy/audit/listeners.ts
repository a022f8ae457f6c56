// SPDX-License-Identifier: Apache-2.0
// Who wants to hear of something: rows that are durable, figures that changed. Pure.

export class Listeners<T> {
  readonly #listeners = new Set<(value: T) => void>();

  /** @returns takes the listener away again. */
  add(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `make` is asked only if somebody listens. */
  tell(make: () => T): void {
    if (this.#listeners.size === 0) return;
    const value = make();
    for (const listener of this.#listeners) listener(value);
  }
}
