// SPDX-License-Identifier: Apache-2.0
// Turning pages of a list whose server only says where the next one begins. Touches no element.

import { computed, type ReadonlySignal, signal } from '@preact/signals';

export interface Pager {
  /** Where the present page begins; undefined: the first. */
  readonly cursor: ReadonlySignal<string | undefined>;
  /** From 1. */
  readonly number: ReadonlySignal<number>;
  /** `cursor` as the present page's answer gives it. */
  next(cursor: string): void;
  back(): void;
  first(): void;
}

export function createPager(): Pager {
  const passed = signal<readonly string[]>([]);
  return {
    cursor: computed(() => passed.value.at(-1)),
    number: computed(() => passed.value.length + 1),
    next(cursor) {
      passed.value = [...passed.value, cursor];
    },
    back() {
      passed.value = passed.value.slice(0, -1);
    },
    first() {
      if (passed.value.length > 0) passed.value = [];
    },
  };
}
