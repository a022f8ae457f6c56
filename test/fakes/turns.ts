// SPDX-License-Identifier: Apache-2.0
// How often the event loop came round while something was done: 0 means that nobody else was served meanwhile.

export async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  const count = (): void => {
    turns += 1;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  try {
    await work();
  } finally {
    clearImmediate(next);
  }
  return turns;
}
