// SPDX-License-Identifier: Apache-2.0
// A window over the page, by the browser's own element: it holds the focus, Escape closes it, and the page behind it is out of reach.

import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { STRINGS } from '../strings.ts';

interface DialogProps {
  readonly title: string;
  /** undefined: it cannot be closed by Escape. */
  readonly onClose: (() => void) | undefined;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const { current } = element;
    const opener = document.activeElement;
    current?.showModal();
    return () => {
      current?.close();
      // What opened it may be gone with what was done.
      requestAnimationFrame(() => {
        if (document.activeElement !== null && document.activeElement !== document.body) return;
        const target = opener?.isConnected === true && opener !== document.body ? opener : document.querySelector('h1');
        (target as HTMLElement | null)?.focus();
      });
    };
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      onKeyDown={(event) => {
        // Chromium closes it at the second Escape, whatever `cancel` was told.
        if (event.key === 'Escape' && onClose === undefined) event.preventDefault();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

export function CloseButton({ onClose }: { readonly onClose: () => void }) {
  return (
    <div class="buttons">
      <button type="button" class="primary" onClick={onClose}>
        {STRINGS.close}
      </button>
    </div>
  );
}
