// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { providerOf } from '../../../test/fakes/attempt-request.ts';
import { attemptBody } from '../../contract/audit-row.ts';
import { OutpostError } from '../../contract/errors.ts';
import type { AnswerReader } from '../dialects/dialect.ts';
import { LossList } from '../dialects/hub/losses.ts';
import { dialectOf } from '../dialects/index.ts';
import type { AttemptResult } from './attempt.ts';
import type { Prepared } from './prepare.ts';
import {
  attemptReport,
  attemptRow,
  lossesOf,
  outcomeOf,
  possiblyBilled,
  type Tried,
  totalUsage,
  upstreamId,
} from './tried.ts';

const PROVIDER = providerOf('openai', { secrets: [{ kind: 'text', value: 'not-a-key' }] });
const RECOGNISED = {
  dialect: 'openai-chat',
  operation: 'generate',
  pathModel: undefined,
  pathStream: undefined,
} as const;

/** What was read of an answer of OpenAI's. */
function read(status: number, contentType: string, text: string): AnswerReader {
  const dialect = dialectOf('openai-chat');
  const body = Buffer.from('{"model":"gpt-4o","messages":[],"stream":true}');
  const reader = dialect.readAnswer(RECOGNISED, dialect.readRequest(RECOGNISED, body), { status, contentType });
  reader.push(Buffer.from(text));
  reader.end();
  return reader;
}

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const delta = (content: string) => event({ id: 'c1', model: 'gpt-4o-x', choices: [{ index: 0, delta: { content } }] });
const STOP = event({ id: 'c1', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
const usage = (input: number, output: number) =>
  event({
    id: 'c1',
    choices: [],
    usage: { prompt_tokens: input, completion_tokens: output, prompt_tokens_details: { cached_tokens: 2 } },
  });
const stream = (...events: readonly string[]) => read(200, 'text/event-stream', events.join(''));

const MEASURED = {
  sent: true,
  staleSocket: false,
  timeout: undefined,
  status: 200,
  headers: ['X-Request-Id', 'up-1'],
  reader: stream(delta('a'), delta('b'), STOP, usage(10, 5), 'data: [DONE]\n\n'),
  responseBytes: 99,
  committedAt: 130.25,
} as const satisfies Omit<AttemptResult, 'kind'>;

const COMPLETE: AttemptResult = { ...MEASURED, kind: 'complete' };
const failed = (
  more: Partial<Pick<AttemptResult, 'sent' | 'status' | 'timeout' | 'staleSocket'>> = {},
): AttemptResult => ({
  ...MEASURED,
  status: undefined,
  headers: [],
  reader: undefined,
  committedAt: undefined,
  ...more,
  kind: 'failed',
  error: new OutpostError('OUT_UPSTREAM_UNREACHABLE', 'ECONNREFUSED'),
});
const refused = (status: number, text: string): AttemptResult => ({
  ...MEASURED,
  status,
  committedAt: undefined,
  reader: read(status, 'application/json', text),
  kind: 'held',
  body: [Buffer.from(text)],
  trailers: [],
});

const PREPARED: Prepared = {
  kind: 'ready',
  way: 'same',
  origin: 'https://api.openai.com:443',
  path: '/',
  headers: [],
  body: undefined,
  dialect: 'openai-chat',
  reader: undefined,
  reframe: undefined,
  translation: undefined,
  losses: ['seed'],
};

function tried(result: AttemptResult, more: Partial<Tried> = {}): Tried {
  return {
    planned: {
      n: 2,
      target: { provider: PROVIDER, model: undefined, route: undefined, weight: 1 },
      key: { name: 'main', weight: 1, secret: { kind: 'text', value: 'not-a-key' } },
      probe: false,
      retry: false,
      firstContentMs: 1,
      idleMs: 1,
    },
    prepared: PREPARED,
    result,
    failure: undefined,
    model: 'gpt-4o',
    startedAt: 100,
    endedAt: 200,
    ...more,
  };
}

test('routing hears what an attempt was in its own words', () => {
  assert.deepEqual(outcomeOf(COMPLETE), { kind: 'complete' });
  const unread = (status: number) => outcomeOf({ ...COMPLETE, reader: undefined, status });
  assert.deepEqual([unread(200).kind, unread(403).kind, unread(502).kind], ['complete', 'complete', 'refused']);
  const cancelled = { ...MEASURED, kind: 'cancelled' } as const;
  assert.deepEqual(outcomeOf(cancelled), { kind: 'complete' }, 'after content the provider did its work');
  assert.deepEqual(outcomeOf({ ...cancelled, committedAt: undefined }), { kind: 'left' });
  const error = new OutpostError('OUT_UPSTREAM_BROKEN');
  assert.deepEqual(outcomeOf({ ...MEASURED, kind: 'broken', error }), { kind: 'broken', timeout: false });
  assert.deepEqual(outcomeOf({ ...MEASURED, kind: 'broken', error, timeout: 'idle' }), {
    kind: 'broken',
    timeout: true,
  });
});

test('a refusal is told with its class, code and headers', () => {
  const outcome = outcomeOf({
    ...refused(429, '{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}'),
    headers: ['Retry-After', '7'],
  });
  assert.ok(outcome.kind === 'refused');
  assert.deepEqual([outcome.status, outcome.errorClass, outcome.code], [429, 'quota', 'insufficient_quota']);
  assert.equal(outcome.header('retry-after'), '7');
  const html = outcomeOf({ ...refused(503, '<html>'), reader: undefined });
  assert.ok(html.kind === 'refused');
  assert.deepEqual([html.errorClass, html.code], ['unknown', undefined]);
});

test('a failure is told with what was seen before it', () => {
  const outcome = outcomeOf(failed({ staleSocket: true, sent: false }));
  assert.deepEqual(outcome, {
    kind: 'failed',
    code: 'OUT_UPSTREAM_UNREACHABLE',
    detail: 'ECONNREFUSED',
    timeout: undefined,
    headSeen: false,
    staleSocket: true,
    sent: false,
  });
  const late = outcomeOf(failed({ status: 200, timeout: 'idle' }));
  assert.ok(late.kind === 'failed');
  assert.deepEqual(
    [late.headSeen, late.timeout],
    [true, 'first-content'],
    'nothing had come: the wait was for content',
  );
});

test('billed perhaps: what had the request and neither answered fully nor said no', () => {
  assert.equal(possiblyBilled(COMPLETE), false);
  assert.equal(possiblyBilled(refused(503, '{"error":{"message":"m"}}')), false);
  assert.equal(possiblyBilled(failed()), true);
  assert.equal(possiblyBilled(failed({ sent: false })), false);
  assert.equal(possiblyBilled({ ...MEASURED, kind: 'cancelled' }), true);
});

test('a row is a valid one, with its members in the order of the canonical text', () => {
  const row = attemptRow('req_1', tried(COMPLETE, { failure: 'hang' }));
  assert.deepEqual(Object.keys(row), Object.keys(row).toSorted());
  const known = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined));
  assert.deepEqual(attemptBody.parse(known), {
    answer_model: 'gpt-4o-x',
    attempt: 2,
    cache_read_tokens: 2,
    dialect: 'openai-chat',
    failure: 'hang',
    first_content_ms: 30.3,
    input_tokens: 10,
    key: 'main',
    kind: 'attempt',
    losses: ['seed'],
    output_tokens: 5,
    provider: 'openai',
    request: 'req_1',
    response_bytes: 99,
    response_id: 'c1',
    result: 'complete',
    status: 200,
    stop: 'stop',
    target_model: 'gpt-4o',
    total_ms: 100,
    upstream_request_id: 'up-1',
  });
});

