// SPDX-License-Identifier: Apache-2.0
// The last day's calls as bars: where they stand and how high. Pure; units are those of the picture.

export interface Hour {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly calls: number;
  readonly refused: number;
}

export const CHART = { width: 1_000, height: 230, left: 56, top: 8, bottom: 28 } as const;

export interface Bar {
  readonly at: number;
  readonly x: number;
  readonly width: number;
  /** Calls that were let through: from `y` down to the refused ones. */
  readonly allowed: { readonly y: number; readonly height: number };
  readonly refused: { readonly y: number; readonly height: number };
}

export interface Chart {
  readonly bars: readonly Bar[];
  /** Lines across, from 0 up. */
  readonly ticks: readonly { readonly value: number; readonly y: number }[];
}

const GAP = 3;

/** The next number above that people count in: 1, 2 or 5, and zeros. */
export function roundUp(value: number): number {
  if (value <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

export function chartOf(hours: readonly Hour[]): Chart {
  const { width, height, left, top, bottom } = CHART;
  const floor = height - bottom;
  const most = roundUp(Math.max(...hours.map(({ calls }) => calls), 0));
  const scale = (floor - top) / most;
  const step = (width - left) / Math.max(hours.length, 1);
  const bars = hours.map(({ at, calls, refused }, index): Bar => {
    const low = Math.min(refused, calls) * scale;
    const high = calls * scale - low;
    return {
      at,
      x: left + index * step,
      width: Math.max(step - GAP, 1),
      allowed: { y: floor - low - high, height: high },
      refused: { y: floor - low, height: low },
    };
  });
  const ticks = [0, most / 2, most].map((value) => ({ value, y: floor - value * scale }));
  return { bars, ticks };
}
