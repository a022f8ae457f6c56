// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closedSchema } from './closed-schema.ts';

test('a schema that fits is returned itself', () => {
  const schema = {
    type: 'object',
    description: 'd',
    properties: {
      list: { type: 'array', items: { $ref: '#/$defs/item' }, minItems: 1 },
      at: { type: 'string', format: 'date-time' },
      kind: { anyOf: [{ enum: ['a'] }, { type: 'null' }] },
    },
    required: ['list'],
    additionalProperties: false,
    $defs: { item: { type: 'string' } },
  };
  const closed = closedSchema(schema);
  assert.equal(closed.schema, schema);
  assert.equal(closed.changed, false);
});

test('objects are closed and keywords without a grammar left out, in a copy with its order kept', () => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    required: ['b'],
    type: 'object',
    properties: {
      b: { type: 'number', minimum: 1 },
      a: { type: 'array', minItems: 3, items: { type: 'object', additionalProperties: true } },
      pattern: { oneOf: [{ type: 'string', maxLength: 4, format: 'phone' }] },
    },
  };
  const before = JSON.stringify(schema);
  const closed = closedSchema(schema);
  assert.equal(closed.changed, true);
  assert.equal(
    JSON.stringify(closed.schema),
    JSON.stringify({
      required: ['b'],
      type: 'object',
      properties: {
        b: { type: 'number' },
        a: { type: 'array', items: { type: 'object', additionalProperties: false } },
        pattern: { anyOf: [{ type: 'string' }] },
      },
      additionalProperties: false,
    }),
  );
  assert.equal(JSON.stringify(schema), before);
});

test('odd schemas do not throw', () => {
  let deep: Record<string, unknown> = {};
  for (let n = 0; n < 10_000; n++) deep = { items: deep };
  assert.equal(closedSchema(deep).changed, false);
  for (const schema of [{ properties: 5 }, { items: [1] }, { anyOf: 'x' }, { properties: { a: true } }])
    closedSchema(schema);
});
