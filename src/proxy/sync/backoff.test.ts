// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../../test/fakes/random.ts';
import { firstPollDelay, nudgeDelay, pollDelay, RECONNECT_MS, retryAfterDelay, retryDelay } from './backoff.ts';

const NOW = Date.UTC(2030, 0, 1, 12);
const least = () => 0;
const middle = () => 0.5;
/** The largest that a random source gives, near enough. */
const most = () => 1;

test('the limit of a retry doubles from one second to five minutes, and chance takes any part of it', () => {
  const limits = [0, 1, 2, 3, 8, 9, 50, 2000, Number.POSITIVE_INFINITY].map((attempt) => retryDelay(attempt, most));
  assert.deepEqual(limits, [1000, 2000, 4000, 8000, 256_000, 300_000, 300_000, 300_000, 300_000]);
  assert.equal(retryDelay(3, least), 0);
  assert.equal(retryDelay(3, middle), 4000);
  assert.equal(retryDelay(0, most, RECONNECT_MS), 60_000);
  assert.equal(retryDelay(9, most, RECONNECT_MS), 300_000);
});

test('a poll comes within a fifth of its interval', () => {
  assert.deepEqual(
    [least, middle, most].map((random) => Math.round(pollDelay(60_000, random))),
    [48_000, 60_000, 72_000],
  );
});

test('the first poll after boot waits up to two minutes, but not when the policy is no longer fresh', () => {
  assert.deepEqual([firstPollDelay(true, least), firstPollDelay(true, most)], [0, 120_000]);
  assert.equal(firstPollDelay(false, most), 0);
});

test('a nudge is followed within the spread that the server set', () => {
  assert.deepEqual([nudgeDelay(30_000, middle), nudgeDelay(30_000, most), nudgeDelay(0, most)], [15_000, 30_000, 0]);
});

test('Retry-After is read as seconds or as a date, and at most an hour', () => {
  const table: readonly (readonly [header: string | undefined, ms: number | undefined])[] = [
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7000],
    ['3600', 3_600_000],
    ['3601', 3_600_000],
    ['9'.repeat(400), 3_600_000],
    ['Tue, 01 Jan 2030 12:01:00 GMT', 60_000],
    ['Tue, 01 Jan 2030 11:00:00 GMT', 0],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
    ['Sat, 01 Jan 2050 00:00:00 GMT', 3_600_000],
    [undefined, undefined],
    ['', undefined],
    ['-1', undefined],
    ['+1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['soon', undefined],
    ['Invalid Date', undefined],
    ['1, 2', undefined],
    ['2030-01-01T12:01:00Z', undefined],
    ['Wed, 01 Jan 2030 12:01:00 GMT', undefined],
    ['Sat, 30 Feb 2030 12:01:00 GMT', undefined],
    ['Tue, 01 Jan 2030 12:01:00 +0100', undefined],
    ['Tue, 01 Jan 2030 12:01:00', undefined],
    ['Tuesday, 01-Jan-30 12:01:00 GMT', undefined],
    ['Tue Jan  1 12:01:00 2030', undefined],
  ];
  for (const [header, ms] of table) assert.equal(retryAfterDelay(header, NOW, middle), ms, header);
});

test('Retry-After is obeyed give or take a fifth, also at its cap', () => {
  for (const [header, ms] of [
    ['100', 100_000],
    ['86400', 3_600_000],
  ] as const) {
    assert.equal(Math.round(retryAfterDelay(header, NOW, least) ?? 0), ms * 0.8);
    assert.equal(Math.round(retryAfterDelay(header, NOW, most) ?? 0), ms * 1.2);
  }
});

const AGENTS = 10_000;

/** The most arrivals in a second, in units of the mean of a herd that is spread evenly over a minute. */
function peak(arrivals: readonly number[]): number {
  const seconds = new Map<number, number>();
  for (const at of arrivals) seconds.set(Math.floor(at / 1000), (seconds.get(Math.floor(at / 1000)) ?? 0) + 1);
  return Math.max(...seconds.values()) / (AGENTS / 60);
}

// The mean is 167 a second with a deviation of 13: twice the mean is 13 deviations away, and the seeds are fixed.
test('10,000 agents that lost their server together come back without a herd, however long it was away', () => {
  for (const [seed, awayMs] of [0, 5000, 30_000, 60_000, 90_000, 300_000, 1_800_000].entries()) {
    const random = seeded(seed + 1);
    const arrivals: number[] = [];
    for (let agent = 0; agent < AGENTS; agent++) {
      let at = 0;
      for (let attempt = 0; attempt === 0 || at < awayMs; attempt++) {
        at += retryDelay(attempt, random, RECONNECT_MS);
        arrivals.push(at);
      }
    }
    assert.ok(peak(arrivals) < 2, `away for ${awayMs} ms: ${peak(arrivals)}`);
  }
});

test('10,000 machines that are switched on together make no herd, nor do their next polls', () => {
  const random = seeded(7);
  const arrivals: number[] = [];
  for (let agent = 0; agent < AGENTS; agent++) {
    let at = firstPollDelay(true, random);
    for (let poll = 0; poll < 10; poll++) {
      arrivals.push(at);
      at += pollDelay(60_000, random);
    }
  }
  assert.ok(peak(arrivals) < 2, String(peak(arrivals)));
});

test('10,000 agents that are told to wait ten minutes come back without a herd', () => {
  const random = seeded(8);
  const arrivals = Array.from({ length: AGENTS }, () => retryAfterDelay('600', NOW, random) ?? 0);
  assert.ok(Math.min(...arrivals) >= 480_000);
  assert.ok(peak(arrivals) < 2, String(peak(arrivals)));
});
