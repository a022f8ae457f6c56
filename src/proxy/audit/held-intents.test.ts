// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intentBody, outcomeBody } from '../../../test/fakes/audit-rows.ts';
import { outcomeBody as outcomeSchema } from '../../contract/audit-row.ts';
import { HeldIntents } from './held-intents.ts';

test('an outcome tells the essentials of an intent that was not written, once', () => {
  const held = new HeldIntents();
  held.hold(intentBody('r', { rule: 'hosts[1]' }));
  const row = held.complete(outcomeBody('r'));
  assert.deepEqual(row.merged, {
    decision: 'decision-of-r',
    entrance: 'intercept',
    host: 'api.example.test',
    policy: 'a'.repeat(64),
    app: 'Editor',
    dialect: 'openai-chat',
    model: 'model-a',
    rule: 'hosts[1]',
  });
  assert.ok(outcomeSchema.safeParse(row).success);
  assert.equal(held.complete(outcomeBody('r')).merged, undefined);
});

test('an outcome says that its request left before its row was stored', () => {
  const held = new HeldIntents();
  held.markLate('r');
  assert.equal(held.complete(outcomeBody('r')).late, true);
  const other = outcomeBody('other');
  assert.equal(held.complete(other), other);
});

test('calls without an outcome do not pile up', () => {
  const held = new HeldIntents();
  for (let n = 0; n <= 20_000; n++) held.hold(intentBody(`r${n}`));
  assert.equal(held.take('r0'), undefined);
  assert.notEqual(held.take('r1'), undefined);
});
