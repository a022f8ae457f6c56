// SPDX-License-Identifier: Apache-2.0
// A button that, where it cannot be used now, says why instead of vanishing.

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface ButtonProps {
  readonly onClick: () => void;
  /** Why it cannot be used now. */
  readonly why?: string | undefined;
  readonly kind?: 'primary' | 'danger';
  /** Where the words alone do not say what it is for. */
  readonly label?: string;
  readonly children: ComponentChildren;
}

export function Button({ onClick, why, kind, label, children }: ButtonProps) {
  const id = useId();
  const button = (
    <button
      type="button"
      class={kind}
      aria-label={label}
      aria-disabled={why !== undefined}
      aria-describedby={why === undefined ? undefined : id}
      onClick={() => why === undefined && onClick()}
    >
      {children}
    </button>
  );
  if (why === undefined) return button;
  return (
    <span class="with-reason">
      {button}
      <span class="hint" id={id}>
        {why}
      </span>
    </span>
  );
}
