// SPDX-License-Identifier: Apache-2.0
// A text with line numbers in which lines are marked. The text is the browser's own field, so that keyboards, screen readers and undo work
// as everywhere; numbers and marks are drawn behind it and scroll along.

import type { RefObject } from 'preact';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Fault } from '../client/admin-client.ts';
import { lineCount, lineNumbers, marksOf, offsetOf } from '../model/marks.ts';

interface CodeEditorProps {
  readonly label: string;
  readonly text: string;
  readonly errors: readonly Fault[];
  readonly warnings: readonly Fault[];
  /** What says how many faults there are. */
  readonly describedBy: string;
  readonly field: RefObject<HTMLTextAreaElement | null>;
  readonly onText: (text: string) => void;
}

export function CodeEditor({ label, text, errors, warnings, describedBy, field, onText }: CodeEditorProps) {
  const [numbers, layer] = [useRef<HTMLPreElement>(null), useRef<HTMLPreElement>(null)];
  const count = lineCount(text);
  const margin = useMemo(() => lineNumbers(count), [count]);
  const marks = useMemo(() => marksOf(text, errors, warnings), [text, errors, warnings]);
  const follow = () => {
    const { current } = field;
    if (current === null) return;
    if (numbers.current !== null) numbers.current.scrollTop = current.scrollTop;
    if (layer.current !== null) {
      layer.current.scrollTop = current.scrollTop;
      layer.current.scrollLeft = current.scrollLeft;
    }
  };
  // What was drawn anew begins at its top.
  useLayoutEffect(follow);
  return (
    <div class="editor">
      <pre class="numbers" ref={numbers} aria-hidden="true">
        {margin}
      </pre>
      <div class="editor-text">
        <pre class="marks" ref={layer} aria-hidden="true">
          {marks.map(({ line, gap, before, at, after, severity }) => (
            <span key={line}>
              {'\n'.repeat(gap)}
              <span class={`fault-line fault-${severity}`}>
                {before}
                <u>{at === '' ? ' ' : at}</u>
                {after}
              </span>
              {'\n'}
            </span>
          ))}
          {'\n'.repeat(Math.max(count - (marks.at(-1)?.line ?? 0), 0))}
        </pre>
        <textarea
          ref={field}
          aria-label={label}
          aria-invalid={errors.length > 0}
          aria-describedby={describedBy}
          wrap="off"
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          value={text}
          onInput={(event) => onText(event.currentTarget.value)}
          onScroll={follow}
        />
      </div>
    </div>
  );
}

/** Puts the cursor where a fault is, in sight. */
export function goTo(field: HTMLTextAreaElement, line: number, column: number): void {
  const offset = offsetOf(field.value, line, column);
  field.focus();
  field.setSelectionRange(offset, offset);
  const height = Number.parseFloat(getComputedStyle(field).lineHeight);
  field.scrollTop = Math.max((line - 1) * height - field.clientHeight / 3, 0);
  field.scrollLeft = 0;
}
