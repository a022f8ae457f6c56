// SPDX-License-Identifier: Apache-2.0
// A table in a frame in which it scrolls. The columns say how a row is shown; the first one names it.

import { type ComponentChildren, Fragment } from 'preact';
import { Scroll } from '../../parts/scroll.tsx';

export interface Column<T> {
  readonly head: string;
  /** Of the column's cells. */
  readonly class?: string;
  readonly cell: (row: T) => ComponentChildren;
}

interface TableProps<T> {
  /** What it is a table of. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string | number;
  /** Below a row, over all columns; undefined: nothing. */
  readonly under?: (row: T) => ComponentChildren | undefined;
}

/** So many columns have room in any window. */
const FEW = 3;

export function Table<T>({ label, columns, rows, keyOf, under }: TableProps<T>) {
  return (
    <Scroll label={label}>
      <table class={columns.length <= FEW ? 'few' : undefined}>
        <caption class="hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.head} scope="col" class={column.class}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const more = under?.(row);
            return (
              <Fragment key={keyOf(row)}>
                <tr class={more === undefined ? undefined : 'opened'}>
                  {columns.map((column, index) =>
                    index === 0 ? (
                      <th key={column.head} scope="row" class={column.class}>
                        {column.cell(row)}
                      </th>
                    ) : (
                      <td key={column.head} class={column.class}>
                        {column.cell(row)}
                      </td>
                    ),
                  )}
                </tr>
                {more !== undefined && (
                  <tr class="under-row">
                    <td colSpan={columns.length}>{more}</td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}
