// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepsStrictRules } from './strict-schema.ts';

const closed = (properties: object, rest: object = {}) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...rest,
});
const text = { type: 'string' };

test('strict: every object closed, with all it has required', () => {
  const list = { type: 'array', items: closed({ b: { anyOf: [text, closed({ c: text })] } }) };
  assert.ok(keepsStrictRules(closed({ a: list }, { $defs: { d: closed({}) } })));
  assert.ok(keepsStrictRules(closed({})));
});

test('not strict, wherever it stands', () => {
  const faults: readonly object[] = [
    { type: 'object', properties: {} },
    closed({ a: text, b: text }, { required: ['a'] }),
    closed({}, { additionalProperties: true }),
    { oneOf: [text] },
    { allOf: [closed({})] },
    { not: text },
  ];
  for (const fault of faults) {
    assert.equal(keepsStrictRules({ ...fault }), false);
    assert.equal(keepsStrictRules(closed({ a: fault })), false);
    assert.equal(keepsStrictRules(closed({ a: { type: 'array', items: fault } })), false);
    assert.equal(keepsStrictRules(closed({ a: { anyOf: [fault] } })), false);
    assert.equal(keepsStrictRules(closed({}, { $defs: { d: fault } })), false);
  }
  assert.equal(keepsStrictRules({ type: 'array', items: closed({}) }), false, 'the root is an object');
});

test('a schema beyond all bounds is not strict, and a deep one throws nothing', () => {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`p${index}`, text]));
  assert.equal(keepsStrictRules(closed(many)), false);
  let deep: object = text;
  for (let depth = 0; depth < 9_000; depth++) deep = { items: deep };
  assert.equal(typeof keepsStrictRules(closed({ deep })), 'boolean');
});
