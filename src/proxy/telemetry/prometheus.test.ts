// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attemptReport, exchangeReport } from '../../../test/fakes/exchange-report.ts';
import type { ProviderHealth } from '../routing/routing.ts';
import { prometheusName } from './catalogue.ts';
import { createInstruments, type PriceOf } from './instruments.ts';
import { renderMetrics } from './prometheus.ts';

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

/** The exposition format 0.0.4, strictly: HELP and TYPE before the samples, one block a metric, whole histograms, no label set twice. */
function parse(text: string): Sample[] {
  assert.ok(text.endsWith('\n'));
  const samples: Sample[] = [];
  const blocks = new Set<string>();
  let block = { name: '', type: '' };
  let help = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    if (comment?.[1] === 'HELP') {
      help = comment[2] ?? '';
      assert.ok(!blocks.has(help), `two blocks of ${help}`);
      blocks.add(help);
      continue;
    }
    if (comment?.[1] === 'TYPE') {
      assert.equal(comment[2], help);
      assert.match(comment[3] ?? '', /^(?:counter|gauge|histogram)$/);
      block = { name: help, type: comment[3] ?? '' };
      continue;
    }
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\+Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.exec(line);
    assert.ok(match, `no sample: ${line}`);
    const [, name = '', pairs = '', number = ''] = match;
    const suffix = name.slice(block.name.length);
    assert.ok(name.startsWith(block.name), `${name} in the block of ${block.name}`);
    assert.ok(block.type === 'histogram' ? /^_(?:bucket|sum|count)$/.test(suffix) : suffix === '', name);
    const labels: Record<string, string> = {};
    LABEL.lastIndex = 0;
    while (LABEL.lastIndex < pairs.length) {
      const pair = LABEL.exec(pairs);
      assert.ok(pair, `labels: ${pairs}`);
      assert.ok(!((pair[1] ?? '') in labels), `a label twice: ${pairs}`);
      labels[pair[1] ?? ''] = (pair[2] ?? '').replaceAll(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
    }
    samples.push({ name, labels, value: number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number) });
  }
  const keys = samples.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels).sort()]));
  assert.equal(new Set(keys).size, keys.length, 'a series twice');
  checkHistograms(samples);
  return samples;
}

function checkHistograms(samples: readonly Sample[]): void {
  const counts = new Map<string, number>();
  for (const { name, labels, value } of samples.filter((one) => one.name.endsWith('_bucket'))) {
    const { le, ...rest } = labels;
    const key = JSON.stringify([name, rest]);
    assert.ok(value >= (counts.get(key) ?? 0), 'buckets fall');
    counts.set(key, value);
    if (le !== '+Inf') continue;
    const total = samples.find(
      (one) => one.name === name.replace(/bucket$/, 'count') && JSON.stringify(one.labels) === JSON.stringify(rest),
    );
    assert.equal(total?.value, value, `${key}: count`);
  }
}

function instruments(change: { readonly priceOf?: PriceOf; readonly health?: readonly ProviderHealth[] } = {}) {
  const made = createInstruments({
    version: '1.2.3',
    priceOf: change.priceOf ?? (() => undefined),
    health: () => change.health ?? [],
    loopLag: () => ({ p50: 0, p99: 0.01, max: 0.5 }),
  });
  const samples = () => parse(renderMetrics(made.collect()));
  const value = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    samples().find(
      (one) =>
        one.name === name &&
        Object.keys(one.labels).length === Object.keys(labels).length &&
        Object.entries(labels).every(([key, text]) => one.labels[key] === text),
    )?.value;
  return { ...made, samples, value };
}

const MAIN = { provider: 'main', model: 'gpt-4o' };

