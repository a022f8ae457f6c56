// SPDX-License-Identifier: Apache-2.0
// Puts the OTLP export together: reports in, requests out at each interval. Loaded only when it is configured. Must not know where its
// settings come from.

import type { SecureContext } from 'node:tls';
import type { Clock } from '../../../contract/clock.ts';
import type { Log } from '../../../contract/log.ts';
import type { ExchangeReport } from '../../exchange/report.ts';
import type { Metric } from '../registry.ts';
import { createHexIds, envelope } from './encode.ts';
import { createGenAiMetrics } from './gen-ai.ts';
import { encodeMetric } from './metrics.ts';
import { createPoster } from './post.ts';
import { createQueue, type RecordQueue } from './queue.ts';
import { encodeLog, encodeTrace, type RecordContext } from './records.ts';
import type { OtlpSettings } from './settings.ts';
import { createSignal, type Signal, type SignalCounters, type SignalName } from './signal.ts';

/** The longest that the end of the daemon waits for the last export. Milliseconds. */
const LAST_EXPORT_MS = 2_000;

export interface OtlpParts {
  readonly settings: OtlpSettings;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Unpredictable bytes. */
  readonly random: (bytes: number) => Buffer;
  readonly secureContext: () => SecureContext | undefined;
  /** The metrics as they are now. */
  readonly collect: () => readonly Metric[];
  /** When those began to count; wall milliseconds. */
  readonly since: number;
  readonly counters: SignalCounters;
}

export interface OtlpExporter {
  /** Takes some ten microseconds; never waits, never throws. */
  observe(report: ExchangeReport): void;
  /** Sends what is left, for at most 2 s. */
  close(): Promise<void>;
}

export function startExporter(parts: OtlpParts): OtlpExporter {
  const { settings, clock, counters, version } = parts;
  const poster = createPoster({ ...settings, clock, secureContext: parts.secureContext });
  const hex = createHexIds(parts.random);
  const instance = hex(16);
  const queues = new Map<SignalName, RecordQueue>();

  function signal(name: SignalName, keep: boolean, take: Parameters<typeof createSignal>[0]['take']): Signal {
    const random = () => parts.random(4).readUInt32BE() / 2 ** 32;
    return createSignal({ name, keep, take, poster, clock, random, log: parts.log, counters });
  }

  function queued(name: SignalName, words: Parameters<typeof envelope>[0]): Signal {
    const queue = createQueue(envelope(words, version, instance));
    queues.set(name, queue);
    return signal(name, true, () => queue.take());
  }

  const signals = new Map<SignalName, Signal>();
  if (settings.traces) {
    signals.set('traces', queued('traces', { resource: 'resourceSpans', scope: 'scopeSpans', records: 'spans' }));
  }
  if (settings.logs) {
    signals.set('logs', queued('logs', { resource: 'resourceLogs', scope: 'scopeLogs', records: 'logRecords' }));
  }
  const genAi = settings.metrics ? createGenAiMetrics() : undefined;
  if (genAi !== undefined) {
    const around = envelope(
      { resource: 'resourceMetrics', scope: 'scopeMetrics', records: 'metrics' },
      version,
      instance,
    );
    const began = clock.now();
    const take = () => {
      const now = clock.now();
      const texts = [
        ...parts.collect().map((metric) => encodeMetric(metric, parts.since, now)),
        ...genAi.all.map((metric) => encodeMetric(metric, began, now)),
      ].filter((text) => text !== undefined);
      return { body: `${around.before}${texts.join(',')}${around.after}`, records: texts.length };
    };
    signals.set('metrics', signal('metrics', false, take));
  }

  function push(name: SignalName, item: { readonly json: string; readonly records: number }): void {
    const queue = queues.get(name);
    if (queue === undefined) return;
    const { dropped } = queue.push(item);
    if (dropped > 0) counters.dropped(name, 'full', dropped);
    if (queue.full) signals.get(name)?.send();
  }

  const timer = clock.every(settings.intervalMs, () => {
    for (const one of signals.values()) one.send();
  });

  return {
    observe(report) {
      genAi?.observe(report);
      if (queues.size === 0) return;
      const offset = clock.now() - clock.monotonic();
      const context: RecordContext = { wall: (monotonic) => monotonic + offset, traceId: hex(16), spanId: hex(8) };
      if (settings.traces)
        push(
          'traces',
          encodeTrace(report, context, () => hex(8)),
        );
      const log = settings.logs ? encodeLog(report, context, settings.traces) : undefined;
      if (log !== undefined) push('logs', { json: log, records: 1 });
    },
    async close() {
      timer.clear();
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const limit = clock.after(LAST_EXPORT_MS, () => resolve());
      const finished = Promise.all([...signals.values()].map((one) => one.finish()));
      await Promise.race([finished, late]);
      limit.clear();
      poster.close();
      await finished;
      for (const [name, queue] of queues) {
        const left = queue.clear();
        if (left > 0) counters.dropped(name, 'stopped', left);
      }
    },
  };
}
