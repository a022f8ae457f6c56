// SPDX-License-Identifier: Apache-2.0
// Turns metrics into the records of an OTLP request. Cumulative, so that a request that was lost is made good by the next one. Must not
// know what the metrics mean.

import type { Metric, Series } from '../registry.ts';
import { encodeAttributes, nanos } from './encode.ts';

/** AggregationTemporality of metrics.proto. */
const CUMULATIVE = 2;

function attributesOf(names: readonly string[], labels: readonly string[]): object[] {
  return encodeAttributes(names.map((name, i) => [name, labels[i]]));
}

function dataPoint(metric: Metric, series: Series, startTimeUnixNano: string, timeUnixNano: string): object {
  const { info } = metric;
  const point = { attributes: attributesOf(info.labels, series.labels), startTimeUnixNano, timeUnixNano };
  if (info.type !== 'histogram') return { ...point, asDouble: series.value };
  return {
    ...point,
    count: String(series.count),
    sum: series.value,
    bucketCounts: Array.from(series.buckets, String),
    explicitBounds: info.bounds,
  };
}

/** One metric as JSON; undefined: it has no series. Times in wall milliseconds. */
export function encodeMetric(metric: Metric, since: number, now: number): string | undefined {
  const { name, help: description, unit, type } = metric.info;
  const points = Array.from(metric.series, (series) => dataPoint(metric, series, nanos(since), nanos(now)));
  if (points.length === 0) return undefined;
  const head = { name, description, unit };
  if (type === 'gauge') return JSON.stringify({ ...head, gauge: { dataPoints: points } });
  const body = { dataPoints: points, aggregationTemporality: CUMULATIVE };
  return JSON.stringify(
    type === 'histogram' ? { ...head, histogram: body } : { ...head, sum: { ...body, isMonotonic: true } },
  );
}
