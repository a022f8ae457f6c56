// SPDX-License-Identifier: Apache-2.0
// Sleep and set clocks, as the two clocks of each platform show them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import type { Clock } from '../../../contract/clock.ts';
import { watchTime } from './wake.ts';

const HOUR = 3_600_000;

function watched(clock: Clock) {
  const seen: string[] = [];
  const stop = watchTime({
    clock,
    onWake: (ms) => seen.push(`wake ${ms}`),
    onJump: (ms) => seen.push(`jump ${ms}`),
  });
  return { seen, stop };
}

test('time that passes as it should is not noticed', () => {
  const clock = new FakeClock();
  const { seen } = watched(clock);
  clock.advance(24 * HOUR);
  clock.jumpWall(29_000);
  clock.advance(5_000);
  clock.jumpWall(-29_000);
  clock.advance(5_000);
  assert.deepEqual(seen, []);
});

test('sleep during which the monotonic clock stands still is a wake and a jump, told once', () => {
  const clock = new FakeClock();
  const { seen } = watched(clock);
  clock.advance(7_000);
  clock.jumpWall(HOUR);
  clock.advance(60_000);
  assert.deepEqual(seen, [`jump ${HOUR}`, `wake ${HOUR}`]);
});

test('sleep during which both clocks run on is a wake and no jump', () => {
  const real = new FakeClock();
  let asleep = 0;
  // A clock whose timers do not run while it sleeps.
  const clock: Clock = {
    now: () => real.now() + asleep,
    monotonic: () => real.monotonic() + asleep,
    after: (ms, fn) => real.after(ms, fn),
    every: (ms, fn) => real.every(ms, fn),
  };
  const { seen } = watched(clock);
  real.advance(5_000);
  asleep = 30_000;
  real.advance(5_000);
  assert.deepEqual(seen, []);
  asleep += 30_001;
  real.advance(60_000);
  assert.deepEqual(seen, ['wake 30001']);
});

test('a clock that is set back is a jump and no wake', () => {
  const clock = new FakeClock();
  const { seen } = watched(clock);
  clock.jumpWall(-HOUR);
  clock.advance(60_000);
  assert.deepEqual(seen, [`jump ${-HOUR}`]);
});

test('nothing is told after the end', () => {
  const clock = new FakeClock();
  const { seen, stop } = watched(clock);
  stop();
  clock.jumpWall(HOUR);
  clock.advance(60_000);
  assert.deepEqual(seen, []);
  assert.equal(clock.pending, 0);
});
