// SPDX-License-Identifier: Apache-2.0
// The door of the room: told of each finished call, it keeps the metrics, writes them out for Prometheus, and exports them by OTLP where
// that is configured. Must not know the local API or where settings come from.

import type { SecureContext } from 'node:tls';
import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import type { ObserveExchange } from '../exchange/report.ts';
import type { ProviderHealth } from '../routing/routing.ts';
import { createInstruments, type PriceOf } from './instruments.ts';
import { watchLoopDelay } from './loop-delay.ts';
import type { OtlpExporter } from './otlp/exporter.ts';
import { endpointProblem, type OtlpSettings } from './otlp/settings.ts';
import type { SignalCounters } from './otlp/signal.ts';
import { renderMetrics } from './prometheus.ts';

export interface TelemetryParts {
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Unpredictable bytes. */
  readonly random: (bytes: number) => Buffer;
  readonly priceOf: PriceOf;
  readonly health: () => readonly ProviderHealth[];
  /** Whom to trust as OTLP endpoint; undefined: Node's default. Asked at each export, so that new roots count at once. */
  readonly secureContext: () => SecureContext | undefined;
}

export interface Telemetry {
  /** Takes microseconds, never waits, never throws. */
  readonly observe: ObserveExchange;
  /** Prometheus text; its media type is `PROMETHEUS_TYPE`. */
  renderPrometheus(): string;
  /** Export by OTLP from now on in this way; undefined: not at all. The same settings again change nothing. Settles when it is so. */
  configure(settings: OtlpSettings | undefined): Promise<void>;
  /** Sends what is left, for at most 2 s. */
  close(): Promise<void>;
}

export function createTelemetry(parts: TelemetryParts): Telemetry {
  const { clock, log } = parts;
  const since = clock.now();
  const loop = watchLoopDelay(clock);
  const instruments = createInstruments({ ...parts, loopLag: () => loop.lag() });
  const counters: SignalCounters = {
    exported: (signal, result) => instruments.otlpExports.add([signal, result]),
    dropped: (signal, reason, records) => instruments.otlpDropped.add([signal, reason], records),
  };
  let exporter: OtlpExporter | undefined;
  let wanted = '';
  /** Changes are made one after the other. */
  let changes: Promise<void> = Promise.resolve();

  async function change(settings: OtlpSettings | undefined): Promise<void> {
    const old = exporter;
    exporter = undefined;
    await old?.close();
    if (settings === undefined || !(settings.traces || settings.metrics || settings.logs)) return;
    const problem = endpointProblem(settings.endpoint);
    if (problem !== undefined) {
      log.error('otlp-endpoint-refused', { reason: problem });
      return;
    }
    // Loaded on use: its code and node:https are memory that a daemon without export does not need.
    const { startExporter } = await import('./otlp/exporter.ts');
    exporter = startExporter({ ...parts, settings, since, counters, collect: () => instruments.collect() });
  }

  function configure(settings: OtlpSettings | undefined): Promise<void> {
    const text = settings === undefined ? '' : JSON.stringify(settings);
    if (text !== wanted) {
      wanted = text;
      changes = changes.then(() => change(settings)).catch(() => log.error('otlp-not-started'));
    }
    return changes;
  }

  return {
    observe(report) {
      instruments.observe(report);
      exporter?.observe(report);
    },
    renderPrometheus: () => renderMetrics(instruments.collect()),
    configure,
    async close() {
      loop.close();
      await configure(undefined);
    },
  };
}
