// SPDX-License-Identifier: Apache-2.0
// A stored row for reading: a title, its time, and its text with line breaks. No value and no order is changed. Pure.

import type { Words } from '../../strings/catalogue.ts';

type RecordedWords = Words['recorded'];

export interface RowText {
  readonly title: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number | undefined;
  readonly text: string;
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** What rows of a kind are about; undefined: a kind that this page does not know. */
export function nameOfKind(kind: string, { kinds }: RecordedWords): string | undefined {
  return Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
}

export function describeRow(json: string, words: RecordedWords): RowText {
  let row: unknown;
  try {
    row = JSON.parse(json);
  } catch {
    return { title: words.unreadable, at: undefined, text: json };
  }
  const [seq, at, kind] = [property(row, 'seq'), property(row, 'at'), property(property(row, 'body'), 'kind')];
  return {
    title: words.row(String(seq), nameOfKind(String(kind), words) ?? words.unreadable),
    at: typeof at === 'number' ? at : undefined,
    text: JSON.stringify(row, undefined, 2),
  };
}
