// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intentBody, outcomeBody, refusalBody } from '../../../test/fakes/audit-rows.ts';
import { columnsOf, columnText } from './columns.ts';

const NOTHING = {
  request: null,
  decision: null,
  app: null,
  provider: null,
  model: null,
  host: null,
  what: null,
  rule: null,
  policy: null,
  input_tokens: null,
  output_tokens: null,
};

test('the model of an intent is the one that the provider is asked for', () => {
  assert.equal(columnsOf(intentBody('r1')).model, 'model-a');
  assert.equal(columnsOf(intentBody('r1', { target_model: 'model-b' })).model, 'model-b');
});

test('an outcome without an intent row says whose call it was', () => {
  const merged = {
    decision: 'd1',
    entrance: 'gateway',
    host: 'h.example.test',
    app: 'Editor',
    model: 'model-a',
    policy: 'p',
    rule: 'r-1',
  } as const;
  const { decision, app, host, model, policy, rule, what } = columnsOf(outcomeBody('r1', { merged }));
  assert.deepEqual(
    [decision, app, host, model, policy, rule, what],
    ['d1', 'Editor', 'h.example.test', 'model-a', 'p', 'r-1', 'complete'],
  );
  assert.equal(columnsOf(outcomeBody('r1')).model, 'model-a-2030');
});

test('each kind has its own word', () => {
  assert.equal(columnsOf(refusalBody('r1')).what, 'block');
  assert.equal(columnsOf({ kind: 'event', event: 'override' }).what, 'override');
  assert.equal(columnsOf({ kind: 'gap', reason: 'disk-full' }).what, 'disk-full');
  assert.deepEqual(columnsOf({ kind: 'orphan', request: 'r1', intent_seq: 1 }), {
    kind: 'orphan',
    ...NOTHING,
    request: 'r1',
  });
  assert.deepEqual(columnsOf(undefined), { kind: 'quarantined', ...NOTHING });
});

test('members that are not what they should be are left out', () => {
  const hostile = {
    kind: 'x',
    request: 7,
    app: { toString: 1 },
    model: null,
    merged: [],
    rule: ['r'],
    input_tokens: 1.5,
    output_tokens: 1e300,
  };
  assert.deepEqual(columnsOf(hostile), { kind: 'x', ...NOTHING });
  assert.deepEqual(columnsOf(JSON.parse('{"kind":"x","__proto__":{"app":"a"}}')), { kind: 'x', ...NOTHING });
});

test('a column holds at most 256 units, no NUL and no half of a character', () => {
  assert.equal(columnText('y'.repeat(1_000)), 'y'.repeat(256));
  assert.equal(columnText(`${'y'.repeat(255)}\u{1f600}`), `${'y'.repeat(255)}\ufffd`);
  assert.equal(columnText('a\0\0b\ud800'), 'a\ufffd\ufffdb\ufffd');
  assert.equal(columnText('a\u{1f600}'), 'a\u{1f600}');
  assert.equal(columnText(undefined), null);
});
