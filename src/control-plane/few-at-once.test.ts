// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fewAtOnce } from './few-at-once.ts';

test('a few work, a few wait in order, and whoever comes then is refused', async () => {
  const few = fewAtOnce({ atOnce: 2, waiting: 2, refusal: 'later' });
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const run = (n: number) =>
    few.run(async () => {
      begun.push(n);
      await new Promise<void>((resolve) => ends.push(resolve));
      return n;
    });
  const four = [1, 2, 3, 4].map(run);
  await assert.rejects(run(5), { why: 'rate', message: 'later' });
  assert.deepEqual(begun, [1, 2]);
  ends[1]?.();
  assert.equal(await four[1], 2);
  assert.deepEqual(begun, [1, 2, 3]);
  const sixth = run(6);
  ends[0]?.();
  await four[0];
  ends[2]?.();
  await four[2];
  for (const end of ends) end();
  await four[3];
  for (const end of ends) end();
  assert.equal(await sixth, 6);
  assert.deepEqual(begun, [1, 2, 3, 4, 6]);
});

test('work that fails leaves its place to the next', async () => {
  const few = fewAtOnce({ atOnce: 1, waiting: 1, refusal: 'later' });
  const fails = few.run(async () => {
    throw new Error('no');
  });
  const next = few.run(async () => 'yes');
  await assert.rejects(fails, /no/);
  assert.equal(await next, 'yes');
  assert.equal(await few.run(async () => 'again'), 'again');
});
