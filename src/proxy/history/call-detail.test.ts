// SPDX-License-Identifier: Apache-2.0
// Rows of one call become its detail, whatever rows are missing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intentBody, outcomeBody, refusalBody } from '../../../test/fakes/audit-rows.ts';
import type { AttemptBody } from '../../contract/audit-row.ts';
import { callDetail as schema } from '../../contract/local-history.ts';
import { callDetail } from './call-detail.ts';
import type { CallRow } from './call-rows.ts';

const rowsOf = (...bodies: readonly CallRow['body'][]): readonly CallRow[] =>
  bodies.map((body, index) => ({ at: 1_000_000 + index, body, text: JSON.stringify(body) }));

function detailOf(...bodies: readonly CallRow['body'][]) {
  const detail = callDetail(rowsOf(...bodies), () => 0.5);
  assert.ok(detail !== undefined);
  assert.deepEqual(schema.parse(detail), detail);
  return detail;
}

const attempt = (n: number, more: Partial<AttemptBody> = {}): AttemptBody => ({
  kind: 'attempt',
  request: 'r1',
  attempt: n,
  provider: `p${n}`,
  result: 'complete',
  response_bytes: 1,
  total_ms: 5,
  ...more,
});

test('no rows, no call', () => {
  assert.equal(
    callDetail([], () => 0),
    undefined,
  );
});

test('a call with two attempts: who was tried, why not, what it cost, and its rows as they are', () => {
  const bodies = [
    intentBody('r1', { provider: 'p1', target_model: 'm1' }),
    attempt(1, {
      result: 'failed',
      failure: 'overload',
      status: 529,
      possibly_billed: true,
      losses: ['a.b'],
      key: 'k',
    }),
    intentBody('r1', { provider: 'p2', target_model: 'm2', attempt: 2 }),
    attempt(2, { target_model: 'm2', input_tokens: 3, retry: true, probe: true }),
    outcomeBody('r1', { provider: 'p2', fallback_from: 'p1', attempts: 2 }),
  ];
  const detail = detailOf(...bodies);
  assert.deepEqual(
    [detail.call.at, detail.call.provider, detail.call.sent_model, detail.call.result],
    [1_000_000, 'p2', 'm2', 'complete'],
  );
  assert.deepEqual(detail.attempts, [
    {
      attempt: 1,
      provider: 'p1',
      result: 'failed',
      key: 'k',
      failure: 'overload',
      status: 529,
      possibly_billed: true,
      losses: ['a.b'],
      total_ms: 5,
    },
    {
      attempt: 2,
      provider: 'p2',
      result: 'complete',
      model: 'm2',
      retry: true,
      probe: true,
      input_tokens: 3,
      total_ms: 5,
    },
  ]);
  assert.deepEqual([detail.fallback_from, detail.cost_usd], ['p1', 0.5]);
  assert.deepEqual(
    detail.rows.map((row) => JSON.parse(row)),
    bodies,
  );
});

test('an attempt under way is known by its intent; after a crash it is lost', () => {
  const begun = [
    intentBody('r1', { provider: 'p1' }),
    attempt(1, { result: 'failed', failure: 'hang' }),
    intentBody('r1', { provider: 'p2', attempt: 2 }),
  ];
  assert.deepEqual(
    detailOf(...begun).attempts.map(({ attempt, provider, result }) => [attempt, provider, result]),
    [
      [1, 'p1', 'failed'],
      [2, 'p2', 'running'],
    ],
  );
  const lost = detailOf(...begun, { kind: 'orphan', request: 'r1', intent_seq: 1 });
  assert.deepEqual([lost.call.result, lost.attempts[1]?.result, lost.cost_usd], ['lost', 'lost', undefined]);
});

test('a refusal says why in the words for the person, and its rule', () => {
  const { call, decision, attempts } = detailOf(refusalBody('r1'));
  assert.deepEqual([call.decision, call.result, call.error], ['blocked', 'refused', 'OUT_BLOCKED_MODEL']);
  assert.equal(decision.reason, 'Your organisation does not allow this model.');
  assert.deepEqual(
    [decision.rule, decision.id, decision.path],
    ['models.deny[0]', 'decision-of-r1', '/v1/chat/completions'],
  );
  assert.deepEqual(decision.process, { name: 'node', exe: '/usr/bin/node', pid: 4242 });
  assert.deepEqual(attempts, []);
  const unknown = detailOf({ ...refusalBody('r1'), error: 'constructor' });
  assert.equal(unknown.decision.reason, 'It was refused: constructor.');
});

test('an allowed call says that no rule forbids it, or which one allows it', () => {
  assert.equal(detailOf(intentBody('r1')).decision.reason, 'No rule forbids it.');
  assert.equal(detailOf(intentBody('r1', { rule: 'apps[0]' })).decision.reason, 'The rule apps[0] allows it.');
  const routed = detailOf(intentBody('r1', { rule: 'cheap' }));
  assert.equal(routed.decision.reason, 'No rule forbids it; “cheap” decided.');
});

test('level relaxed: what the outcome says of the beginning', () => {
  const merged = {
    decision: 'd',
    entrance: 'gateway',
    host: 'h',
    app: 'A',
    model: 'm',
    policy: 'p',
    rule: 'apps[1]',
  } as const;
  const { call, decision, attempts } = detailOf(attempt(1), outcomeBody('r1', { merged }));
  assert.deepEqual([call.app, call.model, call.at], ['A', 'm', 1_000_001 - 2_000]);
  assert.deepEqual(decision, {
    reason: 'The rule apps[1] allows it.',
    id: 'd',
    rule: 'apps[1]',
    policy: 'p',
    entrance: 'gateway',
    host: 'h',
  });
  assert.equal(attempts.length, 1);
});

test('a call whose beginning is gone still says what is left of it', () => {
  const ended = detailOf(outcomeBody('r1'));
  assert.deepEqual([ended.call.result, ended.call.provider], ['complete', 'openai']);
  assert.match(ended.decision.reason, /no longer has the beginning/);
  assert.equal(detailOf({ kind: 'orphan', request: 'r1', intent_seq: 1 }).call.result, 'lost');
  assert.equal(detailOf(attempt(2)).call.result, 'running');
});

test('more rows than an answer may have are cut; very long ones are left out', () => {
  const many = Array.from({ length: 300 }, (_, index) => attempt(index + 1));
  const detail = detailOf(...many);
  assert.deepEqual([detail.attempts.length, detail.rows.length], [64, 200]);
  const tools = Array.from({ length: 256 }, () => '\u0001'.repeat(128));
  const long = detailOf(...Array.from({ length: 10 }, (_, index) => intentBody('r1', { tools, attempt: index + 2 })));
  assert.ok(long.rows.length >= 4 && long.rows.join('').length <= 2 ** 20);
});
