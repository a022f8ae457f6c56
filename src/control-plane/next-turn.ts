// SPDX-License-Identifier: Apache-2.0

/** Lets whatever waits have its turn. Queries of SQLite are answered at once: a loop of them would hold up all polls. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
