// SPDX-License-Identifier: Apache-2.0
// A condition to wait for: `wait` resolves at the next `notify`; waiters then look again. Owns nothing else.

export class Signal {
  #waiters: (() => void)[] = [];

  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  notify(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
