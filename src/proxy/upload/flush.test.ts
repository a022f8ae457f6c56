// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intentBody, outcomeBody, refusalBody } from '../../../test/fakes/audit-rows.ts';
import { seeded } from '../../../test/fakes/random.ts';
import {
  atOnce,
  type Flush,
  hinted,
  IDLE,
  isUrgent,
  rowsCame,
  runBegan,
  runFailed,
  runSucceeded,
  runsAt,
} from './flush.ts';

const RULES = { flushSeconds: 30, flushRows: 100 };
const half = () => 0.5;
const come = (flush: Flush, count: number, now: number) => rowsCame(flush, count, now, RULES, half);

test('the first unsent row draws the time of the run, later ones do not change it', () => {
  const first = come(IDLE, 1, 1000);
  assert.equal(runsAt(first), 16_000);
  assert.equal(runsAt(come(first, 1, 9000)), 16_000);
});

test('the time is drawn from all of the flush time', () => {
  const random = seeded(1);
  const waits = Array.from({ length: 1000 }, () => runsAt(rowsCame(IDLE, 1, 0, RULES, random)) ?? -1);
  assert.ok(Math.min(...waits) >= 0 && Math.min(...waits) < 300);
  assert.ok(Math.max(...waits) < 30_000 && Math.max(...waits) > 29_700);
});

test('so many rows do not wait, but runs keep apart', () => {
  assert.equal(runsAt(come(come(IDLE, 99, 0), 0, 0)), 15_000);
  const many = come(come(IDLE, 99, 0), 1, 500);
  assert.equal(runsAt(many), 500);
  const next = come(runBegan(many, 0, 500, RULES, half), 100, 600);
  assert.equal(runsAt(next), 2500);
});

test('a storm of urgent rows is sent every two seconds', () => {
  let flush = IDLE;
  const runs: number[] = [];
  for (let now = 0; now < 10_000; now += 10) {
    flush = atOnce(come(flush, 1, now), now);
    if ((runsAt(flush) ?? Number.POSITIVE_INFINITY) > now) continue;
    runs.push(now);
    flush = runBegan(flush, 0, now, RULES, half);
  }
  assert.deepEqual(runs, [0, 2000, 4000, 6000, 8000]);
});

test('rows that a run could not send yet want the next one', () => {
  assert.equal(runsAt(runBegan(come(IDLE, 5, 0), 0, 100, RULES, half)), undefined);
  const left = runBegan(come(IDLE, 5, 0), 2, 100, RULES, half);
  assert.deepEqual([left.rows, runsAt(left)], [2, 15_100]);
});

test('a failure is waited out with full jitter, and no row shortens that', () => {
  const limits = [60_000, 120_000, 240_000, 300_000];
  let flush = come(IDLE, 1, 0);
  for (const limit of limits) {
    flush = runFailed(runBegan(flush, 0, 0, RULES, half), undefined, 0, half);
    assert.equal(runsAt(flush), limit / 2);
    assert.equal(runsAt(atOnce(come(flush, 500, 0), 0)), limit / 2);
  }
  assert.equal(runsAt(runFailed({ ...flush, failures: 60 }, undefined, 0, () => 0.999)), 0.999 * 300_000);
  assert.equal(runSucceeded(flush).failures, 0);
});

test('a hint cuts the wait after a failure short, but not what the server asked for', () => {
  const failed = runFailed(come(IDLE, 1, 0), undefined, 0, half);
  assert.equal(runsAt(hinted(failed, 100)), 100);
  const asked = runFailed(come(IDLE, 1, 0), 60_000, 0, half);
  assert.equal(runsAt(hinted(asked, 100)), 60_000);
  assert.equal(runsAt(hinted(IDLE, 7)), 7);
});

test('refusals, orders and overrides are urgent', () => {
  assert.ok(isUrgent(refusalBody('r')));
  for (const event of ['order', 'order-ended', 'override', 'override-ended', 'override-refused'] as const) {
    assert.ok(isUrgent({ kind: 'event', event }), event);
  }
  assert.ok(!isUrgent({ kind: 'event', event: 'started' }));
  assert.ok(!isUrgent(intentBody('r')) && !isUrgent(outcomeBody('r')));
});
