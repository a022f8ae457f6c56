// SPDX-License-Identifier: Apache-2.0
// A text with its line numbers, for reading.

import { lineCount, lineNumbers } from '../model/marks.ts';
import { STRINGS } from '../strings.ts';

export function Listing({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="listing" aria-label={STRINGS.policy.textLabel(name)} tabIndex={0}>
      <pre class="numbers" aria-hidden="true">
        {lineNumbers(lineCount(text))}
      </pre>
      <pre>{text}</pre>
    </section>
  );
}
