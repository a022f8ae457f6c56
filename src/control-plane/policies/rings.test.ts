// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { RINGS } from '../../contract/sync/rings.ts';
import { ringOf } from './rings.ts';

const KEY = Buffer.alloc(32, 1);
const device = (index: number) => `d-${createHash('sha256').update(String(index)).digest('hex').slice(0, 32)}`;

test('devices are dealt into the rings by their shares', () => {
  const devices = 20_000;
  const counts = new Map<string, number>();
  for (let index = 0; index < devices; index++) {
    const ring = ringOf(KEY, device(index));
    counts.set(ring, (counts.get(ring) ?? 0) + 1);
  }
  let below = 0;
  for (const { id, upto } of RINGS) {
    const share = (upto - below) / 100;
    below = upto;
    // Four standard deviations.
    const allowed = 4 * Math.sqrt(devices * share * (1 - share));
    const found = counts.get(id) ?? 0;
    assert.ok(Math.abs(found - devices * share) <= allowed, `${id}: ${found} of ${devices * share}`);
  }
});

test('a device stays in its ring, and another key deals anew', () => {
  const all = Array.from({ length: 500 }, (_, index) => device(index));
  const first = all.map((id) => ringOf(KEY, id));
  assert.deepEqual(
    all.map((id) => ringOf(KEY, id)),
    first,
  );
  assert.notDeepEqual(
    all.map((id) => ringOf(Buffer.alloc(32, 2), id)),
    first,
  );
});

test('a change of the draw would be noticed', () => {
  // HMAC-SHA-256, its first 48 bits, modulo 10,000: computed elsewhere.
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((index) => ringOf(KEY, device(index))),
    ['r100', 'r100', 'r50', 'r50', 'r100', 'r100'],
  );
});
