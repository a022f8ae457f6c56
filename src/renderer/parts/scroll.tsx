// SPDX-License-Identifier: Apache-2.0
// A frame in which a wide table scrolls sideways. It has a name and takes the focus: what scrolls must be reachable by keyboard. No
// landmark: the section around it is one, mostly of the same name.

import type { ComponentChildren } from 'preact';

export function Scroll({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for controls
    <div class="scroll" role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
