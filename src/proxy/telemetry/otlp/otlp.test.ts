// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import { attemptReport, exchangeReport } from '../../../../test/fakes/exchange-report.ts';
import { type OtlpReceiver, type Span, startOtlpReceiver } from '../../../../test/fakes/otlp-receiver.ts';
import { makeTestCa } from '../../../../test/fakes/pki.ts';
import type { Log } from '../../../contract/log.ts';
import { createTelemetry } from '../telemetry.ts';
import { endpointProblem, type OtlpSettings } from './settings.ts';

const SECRET = 'Api-Token very-secret-value';

function settingsFor(endpoint: string, change: Partial<OtlpSettings> = {}): OtlpSettings {
  const headers = { authorization: SECRET };
  return { endpoint, headers, traces: true, metrics: true, logs: true, intervalMs: 15_000, ...change };
}

/** A telemetry room with a clock that the test turns, and what it logged. */
function room(t: TestContext, secureContext: SecureContext | undefined = undefined) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const write = (event: string, fields: object = {}) => lines.push(JSON.stringify({ event, ...fields }));
  const log: Log = { debug: write, info: write, warn: write, error: write };
  const telemetry = createTelemetry({
    version: '1.2.3',
    clock,
    log,
    random: randomBytes,
    priceOf: () => 0.5,
    health: () => [],
    secureContext: () => secureContext,
  });
  t.after(() => telemetry.close());
  const shows = (line: string) => telemetry.renderPrometheus().split('\n').includes(line);
  return {
    clock,
    lines,
    telemetry,
    shows,
    /** Lets the sockets work until the metrics have this line. */
    async until(line: string) {
      while (!shows(line)) await nextTurn();
    },
  };
}

async function receiverFor(t: TestContext, tls?: Parameters<typeof startOtlpReceiver>[0]): Promise<OtlpReceiver> {
  const receiver = await startOtlpReceiver(tls);
  t.after(() => receiver.close());
  return receiver;
}

const attributesOf = ({ attributes }: Pick<Span, 'attributes'>) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

