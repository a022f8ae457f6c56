// SPDX-License-Identifier: Apache-2.0
// Which of two versions is the older one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { olderOf } from './versions.ts';

test('the older side is told by the numbers of both versions', () => {
  assert.equal(olderOf('1.2.3', '1.10.0'), 'tray');
  assert.equal(olderOf('2.0.0', '1.99.99'), 'daemon');
  assert.equal(olderOf('1.0.0', '1.0.0'), 'unknown');
  assert.equal(olderOf('1.0.0-beta', '1.0.0'), 'unknown');
  assert.equal(olderOf('1.0', 'x'.repeat(64)), 'unknown');
});
