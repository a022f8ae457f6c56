// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createToolIds } from './tool-ids.ts';

function counted(): (id: string) => string {
  let number = 0;
  return createToolIds(() => `new${++number}`);
}

test('an id that every dialect takes stays as it is', () => {
  const ids = counted();
  for (const id of ['call_abc', 'toolu_01A-b_c', 'x', 'a'.repeat(40), 'call_12345']) assert.equal(ids(id), id);
});

test('an id that some dialect would refuse, or that repeats from answer to answer, is replaced', () => {
  for (const id of ['', 'a b', 'functions.f:0', 'é', 'a'.repeat(41), 'call_0', 'call_12', 'call_3_1']) {
    assert.equal(counted()(id), 'call_new1', JSON.stringify(id));
  }
});

test('the same id comes out for the same id in, and different ones stay different', () => {
  const ids = counted();
  const first = ids('call_0');
  const second = ids('call_1');
  assert.equal(ids('call_0'), first);
  assert.notEqual(first, second);
  assert.notEqual(ids(first), first, 'the provider’s own id may look like one that was given');
  assert.equal(ids('call_0'), first);
});

test('a made-up id is no longer than any dialect takes', () => {
  const id = createToolIds(() => 'r'.repeat(48))('call_0');
  assert.equal(id, `call_${'r'.repeat(35)}`);
});
