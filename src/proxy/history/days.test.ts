// SPDX-License-Identifier: Apache-2.0
// Days of a calendar where clocks are changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastDays } from './days.ts';

const HOUR = 3_600_000;
const hoursOf = (days: readonly { readonly from: number }[]): number[] =>
  days.slice(1).map(({ from }, index) => (from - (days[index]?.from ?? 0)) / HOUR);

test('in UTC a day begins at midnight and has 24 hours; today is the last but one', () => {
  const days = lastDays(Date.UTC(2030, 0, 2, 13), 'UTC', 3);
  assert.deepEqual(
    days.map(({ date }) => date),
    ['2029-12-31', '2030-01-01', '2030-01-02', '2030-01-03'],
  );
  assert.equal(days[2]?.from, Date.UTC(2030, 0, 2));
  assert.deepEqual(hoursOf(days), [24, 24, 24]);
});

test('the first and the last instant of a day are of that day', () => {
  const midnight = Date.UTC(2030, 5, 9, 22);
  for (const [now, date] of [
    [midnight - 1, '2030-06-09'],
    [midnight, '2030-06-10'],
    [midnight + 24 * HOUR - 1, '2030-06-10'],
    [midnight + 24 * HOUR, '2030-06-11'],
  ] as const) {
    assert.equal(lastDays(now, 'Europe/Berlin', 7)[6]?.date, date);
  }
});

test('where clocks go forward a day has 23 hours, where they go back 25', () => {
  assert.deepEqual(hoursOf(lastDays(Date.UTC(2025, 2, 31, 12), 'Europe/Berlin', 3)), [24, 23, 24]);
  assert.deepEqual(hoursOf(lastDays(Date.UTC(2025, 9, 27, 12), 'Europe/Berlin', 3)), [24, 25, 24]);
});

test('a day without a midnight begins at one o’clock', () => {
  const days = lastDays(Date.UTC(2019, 8, 8, 20), 'America/Santiago', 2);
  assert.equal(days[1]?.date, '2019-09-08');
  assert.equal(days[1]?.from, Date.UTC(2019, 8, 8, 4), '00:00 was skipped: 01:00 in UTC-3');
  assert.deepEqual(hoursOf(days), [24, 23]);
});

test('a date that a place has left out has no length', () => {
  const days = lastDays(Date.UTC(2011, 11, 31, 12), 'Pacific/Apia', 3);
  assert.deepEqual(
    days.map(({ date }) => date),
    ['2011-12-30', '2011-12-31', '2012-01-01', '2012-01-02'],
  );
  assert.deepEqual(hoursOf(days), [0, 24, 24]);
});

test('offsets of half hours and the far ends of the world', () => {
  for (const [zone, offset] of [
    ['Asia/Kolkata', 5.5],
    ['Pacific/Kiritimati', 14],
    ['Etc/GMT+12', -12],
    ['Australia/Eucla', 8.75],
  ] as const) {
    const [today] = lastDays(Date.UTC(2030, 6, 1, 12), zone, 1);
    assert.equal((Date.parse(`${today?.date}T00:00:00Z`) - (today?.from ?? 0)) / HOUR, offset, zone);
  }
});
