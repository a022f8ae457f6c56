// SPDX-License-Identifier: Apache-2.0
// Who waits for the newest rows: the writer thread answers by number. Pure.

import type { AuditRow } from '../../contract/audit-row.ts';

export class RecentAsked {
  readonly #waiting = new Map<number, (rows: readonly AuditRow[]) => void>();
  #last = 0;

  /** `send` gets the number under which the rows will come. */
  ask(send: (id: number) => void): Promise<readonly AuditRow[]> {
    const id = ++this.#last;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      send(id);
    });
  }

  answer(id: number, rows: readonly AuditRow[]): void {
    this.#waiting.get(id)?.(rows);
    this.#waiting.delete(id);
  }

  /** The thread has ended: nobody gets any. */
  abandon(): void {
    for (const resolve of this.#waiting.values()) resolve([]);
    this.#waiting.clear();
  }
}
