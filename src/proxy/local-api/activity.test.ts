// SPDX-License-Identifier: Apache-2.0
// Audit rows become one line a call.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditRow, RowBody } from '../../contract/audit-row.ts';
import { activityItem } from '../../contract/local-api.ts';
import { createActivity } from './activity.ts';

let seq = 0;
const row = (body: RowBody, at = 1_000): AuditRow => ({
  v: 1,
  epoch: '0'.repeat(16),
  seq: ++seq,
  at,
  prev: '0'.repeat(64),
  hash: '0'.repeat(64),
  body,
});

const subject = (request: string) =>
  ({
    request,
    decision: `d-${request}`,
    entrance: 'intercept',
    protocol: 'h2',
    host: 'api.openai.com',
    method: 'POST',
    path: '/v1/chat/completions',
    understood: true,
    model: 'gpt-4o',
    policy: 'p',
  }) as const;
const intent = (request: string, more: object = {}) =>
  row({ kind: 'intent', ...subject(request), provider: 'openai', action: 'allow', ...more });
const outcome = (request: string, more: object = {}) =>
  row(
    {
      kind: 'outcome',
      request,
      result: 'complete',
      provider: 'openai',
      request_bytes: 1,
      response_bytes: 2,
      total_ms: 512.5,
      ...more,
    },
    1_600,
  );

test('intent and outcome of one call become one line', () => {
  const activity = createActivity();
  activity.push(intent('a', { app: 'editor', target_model: 'gpt-4o-mini' }));
  assert.equal(activity.items()[0]?.result, 'running');
  activity.push(outcome('a', { input_tokens: 10, output_tokens: 20, first_content_ms: 80 }));
  assert.deepEqual(activity.items(), [
    {
      id: 'a',
      at: 1_000,
      decision: 'allowed',
      result: 'complete',
      provider: 'openai',
      app: 'editor',
      model: 'gpt-4o',
      sent_model: 'gpt-4o-mini',
      total_ms: 512.5,
      input_tokens: 10,
      output_tokens: 20,
      first_content_ms: 80,
    },
  ]);
});

test('every line fits the schema of the wire, also with nothing optional', () => {
  const activity = createActivity();
  activity.push(intent('a'));
  activity.push(row({ kind: 'refusal', ...subject('b'), action: 'block', error: 'OUT_BLOCKED_MODEL' }));
  activity.push(outcome('a'));
  for (const item of activity.items()) assert.deepEqual(activityItem.parse(item), item);
  assert.equal(activity.items().length, 2);
});

test('a refusal names the host where no provider was chosen, and its reason', () => {
  const activity = createActivity();
  activity.push(row({ kind: 'refusal', ...subject('b'), action: 'block', error: 'OUT_BLOCKED_MODEL' }));
  const [item] = activity.items();
  assert.equal(item?.decision, 'blocked');
  assert.equal(item?.provider, 'api.openai.com');
  assert.equal(item?.error, 'OUT_BLOCKED_MODEL');
});

test('an outcome without an intent row begins the line itself when it carries the call', () => {
  const activity = createActivity();
  const merged = { decision: 'd', entrance: 'gateway', host: 'h', app: 'script', model: 'm', policy: 'p' };
  activity.push(outcome('c', { merged }));
  assert.equal(activity.items()[0]?.app, 'script');
  assert.equal(activity.items()[0]?.at, 1_600 - 513);
  assert.equal(activity.push(outcome('unknown')), false);
  assert.equal(activity.items().length, 1);
});

test('an orphan marks its call as lost', () => {
  const activity = createActivity();
  activity.push(intent('a'));
  activity.push(row({ kind: 'orphan', request: 'a', intent_seq: 1 }));
  assert.equal(activity.items()[0]?.result, 'lost');
});

test('the newest are kept, newest first, and rows about the agent itself are left out', () => {
  const activity = createActivity(2);
  for (const id of ['a', 'b', 'c']) activity.push(intent(id));
  assert.equal(activity.push(row({ kind: 'event', event: 'started' })), false);
  assert.deepEqual(
    activity.items().map((item) => item.id),
    ['c', 'b'],
  );
});
