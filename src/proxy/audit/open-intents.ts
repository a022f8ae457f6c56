// SPDX-License-Identifier: Apache-2.0
// Which intents of this process wait for their outcome, so that the next file can name them. Pure; bounded.

import type { StoredRow } from '../../protocol/chain.ts';
import type { CarriedIntent } from './queue-file.ts';
import type { PostedRow } from './writer-protocol.ts';

/** More than can be in flight; the oldest are forgotten, not their rows. */
const MOST = 10_000;

export class OpenIntents {
  readonly #run: number;
  readonly #open = new Map<string, CarriedIntent>();

  constructor(run: number) {
    this.#run = run;
  }

  /** Takes up an intent of this run that an earlier writer stored; false if it is another run's. */
  adopt(intent: CarriedIntent): boolean {
    if (intent.run !== this.#run) return false;
    this.#open.set(intent.request, intent);
    return true;
  }

  /** Notes what rows, and the places they got, open and close. */
  follow(epoch: string, rows: readonly PostedRow[], stored: readonly StoredRow[]): void {
    for (const [index, row] of rows.entries()) {
      if (row.closes !== undefined) this.#open.delete(row.closes);
      const seq = stored[index]?.seq;
      if (row.opens === undefined || seq === undefined) continue;
      this.#open.set(row.opens, { request: row.opens, epoch, seq, run: this.#run });
      const oldest = this.#open.size > MOST ? this.#open.keys().next().value : undefined;
      if (oldest !== undefined) this.#open.delete(oldest);
    }
  }

  list(): readonly CarriedIntent[] {
    return [...this.#open.values()];
  }
}
