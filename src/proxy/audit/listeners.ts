// SPDX-License-Identifier: Apache-2.0
// Who wants to hear of rows that are durable. Pure.

import type { RowBody } from '../../contract/audit-row.ts';
import type { StoredBody } from './audit-log.ts';

export class RowListeners {
  readonly #listeners = new Set<(row: StoredBody) => void>();

  add(listener: (row: StoredBody) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell({ at, row }: { readonly at: number; readonly row: RowBody }): void {
    if (this.#listeners.size === 0) return;
    const stored: StoredBody = { at, body: row };
    for (const listener of this.#listeners) listener(stored);
  }
}
