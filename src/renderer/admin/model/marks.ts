// SPDX-License-Identifier: Apache-2.0
// Places in a text: from line and column to an offset and back to something that can be drawn behind it. Lines and columns from 1. Pure.

import type { Fault } from '../client/admin-client.ts';

export function lineCount(text: string): number {
  let lines = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

/** Where the line begins; behind the last line: the end. */
function lineStart(text: string, line: number): number {
  let start = 0;
  for (let passed = 1; passed < line; passed += 1) {
    const end = text.indexOf('\n', start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  return start;
}

function lineEnd(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return end < 0 ? text.length : end;
}

/** A place outside of the line or the text is moved to its end. */
export function offsetOf(text: string, line: number, column: number): number {
  const start = lineStart(text, line);
  return Math.min(start + Math.max(column, 1) - 1, lineEnd(text, start));
}

/** The other way round. */
export function lineAndColumn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  return { line: lineCount(before), column: before.length - before.lastIndexOf('\n') };
}

/** A line with a fault: its text in three parts, of which the middle one is where the fault is. */
export interface Mark {
  readonly line: number;
  /** So many lines without a mark are before it. */
  readonly gap: number;
  readonly before: string;
  readonly at: string;
  readonly after: string;
  readonly severity: 'error' | 'warning';
}

/** At most so many are drawn: more help nobody. */
const MOST = 200;

/** One for each line that has a fault whose place is known, in order. An error wins over a warning, then the first in the line. */
export function marksOf(text: string, errors: readonly Fault[], warnings: readonly Fault[]): readonly Mark[] {
  const lines = lineCount(text);
  const worst = new Map<number, { column: number; severity: Mark['severity'] }>();
  for (const [severity, faults] of [
    ['error', errors],
    ['warning', warnings],
  ] as const) {
    for (const { line, column } of faults) {
      if (line < 1 || line > lines) continue;
      const known = worst.get(line);
      const better = known === undefined || (known.severity === severity && column < known.column);
      if (better) worst.set(line, { column, severity });
    }
  }
  let previous = 0;
  return [...worst]
    .sort(([one], [other]) => one - other)
    .slice(0, MOST)
    .map(([line, { column, severity }]) => {
      const start = lineStart(text, line);
      const whole = text.slice(start, lineEnd(text, start));
      // The character itself, never half of a pair.
      const place = Math.min(Math.max(column, 1) - 1, whole.length);
      const [at = ''] = whole.slice(place);
      const mark = { line, gap: line - previous - 1, before: whole.slice(0, place), at, severity };
      previous = line;
      return { ...mark, after: whole.slice(place + at.length) };
    });
}

/** `1\n2\n3`, for the margin. */
export function lineNumbers(count: number): string {
  return Array.from({ length: count }, (_, index) => index + 1).join('\n');
}
