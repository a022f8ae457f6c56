// SPDX-License-Identifier: Apache-2.0
// A state in a word, with a colour that says no more than the word.

import type { ComponentChildren } from 'preact';

export type Tone = 'ok' | 'attention' | 'blocked' | 'plain';

export function Tag({ tone = 'plain', children }: { readonly tone?: Tone; readonly children: ComponentChildren }) {
  return <span class={`tag tone-${tone}`}>{children}</span>;
}
