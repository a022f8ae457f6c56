// SPDX-License-Identifier: Apache-2.0
// When what has the focus goes away with its notice, the focus goes to what stands there instead, never to nothing.

import type { RefObject } from 'preact';
import { useLayoutEffect } from 'preact/hooks';

/** To the heading within; where there is none any more, to that of the page. */
export function useKeptFocus(box: RefObject<HTMLElement | null>): void {
  const had = box.current?.contains(document.activeElement) ?? false;
  useLayoutEffect(() => {
    if (!had || box.current?.contains(document.activeElement)) return;
    const heading = box.current?.querySelector('h2') ?? document.querySelector<HTMLElement>('main h1');
    heading?.focus();
  });
}
