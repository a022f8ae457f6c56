// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AT, DEVICE, rowOf, SAMPLES } from '../../../test/fakes/export-rows.ts';
import { factsOf } from './facts.ts';

const factsFrom = (body: object | null, more = {}) => factsOf(rowOf(body, more), DEVICE);

test('a row is the same event however often it is sent', () => {
  assert.equal(factsFrom({ kind: 'event' }).id, `${DEVICE.id}/00112233aabbccdd/7`);
});

test('an outcome is told with how its call began; the provider and model that answered are its own', () => {
  const { call, end, action } = SAMPLES['attempt'] ?? assert.fail();
  assert.deepEqual(
    [call?.host, call?.app, call?.provider, call?.model, end?.attempt, action],
    ['api.example.test', 'Editor', 'anthropic', 'model-c', 2, undefined],
  );
  const without = SAMPLES['outcome that says whose it is']?.call;
  assert.deepEqual([without?.host, without?.decision, without?.request], ['h.example', 'd', 'r-1']);
});

test('a member that is not what it should be is left out', () => {
  const { call, end } = factsFrom({
    kind: 'outcome',
    request: 7,
    host: { a: 1 },
    process: 'x',
    tools: 'read',
    stream: 'yes',
    status: -1,
    input_tokens: 1.5,
    total_ms: 'long',
  });
  assert.deepEqual(
    [call?.request, call?.host, call?.process, call?.tools, call?.stream, end?.status, end?.inputTokens, end?.totalMs],
    [undefined, undefined, undefined, [], undefined, undefined, undefined, undefined],
  );
});

test('a time that no calendar has is the server’s', () => {
  for (const at of [-1, 9_223_372_036_855, Number.MAX_SAFE_INTEGER]) {
    assert.equal(factsFrom({ kind: 'event' }, { at }).at, AT + 1_500);
  }
});

test('a body that cannot be read is like a quarantined one', () => {
  for (const body of [null, '', '[]', '{"kind":', '7']) {
    const facts = factsFrom(null, { body, kind: 'intent' });
    assert.deepEqual([facts.call, facts.event?.name], [undefined, 'quarantined']);
  }
});

test('of particulars only plain values go along, and not all that somebody may send', () => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`n${index}`, index]));
  const { event } = factsFrom({ kind: 'event', event: 'started', detail: { ...many, deep: { a: 1 }, 'a b': 1 } });
  assert.equal(event?.name, 'started');
  assert.equal(Object.keys(event?.detail ?? {}).length, 32);
});