test('a call with a failover arrives as a trace, as metrics and, where it failed, as a log record', async (t) => {
  const receiver = await receiverFor(t);
  const { clock, telemetry, lines } = room(t);
  await telemetry.configure(settingsFor(receiver.endpoint));
  clock.advance(1_000);
  const overload = attemptReport({
    failure: 'overload',
    status: 529,
    usage: undefined,
    firstContentAt: undefined,
    stop: undefined,
    responseId: undefined,
    answerModel: undefined,
    possiblyBilled: true,
    key: 'team',
    startedAt: 5,
    endedAt: 9,
  });
  const backup = attemptReport({
    n: 2,
    provider: 'backup',
    providerType: 'gemini',
    dialect: 'gemini',
    model: 'gemini-pro',
    losses: ['logprobs'],
    stop: 'tool-use',
  });
  telemetry.observe(exchangeReport({ attempts: [overload, backup] }));
  telemetry.observe(
    exchangeReport({ request: 'req_2', result: 'refused', error: 'OUT_BLOCKED_MODEL', status: 400, attempts: [] }),
  );
  await telemetry.close();

  assert.deepEqual(receiver.problems, []);
  assert.deepEqual([...new Set(receiver.requests.map(({ path }) => path))].sort(), [
    '/v1/logs',
    '/v1/metrics',
    '/v1/traces',
  ]);
  const [call, first, second, refused] = receiver.spans;
  assert.ok(call !== undefined && first !== undefined && second !== undefined && refused !== undefined);
  assert.equal(receiver.spans.length, 4);
  assert.deepEqual([first.traceId, second.traceId], [call.traceId, call.traceId]);
  assert.deepEqual([first.parentSpanId, second.parentSpanId], [call.spanId, call.spanId]);
  assert.deepEqual([call.parentSpanId, refused.parentSpanId], [undefined, undefined]);
  assert.notEqual(refused.traceId, call.traceId);
  assert.equal(new Set(receiver.spans.map(({ spanId }) => spanId)).size, 4);
  assert.deepEqual([call.name, first.name, second.name], ['chat gpt-4o', 'chat gpt-4o', 'generate_content gemini-pro']);
  assert.deepEqual([call.kind, first.kind, second.kind], [2, 3, 3]);
  assert.deepEqual([call.status, first.status, second.status], [undefined, { code: 2 }, undefined]);
  const epoch = BigInt(Date.UTC(2030, 0, 1)) * 1_000_000n;
  assert.equal(BigInt(first.startTimeUnixNano) - epoch, 5_000_000n);
  assert.equal(BigInt(first.endTimeUnixNano) - epoch, 9_000_000n);

  assert.deepEqual(attributesOf(call), {
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': 'gpt-4o',
    'http.response.status_code': '200',
    'outpost.request.id': 'req_1',
    'outpost.decision.id': 'dec_1',
    'outpost.entrance': 'gateway',
    'outpost.app': 'editor',
    'outpost.result': 'complete',
    'outpost.overhead': 0.0015,
  });
  assert.deepEqual(attributesOf(first), {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-4o',
    'gen_ai.request.stream': true,
    'error.type': 'provider_overload',
    'http.response.status_code': '529',
    'outpost.provider': 'main',
    'outpost.attempt': '1',
    'outpost.key': 'team',
    'outpost.possibly_billed': true,
    'outpost.upstream.request.id': 'up-1',
  });
  assert.deepEqual(attributesOf(second), {
    'gen_ai.operation.name': 'generate_content',
    'gen_ai.provider.name': 'gcp.gemini',
    'gen_ai.request.model': 'gemini-pro',
    'gen_ai.request.stream': true,
    'gen_ai.response.model': 'gpt-4o-2030-01-01',
    'gen_ai.response.id': 'chatcmpl-1',
    'gen_ai.response.finish_reasons': { values: [{ stringValue: 'tool_call' }] },
    'gen_ai.response.time_to_first_chunk': 0.05,
    'gen_ai.usage.input_tokens': '100',
    'gen_ai.usage.output_tokens': '20',
    'gen_ai.usage.cache_read.input_tokens': '60',
    'gen_ai.usage.reasoning.output_tokens': '5',
    'http.response.status_code': '200',
    'outpost.provider': 'backup',
    'outpost.attempt': '2',
    'outpost.losses': { values: [{ stringValue: 'logprobs' }] },
    'outpost.upstream.request.id': 'up-1',
  });

  const [record] = receiver.logs;
  assert.ok(record !== undefined);
  assert.equal(receiver.logs.length, 1);
  assert.deepEqual([record.eventName, record.severityNumber], ['outpost.exchange.refused', 13]);
  assert.deepEqual([record.traceId, record.spanId], [refused.traceId, refused.spanId]);
  assert.equal(attributesOf(record)['error.type'], 'policy_model');
  assert.equal(attributesOf(record)['outpost.request.id'], 'req_2');

  const histogram = (name: string) => {
    const found = receiver.metrics.find((one) => one.name === name);
    assert.ok(found !== undefined && 'histogram' in found, name);
    return found.histogram.dataPoints.map((point) => ({ ...point, attributes: attributesOf(point) }));
  };
  const usage = histogram('gen_ai.client.token.usage');
  assert.deepEqual(
    usage.map(({ attributes, sum }) => [attributes['gen_ai.token.type'], sum]),
    [
      ['input', 100],
      ['output', 20],
    ],
  );
  assert.equal(usage[0]?.explicitBounds[13], 67_108_864);
  const duration = histogram('gen_ai.client.operation.duration');
  assert.deepEqual(
    duration.map(({ attributes }) => attributes['error.type']),
    ['provider_overload', undefined],
  );
  assert.equal(histogram('gen_ai.client.operation.time_to_first_chunk')[0]?.sum, 0.05);
  const perChunk = histogram('gen_ai.client.operation.time_per_output_chunk')[0];
  assert.deepEqual([perChunk?.count, perChunk?.sum], ['10', 0.15]);
  const fallbacks = receiver.metrics.find(({ name }) => name === 'outpost.fallbacks');
  assert.ok(fallbacks !== undefined && 'sum' in fallbacks);
  assert.equal(fallbacks.sum.dataPoints[0]?.asDouble, 1);

  assert.ok(receiver.requests.every(({ headers }) => headers.authorization === SECRET));
  assert.ok(!lines.join('').includes('secret'));
});

test('nothing is sent unless it is configured, and only what is', async (t) => {
  const receiver = await receiverFor(t);
  const { clock, telemetry } = room(t);
  telemetry.observe(exchangeReport());
  await clock.advanceAsync(60_000);
  await telemetry.configure(settingsFor(receiver.endpoint, { traces: false, metrics: false, logs: false }));
  telemetry.observe(exchangeReport());
  await clock.advanceAsync(60_000);
  await telemetry.configure(settingsFor(receiver.endpoint, { metrics: false, logs: false }));
  telemetry.observe(exchangeReport({ result: 'failed', status: 502 }));
  await telemetry.configure(undefined);
  telemetry.observe(exchangeReport());
  await telemetry.close();
  assert.deepEqual(
    receiver.requests.map(({ path }) => path),
    ['/v1/traces'],
  );
  assert.equal(receiver.spans.length, 2);
  assert.deepEqual(receiver.problems, []);
});

