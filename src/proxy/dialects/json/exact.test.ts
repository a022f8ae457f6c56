// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExact } from './exact.ts';

test('numbers that a double cannot hold are written as they stood', () => {
  for (const text of [
    '{"id":12345678901234567890}',
    '{"a":[{"b":-9007199254740993}],"c":0.1234567890123456789}',
    '{"big":1e400,"small":1E-400,"half":5e-1}',
    '{"__proto__":12345678901234567890,"x":"12345678901234567890"}',
    '[12345678901234567890]',
  ]) {
    assert.equal(JSON.stringify(parseExact(text)), text);
  }
});

test('what needs no such care is plain', () => {
  assert.deepEqual(parseExact('{"a":1,"b":[0.5,null],"at":"2024-01-01T00:00:00.000000000Z"}'), {
    a: 1,
    b: [0.5, null],
    at: '2024-01-01T00:00:00.000000000Z',
  });
});

test('what is no JSON, or too deep, is undefined', () => {
  assert.equal(parseExact('{"a":12345678901234567890'), undefined);
  assert.equal(parseExact(`${'['.repeat(10_000)}12345678901234567890${']'.repeat(10_000)}`), undefined);
});
