// SPDX-License-Identifier: Apache-2.0
// Which requests arrived in which second. Counts; judges nothing.

export const KINDS = ['look', 'fetch', 'status', 'stream', 'upload'] as const;
/** `look`: discovery and the freshness document; `fetch`: bundles and secrets. */
export type Kind = (typeof KINDS)[number];

export class Arrivals {
  readonly #seconds: Record<Kind, number[]> = { look: [], fetch: [], status: [], stream: [], upload: [] };

  count(kind: Kind, ms: number): void {
    const second = Math.floor(ms / 1000);
    const counts = this.#seconds[kind];
    counts[second] = (counts[second] ?? 0) + 1;
  }

  /** Of these kinds in each second from `from` on, `seconds` of them. */
  rates(fromMs: number, seconds: number, kinds: readonly Kind[] = KINDS): readonly number[] {
    const first = Math.floor(fromMs / 1000);
    return Array.from({ length: seconds }, (_, index) =>
      kinds.reduce((sum, kind) => sum + (this.#seconds[kind][first + index] ?? 0), 0),
    );
  }
}

export interface Rate {
  readonly total: number;
  readonly mean: number;
  readonly peak: number;
  /** Peak as a multiple of the mean. */
  readonly ratio: number;
}

export function rateOf(counts: readonly number[]): Rate {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mean = total / Math.max(counts.length, 1);
  const peak = Math.max(0, ...counts);
  return { total, mean, peak, ratio: mean === 0 ? 0 : peak / mean };
}
