// SPDX-License-Identifier: Apache-2.0
// Columns of a chart: where they stand and how high, in percent of the picture. Pure.

export interface Column {
  /** What stands below and above it. */
  readonly name: string;
  readonly label: string;
  /** From the ground up; none is negative. */
  readonly parts: readonly number[];
}

export interface Bar {
  readonly name: string;
  readonly label: string;
  /** Of the column, percent of the width. */
  readonly x: number;
  readonly width: number;
  readonly middle: number;
  /** Of the whole column, percent of the height; 0 is above. */
  readonly top: number;
  readonly parts: readonly { readonly y: number; readonly height: number }[];
}

/** Of the room that a column has: how much it takes. */
const SHARE = 0.6;
/** What is not nothing is seen. Percent. */
const LEAST = 1.5;

export function barsOf(columns: readonly Column[]): readonly Bar[] {
  const sum = ({ parts }: Column): number => parts.reduce((all, part) => all + part, 0);
  const most = Math.max(...columns.map(sum), 0);
  const room = 100 / Math.max(columns.length, 1);
  return columns.map((column, index) => {
    let top = 100;
    const parts = column.parts.map((part) => {
      const height = part > 0 && most > 0 ? Math.max((part / most) * 100, LEAST) : 0;
      top = Math.max(0, top - height);
      return { y: top, height };
    });
    const x = room * (index + (1 - SHARE) / 2);
    return { ...column, x, width: room * SHARE, middle: room * (index + 0.5), top, parts };
  });
}
