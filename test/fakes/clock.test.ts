// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from './clock.ts';

test('timers run in order of due time, then of start', () => {
  const clock = new FakeClock();
  const ran: string[] = [];
  clock.after(20, () => ran.push('20'));
  clock.after(10, () => ran.push('10a'));
  clock.after(10, () => ran.push('10b'));
  clock.advance(9);
  assert.deepEqual(ran, []);
  clock.advance(11);
  assert.deepEqual(ran, ['10a', '10b', '20']);
  assert.equal(clock.pending, 0);
});

test('a timer sees the time at which it was due, and may start others within the same advance', () => {
  const clock = new FakeClock(1_000_000);
  const seen: number[] = [];
  clock.after(10, () => {
    seen.push(clock.monotonic(), clock.now());
    clock.after(5, () => seen.push(clock.monotonic()));
  });
  clock.advance(100);
  assert.deepEqual(seen, [10, 1_000_010, 15]);
  assert.equal(clock.monotonic(), 100);
});

test('every repeats until cleared, clear and refresh hold', () => {
  const clock = new FakeClock();
  let ticks = 0;
  const repeating = clock.every(10, () => {
    ticks += 1;
  });
  clock.advance(35);
  assert.equal(ticks, 3);
  repeating.clear();
  clock.advance(100);
  assert.equal(ticks, 3);

  let ran = 0;
  const once = clock.after(10, () => {
    ran += 1;
  });
  clock.advance(9);
  once.refresh();
  clock.advance(9);
  assert.equal(ran, 0);
  clock.advance(1);
  assert.equal(ran, 1);
  once.refresh();
  clock.advance(10);
  assert.equal(ran, 2, 'a refreshed timer runs again');
});

test('advanceAsync lets promise chains between timers settle', async () => {
  const clock = new FakeClock();
  const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  const ran: number[] = [];
  const work = (async () => {
    for (let i = 0; i < 3; i += 1) {
      await wait(10);
      ran.push(clock.monotonic());
    }
  })();
  await clock.advanceAsync(30);
  await work;
  assert.deepEqual(ran, [10, 20, 30]);
});

test('jumpWall moves the wall clock and nothing else', () => {
  const clock = new FakeClock(5000);
  let ran = false;
  clock.after(10, () => {
    ran = true;
  });
  clock.jumpWall(-4000);
  assert.equal(clock.now(), 1000);
  assert.equal(clock.monotonic(), 0);
  assert.equal(ran, false);
});