test('a call that went well shows in every metric it has a value for', () => {
  const { observe, value } = instruments({
    priceOf: (type, model) => (type === 'openai' && model === 'gpt-4o' ? 0.25 : 9),
  });
  observe(exchangeReport());
  observe(exchangeReport());
  const call = { app: 'editor', entrance: 'gateway', result: 'complete' };
  assert.equal(value('outpost_exchanges_total', call), 2);
  assert.equal(value('outpost_exchange_duration_seconds_sum', { result: 'complete' }), 0.424);
  assert.equal(value('outpost_upstream_requests_total', { ...MAIN, status_class: '2xx' }), 2);
  assert.equal(value('outpost_upstream_duration_seconds_sum', { ...MAIN, result: 'complete' }), 0.4);
  assert.equal(value('outpost_upstream_first_content_seconds_sum', MAIN), 0.1);
  assert.equal(value('outpost_upstream_first_content_seconds_bucket', { ...MAIN, le: '0.08' }), 2);
  assert.equal(value('outpost_upstream_first_content_seconds_bucket', { ...MAIN, le: '0.04' }), 0);
  assert.equal(value('outpost_upstream_inter_token_seconds_sum', MAIN), 0.03);
  assert.equal(value('outpost_tokens_total', { ...MAIN, type: 'input' }), 200);
  assert.equal(value('outpost_tokens_total', { ...MAIN, type: 'cache_read' }), 120);
  assert.equal(value('outpost_tokens_total', { ...MAIN, type: 'reasoning' }), 10);
  assert.equal(value('outpost_tokens_total', { ...MAIN, type: 'cache_write' }), undefined);
  assert.equal(value('outpost_cost_usd_total', MAIN), 0.5);
  assert.equal(value('outpost_overhead_seconds_sum'), 0.003);
  assert.equal(value('outpost_stage_duration_seconds_sum', { stage: 'intent' }), 0.0024);
  assert.equal(value('outpost_stage_duration_seconds_sum', { stage: 'body' }), undefined);
  assert.equal(value('outpost_event_loop_lag_seconds', { stat: 'p99' }), 0.01);
  assert.equal(value('outpost_build_info', { version: '1.2.3' }), 1);
});

test('fallbacks, retries and rotations are told apart, each with its reason', () => {
  const { observe, value } = instruments();
  const failed = { status: 503, usage: undefined, firstContentAt: undefined, deltas: 0 } as const;
  observe(
    exchangeReport({
      attempts: [
        attemptReport({ ...failed, key: 'a', failure: 'rate-limit', status: 429 }),
        attemptReport({ ...failed, n: 2, key: 'b', failure: 'transient' }),
        attemptReport({
          ...failed,
          n: 3,
          key: 'b',
          retry: true,
          failure: 'transient',
          error: 'OUT_UPSTREAM_UNREACHABLE',
        }),
        attemptReport({ n: 4, provider: 'backup', providerType: 'anthropic', model: 'claude' }),
      ],
    }),
  );
  assert.equal(value('outpost_key_rotations_total', { provider: 'main', error_type: 'provider_rate_limit' }), 1);
  assert.equal(value('outpost_retries_total', { provider: 'main' }), 1);
  const fallback = { from: 'main', to: 'backup', error_type: 'provider_unreachable' };
  assert.equal(value('outpost_fallbacks_total', fallback), 1);
  assert.equal(
    value('outpost_upstream_requests_total', { ...MAIN, status_class: '4xx', error_type: 'provider_rate_limit' }),
    1,
  );
  assert.equal(value('outpost_upstream_duration_seconds_count', { ...MAIN, result: 'failed' }), 3);
});

test('provider and breaker states are those of the moment', () => {
  const health: ProviderHealth[] = [];
  const { value } = instruments({ health });
  const down: ProviderHealth = {
    provider: 'main',
    state: 'degraded',
    why: 'overload',
    since: 1,
    nextTry: 2,
    firstContentMs: undefined,
    scopes: [
      {
        scope: 'model',
        provider: 'main',
        model: 'gpt-4o',
        key: undefined,
        state: 'open',
        why: 'overload',
        since: 1,
        nextTry: 2,
      },
    ],
  };
  health.push(down);
  const breaker = { provider: 'main', scope: 'model', target: 'gpt-4o', state: 'open' };
  assert.equal(value('outpost_provider_state', { provider: 'main', state: 'degraded' }), 1);
  assert.equal(value('outpost_provider_state', { provider: 'main', state: 'healthy' }), 0);
  assert.equal(value('outpost_breaker_state', breaker), 1);
  health[0] = { ...down, state: 'healthy', scopes: [] };
  assert.equal(value('outpost_provider_state', { provider: 'main', state: 'healthy' }), 1);
  assert.equal(value('outpost_breaker_state', breaker), undefined);
});

