// SPDX-License-Identifier: Apache-2.0
// Work of which a process does a few at once, while a few more wait: whatever is asked, its memory and time are bounded. Knows no work.

import { Refused } from './refused.ts';

export interface FewAtOnce {
  /** Does the work, at once or when it is its turn. Refuses where too many wait already. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** @param refusal what is said to whoever comes when `waiting` others wait already */
export function fewAtOnce({
  atOnce,
  waiting: most,
  refusal,
}: {
  readonly atOnce: number;
  readonly waiting: number;
  readonly refusal: string;
}): FewAtOnce {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    async run(work) {
      if (running < atOnce) running += 1;
      else if (waiting.length < most) await new Promise<void>((resolve) => waiting.push(resolve));
      else throw new Refused('rate', refusal);
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
  };
}
