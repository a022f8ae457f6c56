// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseShallow, parseValue } from './values.ts';

test('a large document may not nest beyond reason; brackets in strings are no nesting', () => {
  const nested = (depth: number) => `[${'['.repeat(depth)}${']'.repeat(depth)},"${'x'.repeat(70_000)}"]`;
  assert.ok(Array.isArray(parseValue(nested(400))));
  assert.equal(parseValue(nested(600)), undefined);
  const text = `\\"${'[{'.repeat(40_000)}`;
  assert.deepEqual(parseValue(JSON.stringify([text])), [text]);
});

test('what is no JSON is undefined, null is null', () => {
  assert.equal(parseValue('{"a":'), undefined);
  assert.equal(parseValue(''), undefined);
  assert.equal(parseValue('null'), null);
});

test('what is written again may not nest beyond reason, however small', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  assert.ok(Array.isArray(parseShallow(nested(500))));
  assert.equal(parseShallow(nested(600)), undefined);
  assert.equal(parseShallow('{"a":'), undefined);
});
