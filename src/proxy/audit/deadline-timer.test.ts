// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { DeadlineTimer } from './deadline-timer.ts';

test('runs at each deadline in turn, and not again when none is left', () => {
  const clock = new FakeClock();
  const deadlines = [10, 30].map((ms) => clock.monotonic() + ms);
  const ran: number[] = [];
  const timer = new DeadlineTimer(
    clock,
    () => deadlines[0],
    () => {
      deadlines.shift();
      ran.push(clock.monotonic());
    },
  );
  const start = clock.monotonic();
  timer.arm();
  timer.arm();
  clock.advance(9);
  assert.deepEqual(ran, []);
  clock.advance(100);
  assert.deepEqual(
    ran.map((at) => at - start),
    [10, 30],
  );
  timer.arm();
  clock.advance(100);
  assert.equal(ran.length, 2);
});
