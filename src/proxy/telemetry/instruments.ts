// SPDX-License-Identifier: Apache-2.0
// Turns the report of a finished call, and the health of providers, into values of the metrics in catalogue.ts. Must not know how they
// are written out.

import type { Usage } from '../dialects/dialect.ts';
import type { AttemptReport, ExchangeReport } from '../exchange/report.ts';
import type { ProviderHealth } from '../routing/routing.ts';
import { METRICS } from './catalogue.ts';
import { errorTypeOfAttempt, errorTypeOfReport } from './error-type.ts';
import { BoundedNames, Metric } from './registry.ts';

/** Dollars by list price; undefined: not known. `model` as it was sent. */
export type PriceOf = (providerType: string, model: string, usage: Usage) => number | undefined;

/** Seconds; undefined: nothing was measured yet. */
export interface LoopLag {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Distinct names that keep their own series; more than a person with a laptop uses. */
const MAX_PROVIDERS = 48;
const MAX_MODELS = 96;
const MAX_APPS = 48;
/** Breakers that are shown. */
const MAX_BREAKERS = 96;
/** More in one answer is no count of tokens. */
const MAX_TOKENS = 1e9;

/** Each stage that is ours; `body` is the caller's time. */
export const STAGES = ['recognise', 'identity', 'decide', 'route', 'intent', 'prepare'] as const;

/** Milliseconds of our own in a call. */
export function overheadMs({ stages }: ExchangeReport): number {
  return STAGES.reduce((sum, stage) => sum + stages[stage], 0);
}

/** An attempt that went to another target (or key) because the one before failed. */
export function moveBetween(before: AttemptReport, after: AttemptReport): 'fallback' | 'rotation' | 'retry' {
  if (after.retry) return 'retry';
  if (before.provider !== after.provider || before.model !== after.model) return 'fallback';
  return before.key === after.key ? 'retry' : 'rotation';
}

/** Mean milliseconds between two pieces of one streamed answer; undefined: there were not two. */
export function meanGapMs({ deltas, firstContentAt, endedAt }: AttemptReport): number | undefined {
  return firstContentAt === undefined || deltas < 2 ? undefined : (endedAt - firstContentAt) / (deltas - 1);
}

export function createInstruments(parts: {
  readonly version: string;
  readonly priceOf: PriceOf;
  readonly health: () => readonly ProviderHealth[];
  readonly loopLag: () => LoopLag | undefined;
}) {
  const exchanges = new Metric(METRICS.exchanges);
  const exchangeDuration = new Metric(METRICS.exchangeDuration);
  const overhead = new Metric(METRICS.overhead);
  const stage = new Metric(METRICS.stage);
  const requests = new Metric(METRICS.requests);
  const upstreamDuration = new Metric(METRICS.upstreamDuration);
  const firstContent = new Metric(METRICS.firstContent);
  const interToken = new Metric(METRICS.interToken);
  const fallbacks = new Metric(METRICS.fallbacks);
  const retries = new Metric(METRICS.retries);
  const keyRotations = new Metric(METRICS.keyRotations);
  const tokens = new Metric(METRICS.tokens);
  const cost = new Metric(METRICS.cost);
  const providerState = new Metric(METRICS.providerState);
  const breakerState = new Metric(METRICS.breakerState);
  const loopLag = new Metric(METRICS.loopLag);
  const otlpExports = new Metric(METRICS.otlpExports);
  const otlpDropped = new Metric(METRICS.otlpDropped);
  const build = new Metric(METRICS.build);
  build.set([parts.version], 1);

  const providers = new BoundedNames(MAX_PROVIDERS);
  const models = new BoundedNames(MAX_MODELS);
  const apps = new BoundedNames(MAX_APPS);
  const breakers = new BoundedNames(MAX_BREAKERS);

  function observeUsage(attempt: AttemptReport, provider: string, model: string): void {
    const { usage } = attempt;
    if (usage === undefined) return;
    const count = (type: string, amount: number | undefined) => {
      if (amount !== undefined && amount > 0 && amount <= MAX_TOKENS) tokens.add([provider, model, type], amount);
    };
    count('input', usage.input);
    count('output', usage.output);
    count('cache_read', usage.cacheRead);
    count('cache_write', usage.cacheWrite);
    count('reasoning', usage.reasoning);
    const name = attempt.model ?? attempt.answerModel;
    const dollars = name === undefined ? undefined : parts.priceOf(attempt.providerType, name, usage);
    if (dollars !== undefined) cost.add([provider, model], dollars);
  }

  function observeAttempt(attempt: AttemptReport, stream: boolean): void {
    const provider = providers.of(attempt.provider);
    const model = models.of(attempt.model);
    const error = errorTypeOfAttempt(attempt);
    const { status, startedAt, firstContentAt, endedAt } = attempt;
    const statusClass = status === undefined ? 'none' : `${Math.trunc(status / 100)}xx`;
    requests.add([provider, model, statusClass, error ?? '']);
    const result = error === undefined ? 'complete' : 'failed';
    upstreamDuration.observe([provider, model, result], (endedAt - startedAt) / 1000);
    if (firstContentAt !== undefined) firstContent.observe([provider, model], (firstContentAt - startedAt) / 1000);
    const gap = stream ? meanGapMs(attempt) : undefined;
    if (gap !== undefined) interToken.observe([provider, model], gap / 1000);
    observeUsage(attempt, provider, model);
  }

  function observeMoves(attempts: readonly AttemptReport[]): void {
    for (const [i, after] of attempts.entries()) {
      const before = attempts[i - 1];
      if (before === undefined) continue;
      const provider = providers.of(after.provider);
      const why = errorTypeOfAttempt(before) ?? '_OTHER';
      const move = moveBetween(before, after);
      if (move === 'retry') retries.add([provider]);
      else if (move === 'rotation') keyRotations.add([provider, why]);
      else fallbacks.add([providers.of(before.provider), provider, why]);
    }
  }

  /** Gauges say what is now, so they are set when somebody looks. */
  function refresh(): void {
    providerState.clear();
    breakerState.clear();
    for (const { provider: raw, state, scopes } of parts.health()) {
      const provider = providers.of(raw);
      for (const one of ['healthy', 'degraded', 'down', 'unknown']) {
        providerState.set([provider, one], one === state ? 1 : 0);
      }
      for (const { scope, model, key, state: scopeState } of scopes) {
        breakerState.set([provider, scope, breakers.of(model ?? key), scopeState], 1);
      }
    }
    const lag = parts.loopLag();
    if (lag === undefined) return;
    loopLag.set(['p50'], lag.p50);
    loopLag.set(['p99'], lag.p99);
    loopLag.set(['max'], lag.max);
  }

  const all: readonly Metric[] = [
    exchanges,
    exchangeDuration,
    overhead,
    stage,
    requests,
    upstreamDuration,
    firstContent,
    interToken,
    fallbacks,
    retries,
    keyRotations,
    tokens,
    cost,
    providerState,
    breakerState,
    loopLag,
    otlpExports,
    otlpDropped,
    build,
  ];

  return {
    otlpExports,
    otlpDropped,
    /** The metrics as they are now. */
    collect(): readonly Metric[] {
      refresh();
      return all;
    },
    observe(report: ExchangeReport): void {
      const { app, entrance, result, attempts, startedAt, endedAt } = report;
      exchanges.add([apps.of(app), entrance, result, errorTypeOfReport(report) ?? '']);
      exchangeDuration.observe([result], (endedAt - startedAt) / 1000);
      overhead.observe([], overheadMs(report) / 1000);
      for (const name of STAGES) stage.observe([name], report.stages[name] / 1000);
      for (const attempt of attempts) observeAttempt(attempt, report.stream);
      observeMoves(attempts);
    },
  };
}

export type Instruments = ReturnType<typeof createInstruments>;
