// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queueFileName } from './folder.ts';
import { expiredFiles } from './prune.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2030, 0, 31);
/** One a day, the newest of today. */
const files = [5, 4, 3, 2, 1, 0].map((age) => queueFileName('/audit', NOW - age * DAY, String(age).repeat(16)));
const expired = (unsentFrom?: string) =>
  expiredFiles(files, { retentionDays: 2, unsentFrom }, NOW).map(({ epoch }) => epoch[0]);

test('files whose last row is old enough may go', () => {
  assert.deepEqual(expired(), ['5', '4']);
});

test('what is not wholly uploaded stays with all behind it, however old', () => {
  assert.deepEqual(expired('4'.repeat(16)), ['5']);
  assert.deepEqual(expired('5'.repeat(16)), []);
  assert.deepEqual(expired('0'.repeat(16)), ['5', '4']);
});

test('while nobody knows what is uploaded, all stays', () => {
  assert.deepEqual(expired(''), []);
  assert.deepEqual(expired('f'.repeat(16)), []);
});
