// SPDX-License-Identifier: Apache-2.0
// Owns the values of metrics in memory and keeps their number bounded. Must not know what they mean or how they are written out.

import type { MetricInfo } from './catalogue.ts';

/** Where everything goes that is one too many. */
export const OTHER = '_other';

/** Label values in a metric that come from outside. When a metric is full, these are folded into `_other`. */
const OPEN_LABELS: ReadonlySet<string> = new Set([
  'app',
  'provider',
  'model',
  'from',
  'to',
  'target',
  'gen_ai.provider.name',
  'gen_ai.request.model',
  'gen_ai.response.model',
]);

/**
 * Series of one metric. A laptop's few providers and models stay far below it; at it, a histogram takes about 100 kB of memory and
 * 500 kB of text. Series whose open labels are all `_other` come on top; closed labels bound those.
 */
const MAX_SERIES = 256;

/** Longer names say no more to a reader. Characters. */
const MAX_NAME = 96;

/** The first `max` distinct names keep their name, later ones become `_other`: what apps and providers say must not fill the memory. */
export class BoundedNames {
  readonly #known = new Set<string>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** undefined gives '', which is the same as no label at all. */
  of(raw: string | undefined): string {
    if (raw === undefined || raw === '') return '';
    if (this.#known.has(raw)) return raw;
    const name = cleanName(raw, MAX_NAME);
    if (this.#known.has(name)) return name;
    if (this.#known.size >= this.#max) return OTHER;
    this.#known.add(name);
    return name;
  }
}

const CONTROL = /\p{Cc}/u;
const CONTROLS = /\p{Cc}/gu;

/** Valid Unicode without control characters, cut to `max` characters. */
export function cleanName(raw: string, max: number): string {
  if (raw.length <= max && raw.isWellFormed() && !CONTROL.test(raw)) return raw;
  return raw.slice(0, max).toWellFormed().replace(CONTROLS, '?');
}

/** One label set of a metric. */
export interface Series {
  readonly labels: readonly string[];
  /** Counter, gauge, or the sum of a histogram. */
  value: number;
  /** Observations of a histogram. */
  count: number;
  /** Observations by bucket, not cumulative; the last one is above all bounds. Empty unless a histogram. */
  readonly buckets: Float64Array;
}

type Values<L extends readonly string[]> = { readonly [K in keyof L]: string };

export class Metric<L extends readonly string[] = readonly string[]> {
  readonly info: MetricInfo<L>;
  readonly #series = new Map<string, Series>();

  constructor(info: MetricInfo<L>) {
    this.info = info;
  }

  get series(): Iterable<Series> {
    return this.#series.values();
  }

  /** Counters. What is not a finite number from 0 is left out: it came from a provider's answer. */
  add(labels: Values<L>, amount = 1): void {
    if (amount >= 0 && Number.isFinite(amount)) this.#at(labels).value += amount;
  }

  /** Gauges. */
  set(labels: Values<L>, value: number): void {
    this.#at(labels).value = value;
  }

  /** Histograms. `times`: that many observations of the same value. */
  observe(labels: Values<L>, value: number, times = 1): void {
    if (!Number.isFinite(value) || !Number.isFinite(times)) return;
    const series = this.#at(labels);
    const { bounds } = this.info;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket += 1;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + times;
    series.count += times;
    series.value += value * times;
  }

  /** Gauges that are set anew as a whole. */
  clear(): void {
    this.#series.clear();
  }

  #at(labels: readonly string[]): Series {
    const key = labels.join('\0');
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= MAX_SERIES) {
      const folded = labels.map((value, i) => (OPEN_LABELS.has(this.info.labels[i] ?? '') ? OTHER : value));
      const foldedKey = folded.join('\0');
      return this.#series.get(foldedKey) ?? this.#create(foldedKey, folded);
    }
    return this.#create(key, labels);
  }

  #create(key: string, labels: readonly string[]): Series {
    const buckets = new Float64Array(this.info.type === 'histogram' ? this.info.bounds.length + 1 : 0);
    const created = { labels, value: 0, count: 0, buckets };
    this.#series.set(key, created);
    return created;
  }
}
