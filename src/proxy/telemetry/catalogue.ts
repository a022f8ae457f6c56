// SPDX-License-Identifier: Apache-2.0
// Owns: which metrics there are, with type, unit, labels and meaning; docs/reference/metrics.md shows the same. Must not know values.

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** UCUM, as OpenTelemetry writes units; `{…}` annotations count things and add nothing to a Prometheus name. */
export type MetricUnit = 's' | 'USD' | '1' | `{${string}}`;

export interface MetricInfo<L extends readonly string[] = readonly string[]> {
  /** Dotted, as OpenTelemetry writes names. */
  readonly name: string;
  readonly type: MetricType;
  readonly unit: MetricUnit;
  readonly labels: L;
  readonly help: string;
  /** Upper bounds of a histogram's buckets, ascending, without infinity. */
  readonly bounds: readonly number[];
}

/** Seconds. The boundaries that the GenAI conventions give for durations, so that both views of a call have the same buckets. */
export const DURATION_BOUNDS: readonly number[] = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/** Seconds between two pieces of text: 1 to 1000 pieces a second, and stalls. */
const GAP_BOUNDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
/** Seconds of our own work: from 10 us, about what routing takes, to the wait of a strict audit. */
const STAGE_BOUNDS = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1];

function info<const L extends readonly string[]>(
  type: MetricType,
  name: string,
  unit: MetricUnit,
  labels: L,
  help: string,
  bounds: readonly number[] = [],
): MetricInfo<L> {
  return { name: `outpost.${name}`, type, unit, labels, help, bounds };
}

export const METRICS = {
  exchanges: info(
    'counter',
    'exchanges',
    '{call}',
    ['app', 'entrance', 'result', 'error_type'],
    'Governed calls that ended.',
  ),
  exchangeDuration: info(
    'histogram',
    'exchange.duration',
    's',
    ['result'],
    'From the arrival of a governed call to its last byte.',
    DURATION_BOUNDS,
  ),
  overhead: info('histogram', 'overhead', 's', [], 'Time of our own in one call: the sum of its stages.', STAGE_BOUNDS),
  stage: info(
    'histogram',
    'stage.duration',
    's',
    ['stage'],
    'Time of our own in one call by stage: recognise, identity, decide, route, intent, prepare.',
    STAGE_BOUNDS,
  ),
  requests: info(
    'counter',
    'upstream.requests',
    '{request}',
    ['provider', 'model', 'status_class', 'error_type'],
    'Attempts at providers that ended.',
  ),
  upstreamDuration: info(
    'histogram',
    'upstream.duration',
    's',
    ['provider', 'model', 'result'],
    'From the begin of an attempt to its last byte or failure.',
    DURATION_BOUNDS,
  ),
  firstContent: info(
    'histogram',
    'upstream.first_content',
    's',
    ['provider', 'model'],
    'From the begin of an attempt to the first piece of generated content.',
    DURATION_BOUNDS,
  ),
  interToken: info(
    'histogram',
    'upstream.inter_token',
    's',
    ['provider', 'model'],
    'Mean time between two pieces of generated text of one streamed answer; one observation an answer.',
    GAP_BOUNDS,
  ),
  fallbacks: info(
    'counter',
    'fallbacks',
    '{fallback}',
    ['from', 'to', 'error_type'],
    'Attempts at another target after one that failed, by provider.',
  ),
  retries: info(
    'counter',
    'retries',
    '{retry}',
    ['provider'],
    'Attempts at the same target and key as the one before.',
  ),
  keyRotations: info(
    'counter',
    'key.rotations',
    '{rotation}',
    ['provider', 'error_type'],
    'Attempts at the same provider with another key.',
  ),
  tokens: info(
    'counter',
    'tokens',
    '{token}',
    ['provider', 'model', 'type'],
    'Tokens by type. input includes cache_read and cache_write, output includes reasoning; do not add them up.',
  ),
  cost: info(
    'counter',
    'cost',
    'USD',
    ['provider', 'model'],
    'Estimated cost by list price; calls of unknown price are not in it.',
  ),
  providerState: info(
    'gauge',
    'provider.state',
    '1',
    ['provider', 'state'],
    '1 for the state that the provider is in: healthy, degraded, down or unknown.',
  ),
  breakerState: info(
    'gauge',
    'breaker.state',
    '1',
    ['provider', 'scope', 'target', 'state'],
    '1 for each breaker that is not closed: open, half-open or ramping. Scope endpoint, model or key.',
  ),
  loopLag: info(
    'gauge',
    'event_loop.lag',
    's',
    ['stat'],
    'How late the event loop ran timers within the last minute, sampled each 100 ms: p50, p99, max.',
  ),
  otlpExports: info('counter', 'otlp.exports', '{export}', ['signal', 'result'], 'Requests to the OTLP endpoint.'),
  otlpDropped: info(
    'counter',
    'otlp.dropped',
    '{record}',
    ['signal', 'reason'],
    'Records that never reached the OTLP endpoint: queue full, rejected, or left at the stop.',
  ),
  build: info('gauge', 'build_info', '1', ['version'], 'Always 1.'),
} as const;

const SUFFIX: Readonly<Record<string, string>> = { s: '_seconds', USD: '_usd' };

/** The name as Prometheus wants it: underscores, base unit, `_total` on counters (the translation that OpenTelemetry specifies). */
export function prometheusName({ name, type, unit }: MetricInfo): string {
  return `${name.replaceAll('.', '_')}${SUFFIX[unit] ?? ''}${type === 'counter' ? '_total' : ''}`;
}