test('names that break the format are escaped, cut and made valid', () => {
  const { observe, samples } = instruments();
  const model = `a"b\\c\nd\u0000\ud800${'x'.repeat(10_000)}`;
  observe(exchangeReport({ app: '"} 1\nevil 2', attempts: [attemptReport({ model })] }));
  const shown = samples().find(({ name }) => name === 'outpost_upstream_requests_total')?.labels['model'];
  assert.equal(shown, `a"b\\c?d?\ufffd${'x'.repeat(87)}`);
});

test('ten thousand hostile names make a bounded text, and all calls stay counted', () => {
  const { observe, samples } = instruments({
    health: Array.from({ length: 2_000 }, (_, i) => ({
      provider: `p${i}`,
      state: 'unknown' as const,
      why: undefined,
      since: undefined,
      nextTry: undefined,
      firstContentMs: undefined,
      scopes: [],
    })),
  });
  for (let i = 0; i < 10_000; i += 1) {
    const attempts = [
      attemptReport({ provider: `p${i % 3_000}`, model: `m${i}`, failure: 'transient', status: 500 }),
      attemptReport({ n: 2, provider: `q${i}`, model: `n${i % 777}` }),
    ];
    observe(exchangeReport({ app: `app ${i}`, attempts }));
  }
  // Names that are known by now, in more pairs than there may be series.
  for (let i = 0; i < 2_000; i += 1) {
    const attempts = [attemptReport({ provider: `p${i % 24}`, model: `m${i % 47}` })];
    observe(exchangeReport({ app: 'app 1', attempts }));
  }
  const all = samples();
  const requests = all.filter(({ name }) => name === 'outpost_upstream_requests_total');
  assert.equal(
    requests.reduce((sum, { value }) => sum + value, 0),
    22_000,
  );
  assert.ok(requests.length <= 260, `${requests.length} series`);
  assert.ok(requests.some(({ labels }) => labels['model'] === '_other' && labels['provider'] === '_other'));
  const apps = all.filter(({ name }) => name === 'outpost_exchanges_total');
  assert.equal(apps.find(({ labels }) => labels['app'] === '_other')?.value, 10_000 - 48);
  assert.ok(all.length < 30_000, `${all.length} samples`);
});

test('numbers that are none do not spoil a metric', () => {
  const { observe, value } = instruments({ priceOf: () => Number.NaN });
  const bad = { input: -5, output: Number.NaN, cacheRead: 1e300, cacheWrite: Number.POSITIVE_INFINITY, reasoning: 3 };
  observe(exchangeReport({ attempts: [attemptReport({ usage: bad, endedAt: Number.NaN })] }));
  for (const type of ['input', 'output', 'cache_read', 'cache_write']) {
    assert.equal(value('outpost_tokens_total', { ...MAIN, type }), undefined, type);
  }
  assert.equal(value('outpost_tokens_total', { ...MAIN, type: 'reasoning' }), 3);
  assert.equal(value('outpost_cost_usd_total', MAIN), undefined);
  assert.equal(value('outpost_upstream_duration_seconds_count', { ...MAIN, result: 'complete' }), undefined);
});

test('names follow the conventions of Prometheus', () => {
  for (const { info } of instruments().collect()) {
    const name = prometheusName(info);
    assert.match(name, /^outpost_[a-z]+(?:_[a-z]+)*$/);
    assert.equal(name.endsWith('_total'), info.type === 'counter', name);
    assert.equal(/_seconds(?:_total)?$/.test(name), info.unit === 's', name);
    for (const label of info.labels) assert.match(label, /^[a-z]+(?:_[a-z]+)*$/);
  }
});
