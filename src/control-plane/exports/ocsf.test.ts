// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostileFacts, SAMPLES } from '../../../test/fakes/export-rows.ts';
import { ocsfFaults } from '../../../test/fakes/ocsf-schema.ts';
import { ocsfEvent } from './ocsf.ts';

/** The members that are read here; the schema judges all of them. */
interface Read extends Readonly<Record<'class_uid' | 'type_uid' | 'action_id' | 'disposition_id', number>> {
  readonly is_alert: boolean;
  readonly firewall_rule: unknown;
  readonly policy: unknown;
  readonly status_id: number;
  readonly severity_id: number;
  readonly ai_model: unknown;
  readonly message_context: Readonly<Record<string, number>>;
  readonly actor: { readonly user: { name: string }; readonly process: { pid: number }; readonly app_name: string };
  readonly device: { readonly hw_info: { serial_number: string }; readonly os: unknown };
  readonly metadata: { readonly uid: string };
  readonly unmapped: { readonly message_context: Readonly<Record<string, number>> } & Readonly<
    Record<'ai_model' | 'hash' | 'prev' | 'epoch', unknown>
  >;
}

const event = (name: string): Read => ocsfEvent(SAMPLES[name] ?? assert.fail(name)) as Read;

for (const name of Object.keys(SAMPLES)) {
  test(`as OCSF 1.8.0 has it: ${name}`, () => {
    assert.deepEqual(ocsfFaults(JSON.parse(JSON.stringify(event(name)))), []);
  });
}

test('a thousand rows of a hostile device are as OCSF has it', () => {
  for (const facts of hostileFacts(2, 1_000)) {
    const text = JSON.stringify(ocsfEvent(facts));
    assert.deepEqual(ocsfFaults(JSON.parse(text)), [], text);
  }
});

test('intercepted calls are HTTP Activity, those of the gateway API Activity, all else Base Event', () => {
  assert.deepEqual(
    ['intent', 'gateway', 'refusal', 'outcome', 'gap', 'event', 'orphan'].map((name) => event(name).class_uid),
    [4002, 6003, 4002, 4002, 0, 0, 0],
  );
  assert.equal(event('refusal').type_uid, 400206);
  assert.equal(event('gateway').type_uid, 600301);
});

test('what was decided is in the profile security_control', () => {
  const { action_id, disposition_id, is_alert, firewall_rule, policy, status_id, severity_id } = event('refusal');
  assert.deepEqual(
    { action_id, disposition_id, is_alert, firewall_rule, policy, status_id, severity_id },
    {
      action_id: 2,
      disposition_id: 2,
      is_alert: true,
      firewall_rule: { name: 'models.deny[0]' },
      policy: { uid: 'a'.repeat(64), is_applied: true },
      status_id: 2,
      severity_id: 3,
    },
  );
  assert.deepEqual([event('intent').action_id, event('outcome').action_id], [1, 3]);
});

test('model and tokens are in the profile ai_operation, or where the class has it not yet, under unmapped', () => {
  const expected = { ai_provider: 'openai', name: 'model-a-2030' };
  assert.deepEqual(event('gateway outcome').ai_model, expected);
  assert.equal(event('gateway outcome').message_context.total_tokens, 184);
  assert.deepEqual(event('outcome').unmapped.ai_model, expected);
  assert.equal(event('outcome').unmapped.message_context.prompt_tokens, 120);
});

test('who, from where and the place in the chain', () => {
  const { actor, device, metadata, unmapped } = event('intent');
  assert.equal(actor.user.name, 'ada@example.com');
  assert.equal(actor.process.pid, 4242);
  assert.equal(actor.app_name, 'Editor');
  assert.equal(device.hw_info.serial_number, 'SN-17');
  assert.deepEqual(device.os, { name: 'macOS', type_id: 300, version: '15.2' });
  assert.equal(metadata.uid, SAMPLES['intent']?.id);
  assert.deepEqual(
    [unmapped.hash, unmapped.prev, unmapped.epoch],
    ['a'.repeat(64), 'b'.repeat(64), '00112233aabbccdd'],
  );
});
