// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { seededBelow } from '../../../test/fakes/random.ts';
import {
  createdAt,
  fromPersisted,
  heard,
  missed,
  observe,
  readClock,
  startTime,
  type TrustedTime,
  toPersisted,
  trustedNow,
  withServerNow,
} from './trusted-time.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
const BUILD = Date.UTC(2026, 0, 1);
const T0 = Date.UTC(2030, 0, 1);

function given(value: TrustedTime | undefined): TrustedTime {
  assert.ok(value !== undefined, 'refused');
  return value;
}

/** The server spoke at T0, by the given clock. */
function spoken(clock: FakeClock): TrustedTime {
  const state = startTime(readClock(clock), BUILD);
  return given(heard(state, { issued: T0, expires: T0 + DAY }, readClock(clock), BUILD));
}

/** A new process, with JSON in between; its monotonic clock starts anew. */
function restarted(state: TrustedTime, clock: FakeClock, offMs = 0): { state: TrustedTime; clock: FakeClock } {
  const stored: unknown = JSON.parse(JSON.stringify(toPersisted(state, readClock(clock))));
  const next = new FakeClock(clock.now() + offMs);
  return { state: given(fromPersisted(stored, readClock(next), BUILD)), clock: next };
}

test('before the server has spoken the wall clock counts, but never before the build', () => {
  const clock = new FakeClock(T0);
  const state = startTime(readClock(clock), BUILD);
  clock.advance(DAY);
  assert.equal(trustedNow(state, readClock(clock)), T0 + DAY);
  clock.jumpWall(DAY);
  assert.equal(trustedNow(state, readClock(clock)), T0 + 2 * DAY);

  const dead = new FakeClock(0);
  const young = startTime(readClock(dead), BUILD);
  dead.advance(HOUR);
  assert.equal(trustedNow(young, readClock(dead)), BUILD + HOUR);
});

test('the first word of the server takes back what a wrong wall clock claimed', () => {
  const clock = new FakeClock(T0 + YEAR);
  const state = spoken(clock);
  assert.equal(trustedNow(state, readClock(clock)), T0);
  clock.advance(HOUR);
  assert.equal(trustedNow(state, readClock(clock)), T0 + HOUR);
  // Wrong but steady, so it is no jump for the next process either.
  const next = restarted(state, clock, DAY);
  assert.equal(trustedNow(next.state, readClock(next.clock)), T0 + HOUR + DAY);
});

test('a time of the server before the build is refused', () => {
  const clock = new FakeClock(T0);
  const state = startTime(readClock(clock), BUILD);
  assert.equal(heard(state, { issued: BUILD - 1, expires: T0 + DAY }, readClock(clock), BUILD), undefined);
  assert.ok(heard(state, { issued: BUILD, expires: T0 + DAY }, readClock(clock), BUILD) !== undefined);
  for (const issued of [Number.NaN, 1.5 + T0, Number.POSITIVE_INFINITY, 9e15]) {
    assert.equal(heard(state, { issued, expires: T0 + DAY }, readClock(clock), BUILD), undefined, String(issued));
  }
});

test('time goes on after the wall clock was set back, from the latest that was trusted', () => {
  const clock = new FakeClock(T0);
  let state = spoken(clock);
  // Sleep that the monotonic clock does not count, and a clock put back over it.
  clock.jumpWall(3 * DAY);
  state = observe(state, readClock(clock));
  clock.jumpWall(-3 * DAY);
  clock.advance(HOUR);
  assert.equal(trustedNow(state, readClock(clock)), T0 + 3 * DAY + HOUR);
  const next = restarted(state, clock);
  next.clock.advance(HOUR);
  assert.equal(trustedNow(next.state, readClock(next.clock)), T0 + 3 * DAY + 2 * HOUR);
});

test('a wall clock set to and fro does not add up', () => {
  const clock = new FakeClock(T0);
  let state = spoken(clock);
  for (let turn = 0; turn < 50; turn++) {
    for (const jump of [HOUR, -HOUR]) {
      clock.jumpWall(jump);
      state = observe(state, readClock(clock));
    }
  }
  assert.equal(trustedNow(state, readClock(clock)), T0 + HOUR);
});

