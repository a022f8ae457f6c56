// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROVIDER_TUNING } from '../policy/tuning.ts';
import {
  advance,
  type Breaker,
  CLOSED,
  claim,
  fail,
  forgive,
  halfOpen,
  isSuspect,
  release,
  restart,
  share,
  succeed,
  trip,
  wake,
} from './breaker.ts';

const T = PROVIDER_TUNING.breaker;
const down = (breaker: Breaker, now: number, { weight = 1, claimed = false, began = now } = {}): Breaker =>
  fail(breaker, T, now, { why: 'transient', weight, began, claimed }, 0.5);
const up = (breaker: Breaker, now: number, claimed = false): Breaker => succeed(breaker, T, now, claimed);

function claimed(breaker: Breaker, now: number): Breaker {
  const next = claim(breaker, now);
  assert.ok(next !== undefined, 'the turn was taken');
  return next;
}

function opened(now = 0): Breaker {
  return down(down(down(CLOSED, now), now), now);
}

test('three failures in a row open it, and a success in between does not let them add up', () => {
  assert.equal(down(down(CLOSED, 0), 1).state, 'closed');
  assert.equal(down(up(down(down(CLOSED, 0), 1), 2), 3).state, 'closed');
  assert.deepEqual([opened().state, opened().until], ['open', 5_000]);
});

test('a hang counts as two', () => {
  assert.equal(down(down(CLOSED, 0, { weight: 2 }), 1).state, 'open');
});

test('half of the last ten open it without a row, once there are five', () => {
  let breaker = down(up(CLOSED, 0), 1);
  breaker = down(up(breaker, 2), 3);
  assert.equal(breaker.state, 'closed');
  breaker = up(breaker, 4);
  assert.equal(down(breaker, 5).state, 'open');
});

test('what is older than the window is forgotten', () => {
  const old = down(down(CLOSED, 0), 0);
  assert.equal(down(old, T.windowMs + 1).state, 'closed');
});

test('when its time has come one call has the turn, and nobody else', () => {
  const half = claimed(opened(), 5_000);
  assert.equal(half.state, 'half-open');
  assert.equal(claim(half, 5_001), undefined);
  assert.equal(claim(release(half, 5_002), 5_003)?.probing, true);
});

test('each failed probe doubles the open time up to the cap, which jitter alone exceeds', () => {
  let breaker = opened();
  const times: number[] = [];
  for (let count = 0; count < 8; count++) {
    const now = breaker.until;
    breaker = down(claimed(breaker, now), now, { claimed: true });
    times.push(breaker.until - now);
  }
  assert.deepEqual(times, [10_000, 20_000, 40_000, 60_000, 60_000, 60_000, 60_000, 60_000]);
  const late = fail(CLOSED, { ...T, failures: 1 }, 0, { why: 'hang', weight: 1, began: 0, claimed: false }, 1);
  assert.equal(late.until, 6_000);
});

test('a good probe closes it by way of a ramp', () => {
  const breaker = up(claimed(opened(), 5_000), 5_000, true);
  assert.deepEqual([breaker.state, breaker.probing], ['ramping', false]);
  assert.deepEqual(
    [5_000, 19_999, 20_000, 34_999, 35_000].map((now) => share(breaker, now)),
    [0.25, 0.25, 0.5, 0.5, 1],
  );
  assert.equal(advance(breaker, 35_000).state, 'closed');
});

test('one failure within the ramp opens it again, for longer; healthy minutes take that back', () => {
  const ramping = up(claimed(opened(), 5_000), 5_000, true);
  assert.equal(down(ramping, 6_000).until, 16_000);
  const later = 5_000 + T.heal;
  const again = down(down(down(ramping, later), later), later);
  assert.equal(again.until, later + 5_000);
});

test('what began before the state counts for nothing', () => {
  const open = opened(1_000);
  assert.deepEqual(down(open, 2_000), open);
  assert.deepEqual(up(open, 2_000), open);
  const ramping = up(claimed(open, 6_000), 6_000, true);
  assert.equal(down(ramping, 7_000, { began: 5_999 }).state, 'ramping');
});

test('the last resort may try early; its failure neither grows the time nor brings the deadline nearer', () => {
  const open = down(claimed(opened(), 5_000), 5_000, { claimed: true });
  const early = down(claimed(open, 6_000), 6_000, { claimed: true });
  assert.deepEqual([early.growth, early.until, early.probing], [open.growth, 16_000, false]);
  assert.equal(up(claimed(open, 6_000), 6_000, true).state, 'ramping');
});

test('a known time opens it at once and never shortens a longer one', () => {
  const open = trip(CLOSED, 0, 900_000, 'model-missing', false);
  assert.deepEqual([open.state, open.until, open.why], ['open', 900_000, 'model-missing']);
  assert.equal(trip(open, 10, 20, 'model-missing', false).until, 900_000);
  assert.equal(trip(claimed(open, 5), 10, 20, 'model-missing', false).probing, true);
});

test('waking up makes what is open half-open and forgets what was counted', () => {
  assert.equal(wake(opened(), 100).state, 'half-open');
  const closed = wake(down(down(CLOSED, 0), 0), 100);
  assert.equal(down(closed, 101).state, 'closed');
  assert.equal(down(down(down(closed, 101, { began: 99 }), 101, { began: 99 }), 101, { began: 99 }).state, 'closed');
  assert.equal(halfOpen(CLOSED, 5), CLOSED);
});

test('the trouble of this machine is taken back', () => {
  const own = forgive(opened(1_000), 2_000, 0);
  assert.equal(own.state, 'closed');
  assert.equal(forgive(opened(1_000), 2_000, 1_500).state, 'open');
  assert.equal(down(forgive(down(down(CLOSED, 10), 10), 20, 5), 30).state, 'closed');
  const reopened = down(claimed(opened(), 5_000), 5_000, { claimed: true });
  assert.deepEqual([forgive(reopened, 6_000, 4_000).state, forgive(reopened, 6_000, 4_000).growth], ['half-open', 1]);
});

test('what was under way while the network was gone is not counted', () => {
  const back = restart(CLOSED, 100);
  const late = { began: 50 };
  assert.equal(down(down(down(back, 110, late), 110, late), 110, late).state, 'closed');
});

test('it is suspect after one failure, and no longer after a success', () => {
  assert.equal(isSuspect(CLOSED, 0), false);
  assert.equal(isSuspect(down(CLOSED, 0), 0), true);
  assert.equal(isSuspect(up(down(CLOSED, 0), 1), 1), false);
  assert.equal(isSuspect(opened(), 0), true);
});

test('no ramp means closed at once', () => {
  const breaker = succeed(claimed(opened(), 5_000), { ...T, ramp: 0 }, 5_000, true);
  assert.equal(breaker.state, 'closed');
});
