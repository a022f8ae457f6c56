// SPDX-License-Identifier: Apache-2.0
// What a command says: tables and sentences for people, or one JSON value. All text passes through here, so that none that came from a
// device or a file reaches the terminal as it is.

import { printable, printableJson, printableLines } from '../../contract/printable.ts';

export type Cell = string | number | boolean | null | undefined;

export interface Output {
  readonly json: boolean;
  /** A sentence for people; nothing with `--json`. May have several lines. */
  say(text: string): void;
  /** Left-aligned columns; nothing with `--json`. `empty`: what is said when there are no rows. */
  table(head: readonly string[], rows: readonly (readonly Cell[])[], empty: string): void;
  /** One thing, a line for each of its members; nothing with `--json`. */
  fields(members: readonly (readonly [name: string, value: Cell])[]): void;
  /** The same for programs; nothing without `--json`. */
  value(value: unknown): void;
}

/** Characters of a cell; names are given by devices. */
const WIDEST = 48;

export function createOutput(stdout: NodeJS.WritableStream, json: boolean): Output {
  const line = (text: string): void => void stdout.write(`${text}\n`);
  return {
    json,
    say: (text) => {
      if (!json) line(printableLines(text));
    },
    table(head, rows, empty) {
      if (json) return;
      if (rows.length === 0) return line(empty);
      for (const text of tableLines(head, rows)) line(text);
    },
    fields(members) {
      if (json) return;
      const width = Math.max(...members.map(([name]) => name.length));
      for (const [name, value] of members) line(`${name.padEnd(width)}  ${printable(shown(value))}`.trimEnd());
    },
    value: (value) => {
      if (json) line(printableJson(value));
    },
  };
}

function tableLines(head: readonly string[], rows: readonly (readonly Cell[])[]): readonly string[] {
  const cells = rows.map((row) => row.map((cell, column) => cut(printable(shown(cell)), column === row.length - 1)));
  const widths = head.map((name, column) => Math.max(name.length, ...cells.map((row) => (row[column] ?? '').length)));
  return [head, ...cells].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** The last column may be as long as it is. */
function cut(text: string, last: boolean): string {
  return last || text.length <= WIDEST ? text : `${text.slice(0, WIDEST - 1)}…`;
}

function shown(value: Cell): string {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return String(value);
}
