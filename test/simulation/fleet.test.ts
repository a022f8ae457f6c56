// SPDX-License-Identifier: Apache-2.0
// A fleet in virtual time: mornings, orders and versions to those that poll, are away or stand behind caches (the slow half of invariant S4),
// roll-outs (S5).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOUR } from './fleet.ts';
import { comingToWork, halfOffline, morning, order, publication, rollout } from './scenarios.ts';

const size = { agents: 2_000, seed: 1 };

test('an order reaches agents that only poll within 75 seconds', async () => {
  const { half, most, all } = await order(size, false);
  assert.ok((half ?? Number.NaN) > 10, `50 % after ${half} s: these are not connected`);
  assert.ok((most ?? Number.NaN) < 75, `95 % after ${most} s`);
  assert.ok((all ?? Number.NaN) < 75, `all after ${all} s`);
});

test('an order reaches agents that are connected at once', async () => {
  const { all } = await order(size, true);
  assert.ok((all ?? Number.NaN) < 5, `all after ${all} s`);
});

test('half of a fleet that had no network gets order and version within a minute of its return, and is no herd', async () => {
  const { there, back, arrivals } = await halfOffline({ agents: 1_000, seed: 1 });
  assert.ok((there.all ?? Number.NaN) < 60, `those that were there: all after ${there.all} s`);
  assert.ok((back.all ?? Number.NaN) < 60, `those that came back: all after ${back.all} s`);
  assert.equal(there.wentBack + back.wentBack, 0);
  // Five hundred that come back within 30 s, each with a look, a report, a stream and an upload.
  assert.ok(arrivals.peak < 4 * (500 / 30) * 2, `${arrivals.peak}/s at the worst`);
});

test('through fifty caches that lag behind each other all get the newest, and none goes back', async () => {
  const { all, wentBack, late, arrivals, cached } = await publication({ agents: 2_000, seed: 1 }, { caches: 50 });
  assert.ok((all ?? Number.NaN) < 60, `all after ${all} s`);
  assert.equal(wentBack, 0);
  assert.ok(late > 0, 'no agent met a cache that was behind: nothing is proven');
  const [asked, kept] = [arrivals.total, cached?.total ?? 0];
  assert.ok(asked < kept, `${asked} requests at the server, ${kept} at the caches`);
});

test('machines that are switched on together after a night look over two minutes', async () => {
  const { arrivals, fresh } = await morning(size, 12 * HOUR, (random) => random() * 10_000);
  assert.ok(arrivals.ratio < 2, `${arrivals.peak}/s at the worst, ${arrivals.mean.toFixed(0)}/s on average`);
  assert.notEqual(fresh, undefined);
});

test('on a Monday every policy is fresh again as soon as its machine is on', async () => {
  const { arrivals, fresh } = await morning(size, 60 * HOUR, comingToWork);
  assert.ok((fresh ?? Number.NaN) < 2, `95 % after ${fresh} s`);
  // Spread by the people who come, not by us: as many requests as machines that start, and a few more.
  assert.ok(arrivals.peak < size.agents / 20, `${arrivals.peak}/s at the worst`);
});

test('a version goes from ring to ring by itself, and all have it in the end', async () => {
  const { state, running, minutes } = await rollout({ agents: 1_000, seed: 1 }, 0);
  assert.equal(state, 'active');
  assert.equal(running, 1);
  assert.ok(minutes > 15, `${minutes} minutes for three steps of five`);
});

test('a version that devices of the first ring refuse halts by itself, and the others never see it', async () => {
  const { state, reached, running } = await rollout({ agents: 2_000, seed: 1 }, 0.2);
  assert.equal(state, 'halted');
  assert.ok(reached > 0 && reached < 0.02, `${reached} of the devices ever ran it`);
  assert.equal(running, 0);
});