test('a newer document takes a jump back, but never what the monotonic clock measured', () => {
  const clock = new FakeClock(T0);
  let state = spoken(clock);
  clock.jumpWall(YEAR);
  clock.advance(2 * HOUR);
  state = observe(state, readClock(clock));
  assert.equal(trustedNow(state, readClock(clock)), T0 + YEAR + 2 * HOUR);
  // Signed an hour ago.
  const newer = { issued: T0 + HOUR, expires: T0 + HOUR + DAY };
  state = given(heard(state, newer, readClock(clock), BUILD));
  assert.equal(trustedNow(state, readClock(clock)), T0 + 2 * HOUR);
  const next = restarted(state, clock, HOUR);
  assert.equal(trustedNow(next.state, readClock(next.clock)), T0 + 3 * HOUR);
});

test('what was measured before a restart is not taken back after it', () => {
  const clock = new FakeClock(T0);
  const state = spoken(clock);
  clock.advance(5 * DAY);
  const next = restarted(state, clock);
  const late = { issued: T0 + HOUR, expires: T0 + HOUR + DAY };
  const after = given(heard(next.state, late, readClock(next.clock), BUILD));
  assert.equal(trustedNow(after, readClock(next.clock)), T0 + 5 * DAY);
  assert.equal(after.failedAt, T0 + 5 * DAY, 'a document that had expired for certain is no contact');
});

test('a repeated document takes nothing back, so that it cannot hide weeks without power', () => {
  const known = { issued: T0, expires: T0 + DAY };
  const clock = new FakeClock(T0);
  const next = restarted(spoken(clock), clock, 30 * DAY);
  const repeated = given(heard(next.state, known, readClock(next.clock), BUILD));
  assert.equal(trustedNow(repeated, readClock(next.clock)), T0 + 30 * DAY);
  assert.equal(repeated.failedAt, undefined, 'it may be the jump that is wrong');
  next.clock.advance(DAY);
  const again = given(heard(repeated, known, readClock(next.clock), BUILD));
  assert.equal(again.failedAt, T0 + 31 * DAY, 'it has expired by the monotonic clock alone');
});

test('a newer document that has expired for certain takes nothing back either', () => {
  const clock = new FakeClock(T0);
  const next = restarted(spoken(clock), clock, 30 * DAY);
  next.clock.advance(2 * DAY);
  const withheld = { issued: T0 + HOUR, expires: T0 + HOUR + DAY };
  const state = given(heard(next.state, withheld, readClock(next.clock), BUILD));
  assert.equal(trustedNow(state, readClock(next.clock)), T0 + 32 * DAY);
  assert.equal(state.failedAt, T0 + 32 * DAY);
});

test('an answer clears a failure, also with a document of another ring that is a little older', () => {
  const clock = new FakeClock(T0);
  const state = spoken(clock);
  clock.advance(HOUR);
  const failed = missed(state, readClock(clock));
  assert.equal(failed.failedAt, T0 + HOUR);
  for (const issued of [T0 - HOUR, T0, T0 + HOUR]) {
    const after = given(heard(failed, { issued, expires: issued + DAY }, readClock(clock), BUILD));
    assert.equal(after.failedAt, undefined);
    assert.equal(trustedNow(after, readClock(clock)), T0 + HOUR);
  }
});

test('however the wall clock is set back, time passes as measured and never overtakes the real one', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const below = seededBelow(seed);
    let clock = new FakeClock(T0);
    let state = spoken(clock);
    let real = T0;
    for (let step = 0; step < 200; step++) {
      const before = trustedNow(state, readClock(clock));
      const ms = 1 + below(3 * DAY);
      let measured = 0;
      const kind = below(5);
      if (kind === 0) clock.jumpWall(-ms);
      if (kind === 1) clock.jumpWall(ms);
      if (kind === 2 || kind === 3) {
        clock.advance(ms);
        measured = ms;
      }
      if (kind === 4) ({ state, clock } = restarted(state, clock, ms));
      if (kind !== 0) real += ms;
      state = observe(state, readClock(clock));
      const now = trustedNow(state, readClock(clock));
      assert.ok(now >= before + measured, `seed ${seed}, step ${step}: stood still`);
      assert.ok(now <= real, `seed ${seed}, step ${step}: overtook`);
    }
  }
});

