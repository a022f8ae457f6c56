// SPDX-License-Identifier: Apache-2.0
// Turns the pages of a list.

import type { Pager as PagerModel } from '../model/pager.ts';
import { STRINGS } from '../strings.ts';

interface PagerProps {
  readonly pager: PagerModel;
  /** As the answer gives it; null: this is the last page. */
  readonly next: string | null;
}

export function Pager({ pager, next }: PagerProps) {
  const words = STRINGS.pager;
  const number = pager.number.value;
  if (number === 1 && next === null) return null;
  const [isFirst, isLast] = [number === 1, next === null];
  return (
    <nav class="pager" aria-label={words.label}>
      <button type="button" aria-disabled={isFirst} onClick={() => isFirst || pager.back()}>
        {words.back}
      </button>
      <span role="status">{words.number(number)}</span>
      <button type="button" aria-disabled={isLast} onClick={() => next !== null && pager.next(next)}>
        {words.next}
      </button>
    </nav>
  );
}
