// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LossList } from './losses.ts';
import { loseMember } from './refused-members.ts';

function lost(name: string, value: unknown): readonly string[] {
  const losses = new LossList();
  loseMember(name, value, losses);
  return losses.found.map(({ code, at }) => `${code} ${at}`);
}

test('a member that asks for something is lost with its own code', () => {
  assert.deepEqual(lost('seed', 0), ['seed /seed']);
  assert.deepEqual(lost('store', true), ['store /store']);
  assert.deepEqual(lost('tools', [{}]), ['no-tools /tools']);
  assert.deepEqual(lost('temperature', 0), ['temperature /temperature']);
  // Who binds inference to a region must not get it elsewhere.
  assert.deepEqual(lost('inference_geo', 'eu'), ['not-understood /inference_geo']);
  assert.deepEqual(lost('output_format', { type: 'json_schema' }), ['no-json-schema /output_format']);
});

test('what is empty, null or false asks for nothing', () => {
  for (const value of [null, undefined, false, '', [], {}]) assert.deepEqual(lost('store', value), []);
});

const cases: readonly (readonly [name: string, nothing: unknown, something: unknown])[] = [
  ['parallel_tool_calls', true, false],
  ['presence_penalty', 0, -0.5],
  ['frequency_penalty', 0, 1],
  ['top_logprobs', 0, 2],
  ['modalities', ['text'], ['text', 'audio']],
  ['service_tier', 'default', 'flex'],
  ['tool_choice', 'auto', 'none'],
  ['web_search_options', null, {}],
  ['speed', 'standard', 'fast'],
  ['inference_geo', null, 'eu'],
  ['output_format', null, { type: 'json_schema' }],
  ['cache_control', null, { type: 'ephemeral' }],
];
for (const [name, nothing, something] of cases) {
  test(`${name}: ${JSON.stringify(nothing)} asks for nothing, ${JSON.stringify(something)} does`, () => {
    assert.deepEqual(lost(name, nothing), []);
    assert.equal(lost(name, something).length, 1);
  });
}

test('a name that is not known never stands in a loss; usage in streams comes anyway', () => {
  assert.deepEqual(lost('my_secret', 1), ['unknown-field ']);
  assert.deepEqual(lost('__proto__', 1), ['unknown-field ']);
  assert.deepEqual(lost('stream_options', { include_usage: true }), []);
});