test('fractions of the monotonic clock are not lost, and what is stored can be read', () => {
  const clock = new FakeClock(T0);
  let state = spoken(clock);
  clock.jumpWall(-HOUR);
  for (let count = 0; count < 1000; count++) {
    clock.advance(0.7);
    state = observe(state, readClock(clock));
  }
  assert.ok(Math.abs(trustedNow(state, readClock(clock)) - (T0 + 700)) <= 1);
  state = missed(state, readClock(clock));
  const next = restarted(state, clock);
  assert.ok(Math.abs(trustedNow(next.state, readClock(next.clock)) - (T0 + 700)) <= 2);
  assert.equal(next.state.failedAt, state.failedAt);
});

test('a signed request is dated by the wall clock until the server says otherwise, and across restarts', () => {
  const clock = new FakeClock(T0 - YEAR);
  let state = startTime(readClock(clock), BUILD);
  assert.equal(createdAt(state, clock.now()), (T0 - YEAR) / 1000);
  state = given(withServerNow(state, T0 + 999, readClock(clock), BUILD));
  assert.equal(createdAt(state, clock.now()), T0 / 1000);
  clock.advance(HOUR);
  assert.equal(createdAt(state, clock.now()), (T0 + HOUR) / 1000);
  const next = restarted(state, clock, DAY);
  assert.equal(createdAt(next.state, next.clock.now()), (T0 + HOUR + DAY) / 1000);
});

test('the time in a refusal is not signed: it dates requests only, and not before the build', () => {
  const clock = new FakeClock(T0);
  const state = spoken(clock);
  const told = given(withServerNow(state, T0 + YEAR, readClock(clock), BUILD));
  assert.equal(trustedNow(told, readClock(clock)), T0);
  for (const now of [BUILD - 1, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300]) {
    assert.equal(withServerNow(state, now, readClock(clock), BUILD), undefined, String(now));
  }
});

test('a damaged file of the time is refused whole', () => {
  const clock = new FakeClock(T0);
  const good = toPersisted(missed(spoken(clock), readClock(clock)), readClock(clock));
  const read = (value: unknown) => fromPersisted(value, readClock(clock), BUILD);
  assert.ok(read(good) !== undefined);
  const server = good.server;
  const bad: unknown[] = [
    undefined,
    null,
    [],
    'x',
    {},
    { ...good, v: 2 },
    { ...good, more: 1 },
    { ...good, highWater: '1' },
    { ...good, highWater: -1 },
    { ...good, highWater: 1.5 },
    { ...good, highWater: 9e15 },
    { ...good, highWater: T0 - 1 },
    { ...good, server: null },
    { ...good, server: [] },
    { ...good, server: {} },
    { ...good, server: { ...server, said: -1 } },
    { ...good, server: { ...server, said: T0 + 1 } },
    { ...good, server: { ...server, proven: T0 + 1 } },
    { ...good, server: { ...server, ahead: 1e300 } },
    { ...good, server: { ...server, ahead: null } },
    { ...good, server: { ...server, more: 1 } },
    { ...good, failedAt: null },
    { ...good, failedAt: -1 },
    { ...good, requestDelta: undefined },
    { ...good, requestDelta: 1e300 },
    JSON.parse(`{"__proto__": ${JSON.stringify(good)}}`),
    JSON.parse('{"constructor": 1, "toString": 2}'),
  ];
  for (const value of bad) assert.equal(read(value), undefined, JSON.stringify(value));
});

test('a file that is older than the build does not put time before it', () => {
  const clock = new FakeClock(0);
  const old = { v: 1, highWater: 5, server: { said: 5, proven: 5, ahead: 5 }, requestDelta: 0 };
  assert.equal(trustedNow(given(fromPersisted(old, readClock(clock), BUILD)), readClock(clock)), BUILD);
});