test('an attempt that could not even be made has a row and a report too', () => {
  const unmade = tried(failed({ sent: false }), { prepared: undefined, failure: 'credential' });
  const row = attemptRow('req_1', unmade);
  assert.deepEqual([row.result, row.error, row.failure], ['failed', 'OUT_UPSTREAM_UNREACHABLE', 'credential']);
  assert.deepEqual([row.dialect, row.losses, row.possibly_billed], [undefined, undefined, undefined]);
  const report = attemptReport(unmade);
  assert.deepEqual([report.dialect, report.losses, report.possiblyBilled, report.deltas], [undefined, [], false, 0]);
});

test('row and report agree', () => {
  for (const result of [COMPLETE, refused(500, '{}'), failed()]) {
    const one = tried(result, { failure: 'transient' });
    const row = attemptRow('req_1', one);
    const report = attemptReport(one);
    assert.equal(report.possiblyBilled, row.possibly_billed ?? false);
    assert.deepEqual(
      [report.n, report.status, report.error, report.usage?.output, report.failure, report.key, report.stop],
      [row.attempt, row.status, row.error, row.output_tokens, row.failure, row.key, row.stop],
    );
    assert.deepEqual(report.losses, row.losses ?? []);
  }
});

test('a stream that broke before its usage came is estimated by its pieces; sums add up what is known', () => {
  const broken = tried({
    ...MEASURED,
    reader: stream(delta('a'), delta('b'), delta('c')),
    kind: 'broken',
    error: new OutpostError('OUT_UPSTREAM_BROKEN'),
  });
  assert.deepEqual([attemptRow('r', broken).output_tokens, attemptRow('r', broken).tokens_estimated], [3, true]);
  const total = totalUsage([tried(failed()), broken, tried(COMPLETE)]);
  assert.deepEqual(total, {
    usage: { input: 10, output: 8, cacheRead: 2, cacheWrite: undefined, reasoning: undefined },
    estimated: true,
  });
  assert.deepEqual(totalUsage([tried(failed())]), { usage: undefined, estimated: false });
});

test('losses of the request and of the answer are told once each', () => {
  assert.deepEqual(lossesOf(tried(COMPLETE)), ['seed']);
  const losses = new LossList();
  for (const [code, at] of [
    ['citations', '/a'],
    ['seed', '/b'],
    ['citations', '/c'],
  ] as const)
    losses.add(code, at);
  const translation = {
    contentType: '',
    watch: { event: () => undefined, document: () => undefined },
    end: () => undefined,
    take: () => Buffer.alloc(0),
    hasFailed: () => false,
    losses,
  };
  assert.deepEqual(lossesOf(tried(COMPLETE, { prepared: { ...PREPARED, translation } })), ['seed', 'citations']);
});

test('the provider’s own number is found under the names that vendors use', () => {
  for (const name of ['x-request-id', 'Request-Id', 'x-amzn-RequestId', 'apim-request-id']) {
    assert.equal(upstreamId(['a', 'b', name, 'n']), 'n');
  }
  assert.equal(upstreamId(['x-other', 'n']), undefined);
});
