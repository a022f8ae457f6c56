// SPDX-License-Identifier: Apache-2.0
// Invariant S6 in virtual time: agents that lost their server together do not come back together, and those that were asked for patience
// have it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOUR, SECOND } from './fleet.ts';
import { restart, retryAfter } from './scenarios.ts';

/** Peak of a second over the mean of the minute after. */
const HERD = 2;

for (const [agents, away] of [
  [10_000, 45],
  [3_000, 5],
  [3_000, 20],
] as const) {
  test(`${agents} agents whose server was away for ${away} s are no herd`, async () => {
    const { before, after, streams } = await restart({ agents, seed: 1 }, away * SECOND);
    assert.ok(after.ratio < HERD, `${after.peak}/s at the worst, ${after.mean.toFixed(0)}/s on average`);
    assert.ok(after.total > before.total, 'the streams came on top');
    assert.ok(streams > 0.6, `${streams} of the streams are open again`);
  });
}

test('after two hours away the agents return over minutes', async () => {
  const { before, after } = await restart({ agents: 1_000, seed: 1 }, 2 * HOUR);
  assert.ok(after.ratio < HERD, `${after.peak}/s at the worst, ${after.mean.toFixed(0)}/s on average`);
  assert.ok(after.peak < HERD * before.mean, `${after.peak}/s at the worst, ${before.mean.toFixed(0)}/s in peace`);
});

test('Retry-After is obeyed by looks, reports, streams and uploads, and brings no herd itself', async () => {
  const { impatient, back } = await retryAfter({ agents: 2_000, seed: 1 }, 120);
  assert.equal(impatient, 0);
  assert.ok(back.ratio < HERD, `${back.peak}/s at the worst, ${back.mean.toFixed(0)}/s on average`);
});

test('the same seed gives the same course, another one another', async () => {
  const course = async (seed: number) => (await restart({ agents: 200, seed }, 10 * SECOND)).seconds;
  const first = await course(7);
  assert.deepEqual(await course(7), first);
  assert.notDeepEqual(await course(8), first);
});
