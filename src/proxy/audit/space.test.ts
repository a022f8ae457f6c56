// SPDX-License-Identifier: Apache-2.0
// How much of a disk the log may take.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectiveCap } from './space.ts';

const MB = 2 ** 20;

test('the cap is what is configured, a twentieth of what is free, and never less than 16 MB', () => {
  assert.equal(effectiveCap(512 * MB, 100_000 * MB, 0), 512 * MB);
  assert.equal(effectiveCap(512 * MB, 1_000 * MB, 1_000 * MB), 100 * MB);
  assert.equal(effectiveCap(512 * MB, 10 * MB, 0), 16 * MB);
  assert.equal(effectiveCap(512 * MB, Number.POSITIVE_INFINITY, 0), 512 * MB);
});

test('the cap is whole bytes, whatever is free: the state of the local API takes no others', () => {
  assert.equal(effectiveCap(512 * MB, 1_000 * MB + 7, 0), 50 * MB);
});
