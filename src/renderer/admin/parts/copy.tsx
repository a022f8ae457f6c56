// SPDX-License-Identifier: Apache-2.0
// A text to be taken elsewhere, as it is, with a button that copies it.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { STRINGS } from '../strings.ts';

interface CopyProps {
  /** What it is. */
  readonly label: string;
  readonly text: string;
  /** Few characters, to be read aloud. */
  readonly large?: boolean;
  /** It has just appeared where something else was. */
  readonly focus?: boolean;
}

export function Copy({ label, text, large = false, focus = false }: CopyProps) {
  const shown = useRef<HTMLPreElement>(null);
  // Here and not where the page says things: that is out of reach behind a dialog.
  const said = useSignal('');
  useEffect(() => {
    if (focus) shown.current?.focus();
  }, [focus]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      said.value = STRINGS.copy.done(label);
    } catch {
      // Without leave, or over plain http: the person copies it.
      const { current } = shown;
      if (current !== null) getSelection()?.selectAllChildren(current);
      current?.focus();
      said.value = STRINGS.copy.selected(label);
    }
  };
  return (
    <div class="copy">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset has no text of its own */}
      <pre ref={shown} class={large ? 'large' : undefined} role="group" aria-label={label} tabIndex={0}>
        {text}
      </pre>
      <div class="buttons">
        <button type="button" onClick={() => void copy()}>
          {STRINGS.copy.button(label)}
        </button>
        <span role="status" class="quiet">
          {said.value}
        </span>
      </div>
    </div>
  );
}
