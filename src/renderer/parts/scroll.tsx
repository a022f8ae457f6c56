// SPDX-License-Identifier: Apache-2.0
// A frame in which a wide table scrolls sideways. It has a name and takes the focus: what scrolls must be reachable by keyboard.

import type { ComponentChildren } from 'preact';

export function Scroll({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    <section class="scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