test('a dead endpoint costs bounded memory and one log line, and gets the newest records when it is back', async (t) => {
  const receiver = await receiverFor(t);
  receiver.answer = { status: 503 };
  const { clock, lines, telemetry, shows, until } = room(t);
  await telemetry.configure(
    settingsFor(`${receiver.endpoint}/otlp/`, { metrics: false, logs: false, intervalMs: 300_000 }),
  );
  telemetry.observe(exchangeReport({ request: 'first' }));
  clock.advance(300_000);
  await until('outpost_otlp_exports_total{signal="traces",result="failed"} 1');
  for (let i = 0; i < 5_000; i += 1) telemetry.observe(exchangeReport({ request: `req_${i}`, attempts: [] }));
  assert.ok(shows('outpost_otlp_dropped_total{signal="traces",reason="full"} 2952'));
  for (let failed = 2; failed < 6; failed += 1) {
    clock.advance(300_000);
    await until(`outpost_otlp_exports_total{signal="traces",result="failed"} ${failed}`);
  }
  assert.equal(receiver.requests.length, 5, 'one request a pause');
  assert.deepEqual(lines, ['{"event":"otlp-down","signal":"traces","reason":"status 503"}']);
  assert.equal(receiver.requests[0]?.path, '/otlp/v1/traces');
  receiver.answer = { body: '{"partialSuccess":{"rejectedSpans":"7","errorMessage":"no"}}' };
  clock.advance(300_000);
  await until('outpost_otlp_exports_total{signal="traces",result="ok"} 5');
  assert.equal(lines.length, 2);
  assert.ok(shows('outpost_otlp_dropped_total{signal="traces",reason="rejected"} 35'));
  const bodies = receiver.requests.slice(5).map(({ body }) => body);
  assert.ok(bodies[0]?.includes('"first"'), 'what was under way is kept');
  assert.ok(bodies[1]?.includes('"req_2952"') && !bodies[1].includes('"req_2951"'));
  assert.ok(bodies[4]?.includes('"req_4999"'));
});

test('data that is refused is dropped and counted, not sent again', async (t) => {
  const receiver = await receiverFor(t);
  receiver.answer = { status: 302, headers: { location: `${receiver.endpoint}/elsewhere` } };
  const { clock, lines, telemetry, until } = room(t);
  await telemetry.configure(settingsFor(receiver.endpoint, { traces: false, metrics: false }));
  telemetry.observe(exchangeReport({ result: 'broken', request: 'lost' }));
  clock.advance(15_000);
  await until('outpost_otlp_dropped_total{signal="logs",reason="rejected"} 1');
  receiver.answer = {};
  telemetry.observe(exchangeReport({ result: 'broken', request: 'kept' }));
  clock.advance(15_000);
  await until('outpost_otlp_exports_total{signal="logs",result="ok"} 1');
  assert.deepEqual(
    receiver.requests.map(({ path }) => path),
    ['/v1/logs', '/v1/logs'],
  );
  assert.deepEqual(
    receiver.logs.map((record) => attributesOf(record)['outpost.request.id']),
    ['kept'],
  );
  assert.deepEqual(lines, [
    '{"event":"otlp-down","signal":"logs","reason":"status 302"}',
    '{"event":"otlp-up","signal":"logs"}',
  ]);
});

test('the receiver’s Retry-After is waited for', async (t) => {
  const receiver = await receiverFor(t);
  receiver.answer = { status: 429, headers: { 'retry-after': '120' } };
  const { clock, telemetry, until } = room(t);
  await telemetry.configure(settingsFor(receiver.endpoint, { metrics: false, logs: false }));
  telemetry.observe(exchangeReport());
  clock.advance(15_000);
  await until('outpost_otlp_exports_total{signal="traces",result="failed"} 1');
  receiver.answer = {};
  await clock.advanceAsync(119_000);
  assert.equal(receiver.requests.length, 1);
  clock.advance(1_000);
  await until('outpost_otlp_exports_total{signal="traces",result="ok"} 1');
});

