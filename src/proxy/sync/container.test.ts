// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packContainer, packDocument, unpackContainer, unpackDocument } from './container.ts';

const CONTAINER = {
  since: 5,
  roots: ['{"a":1}', '{"b":"\n"}'],
  fresh: '{}',
  secrets: 'a.b.c',
  bundle: Buffer.from([0, 10, 255, 10, 13]),
};

test('all objects of an activation come back as they were', () => {
  assert.deepEqual(unpackContainer(packContainer(CONTAINER)), CONTAINER);
  const without = { ...CONTAINER, secrets: undefined };
  assert.deepEqual(unpackContainer(packContainer(without)), without);
});

test('a container that is cut anywhere is none, nor one with more behind it', () => {
  const whole = packContainer(CONTAINER);
  for (let length = 0; length < whole.length; length++) {
    assert.equal(unpackContainer(whole.subarray(0, length)), undefined, String(length));
  }
  assert.equal(unpackContainer(Buffer.concat([whole, Buffer.from('x')])), undefined);
});

test('a head that is not ours is refused', () => {
  const head = { v: 1, since: 5, roots: ['x'], fresh: 'y', secrets: null, bytes: 1 };
  const packed = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\nz`);
  assert.ok(unpackContainer(packed(head)) !== undefined);
  for (const bad of [
    null,
    [],
    1,
    { ...head, v: 2 },
    { ...head, more: 1 },
    { ...head, roots: 'x' },
    { ...head, roots: [1] },
    { ...head, fresh: undefined },
    { ...head, secrets: 1 },
    { ...head, bytes: 0 },
    { ...head, bytes: '1' },
    { ...head, since: -1 },
  ]) {
    assert.equal(unpackContainer(packed(bad)), undefined, JSON.stringify(bad));
  }
  assert.equal(unpackContainer(Buffer.from([0xff, 0x0a, 0x41])), undefined, 'not UTF-8');
});

test('a document comes back with its roots; anything else is none', () => {
  const document = { roots: ['r1', 'r2'], fresh: 'f' };
  assert.deepEqual(unpackDocument(packDocument(document)), document);
  for (const bad of [
    '',
    'null',
    '[]',
    '{"v":1,"roots":["x"]}',
    '{"v":2,"roots":[],"fresh":"x"}',
    '{"v":1,"roots":[1],"fresh":"x"}',
  ]) {
    assert.equal(unpackDocument(Buffer.from(bad)), undefined, bad);
  }
});
