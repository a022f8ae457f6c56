// SPDX-License-Identifier: Apache-2.0
// Events come out whole, however the text was cut.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSseParser } from './sse.ts';

const STREAM = 'event: state\ndata: {"a":1}\n\n: alive\n\nevent: state\ndata: x\ndata: y\n\n';
const EVENTS = [
  { event: 'state', data: '{"a":1}' },
  { event: 'state', data: 'x\ny' },
];

test('every slicing gives the same events', () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const parse = createSseParser();
    const found = [];
    for (let at = 0; at < STREAM.length; at += size) found.push(...parse(STREAM.slice(at, at + size)));
    assert.deepEqual(found, EVENTS, `pieces of ${size}`);
  }
});

test('an event without an end is an error, not endless memory', () => {
  const parse = createSseParser();
  assert.throws(() => {
    for (let round = 0; round < 100; round++) parse('x'.repeat(100_000));
  }, RangeError);
});