test('an endpoint that hangs is given up after ten seconds, and the stop after two', async (t) => {
  const receiver = await receiverFor(t);
  receiver.answer = { hang: true };
  const { clock, lines, telemetry, until, shows } = room(t);
  await telemetry.configure(settingsFor(receiver.endpoint, { metrics: false, logs: false }));
  telemetry.observe(exchangeReport());
  const came = receiver.received();
  clock.advance(15_000);
  await came;
  clock.advance(10_000);
  await until('outpost_otlp_exports_total{signal="traces",result="failed"} 1');
  assert.deepEqual(lines, ['{"event":"otlp-down","signal":"traces","reason":"timeout"}']);
  const again = receiver.received();
  clock.advance(5_000);
  await again;
  telemetry.observe(exchangeReport());
  const closed = telemetry.close();
  await clock.advanceAsync(2_000);
  await closed;
  assert.ok(shows('outpost_otlp_dropped_total{signal="traces",reason="stopped"} 4'));
});

test('an endpoint is taken over TLS by trust only', async (t) => {
  const ca = makeTestCa();
  const { key, chain: cert } = ca.issue({ names: ['127.0.0.1'] });
  const receiver = await receiverFor(t, { key, cert });
  const stranger = room(t);
  await stranger.telemetry.configure(settingsFor(receiver.endpoint, { traces: false, logs: false }));
  stranger.clock.advance(15_000);
  await stranger.until('outpost_otlp_exports_total{signal="metrics",result="failed"} 1');
  assert.match(stranger.lines[0] ?? '', /"reason":"(?:UNABLE_TO|SELF_SIGNED|DEPTH)/);
  assert.equal(receiver.requests.length, 0);
  const friend = room(t, createSecureContext({ ca: [ca.cert] }));
  await friend.telemetry.configure(settingsFor(receiver.endpoint, { traces: false, logs: false }));
  friend.clock.advance(15_000);
  await friend.until('outpost_otlp_exports_total{signal="metrics",result="ok"} 1');
  assert.deepEqual(receiver.problems, []);
});

test('only https, or http on this machine, without user, query or fragment', async (t) => {
  for (const good of [
    'https://otel.example/',
    'http://localhost:4318',
    'http://127.0.0.1:4318/x',
    'http://[::1]:4318',
  ]) {
    assert.equal(endpointProblem(good), undefined, good);
  }
  for (const bad of [
    'otel.example',
    'http://otel.example',
    'http://127.0.0.1.example',
    'http://localhost.example',
    'ftp://localhost',
    'https://user:password@otel.example',
    'https://otel.example/?key=1',
    'https://otel.example/#x',
  ]) {
    assert.notEqual(endpointProblem(bad), undefined, bad);
  }
  const { lines, telemetry } = room(t);
  await telemetry.configure(settingsFor('http://user:geheim@otel.example/'));
  telemetry.observe(exchangeReport());
  assert.deepEqual(lines, [
    '{"event":"otlp-endpoint-refused","reason":"must not carry a user or password; use headers"}',
  ]);
});

test('hostile texts and numbers, headers that HTTP cannot carry, and odd answers break nothing', async (t) => {
  const receiver = await receiverFor(t);
  receiver.answer = { body: `[${'1,'.repeat(100_000)}` };
  const { clock, telemetry, until } = room(t);
  await telemetry.configure(settingsFor(receiver.endpoint, { logs: false }));
  const text = `\u0000\ud800"${'y'.repeat(1_000_000)}`;
  const usage = {
    input: -1,
    output: 1.5,
    cacheRead: 1e300,
    cacheWrite: Number.NaN,
    reasoning: Number.POSITIVE_INFINITY,
  };
  const attempt = attemptReport({
    model: text,
    responseId: text,
    usage,
    losses: Array(1_000).fill(text),
    endedAt: 1e9,
  });
  telemetry.observe(exchangeReport({ app: text, model: text, attempts: [attempt], endedAt: 1e9 }));
  clock.advance(15_000);
  await until('outpost_otlp_exports_total{signal="traces",result="ok"} 1');
  await until('outpost_otlp_exports_total{signal="metrics",result="ok"} 1');
  assert.deepEqual(receiver.problems, []);
  assert.ok(receiver.requests.every(({ body }) => body.length < 50_000));
  await telemetry.configure(settingsFor(receiver.endpoint, { headers: { 'x-a': 'a\r\nb: c' } }));
  clock.advance(15_000);
  await until('outpost_otlp_exports_total{signal="metrics",result="failed"} 1');
});
