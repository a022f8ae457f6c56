// SPDX-License-Identifier: Apache-2.0
// Pictures that the page draws itself. Decoration: the words beside them say the same.

import type { Summary } from '../../client/summary.ts';

const SHAPES: Readonly<Record<Summary['shape'], string>> = {
  ok: 'M4.5 8.2l2.4 2.4 4.6-5',
  attention: 'M8 4.2v4.4M8 11.3v.2',
  blocked: 'M4.2 11.8l7.6-7.6',
  waiting: 'M5 8h.2M8 8h.2M11 8h.2',
};

/** Circle, triangle, struck circle or dotted circle: the shape tells without the colour. */
export function StatusIcon({ shape }: { readonly shape: Summary['shape'] }) {
  const outline = shape === 'attention' ? 'M8 1.2l7 13H1z' : 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1z';
  return (
    <svg class={`icon icon-${shape}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path class="icon-ground" d={outline} />
      <path class="icon-sign" d={SHAPES[shape]} />
    </svg>
  );
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d="M8 1l6 2v5c0 4-3 6-6 7-3-1-6-3-6-7V3z" />
    </svg>
  );
}
