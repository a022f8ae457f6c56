// SPDX-License-Identifier: Apache-2.0
// Writes metrics in the Prometheus text exposition format 0.0.4. Must not know what they mean.

import { prometheusName } from './catalogue.ts';
import type { Metric } from './registry.ts';

/** Media type of `renderMetrics`. */
export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function labelPairs(names: readonly string[], values: readonly string[]): string[] {
  return names.flatMap((name, i) => {
    const value = values[i] ?? '';
    if (value === '') return [];
    return `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
  });
}

function sample(name: string, pairs: readonly string[], value: number): string {
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${number(value)}\n`;
}

/** Metrics without a series are left out. */
export function renderMetrics(metrics: Iterable<Metric>): string {
  const lines: string[] = [];
  for (const { info, series } of metrics) {
    const all = [...series];
    if (all.length === 0) continue;
    const name = prometheusName(info);
    lines.push(`# HELP ${name} ${info.help}\n# TYPE ${name} ${info.type}\n`);
    for (const { labels, value, count, buckets } of all) {
      const pairs = labelPairs(info.labels, labels);
      if (info.type !== 'histogram') {
        lines.push(sample(name, pairs, value));
        continue;
      }
      let below = 0;
      for (const [i, bound] of info.bounds.entries()) {
        below += buckets[i] ?? 0;
        lines.push(sample(`${name}_bucket`, [...pairs, `le="${number(bound)}"`], below));
      }
      lines.push(sample(`${name}_bucket`, [...pairs, 'le="+Inf"'], count));
      lines.push(sample(`${name}_sum`, pairs, value), sample(`${name}_count`, pairs, count));
    }
  }
  return lines.join('');
}
