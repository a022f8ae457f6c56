// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../contract/clock.ts';
import { CAP_MS, cachedLookup } from './cached.ts';
import type { Attribution, Owner, Peer } from './owner.ts';

/** A clock whose only hand is `ring`: it fires what waits. */
function handClock() {
  const waiting = new Set<() => void>();
  const limits: number[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (ms, fn) => {
      limits.push(ms);
      waiting.add(fn);
      return { clear: () => waiting.delete(fn), refresh: () => undefined };
    },
    every: () => ({ clear: () => undefined, refresh: () => undefined }),
  };
  return {
    clock,
    waiting,
    limits,
    ring: () => {
      for (const fn of [...waiting]) fn();
    },
  };
}

const peer = (): Peer => ({ family: 4, localPort: 1, remotePort: 2 });
const owner: Owner = { pid: 1, uid: 5, name: 'n', exe: undefined, script: undefined, started: '1', app: 'n' };

test('a slow lookup is answered with what is known at the cap, and in full to the connection’s next call', async () => {
  const { clock, ring, limits } = handClock();
  let finish: (answer: Attribution) => void = () => undefined;
  let lookups = 0;
  const { attribute } = cachedLookup((_peer, partly) => {
    lookups += 1;
    partly({ uid: 5, owner: undefined });
    return new Promise((resolve) => {
      finish = resolve;
    });
  }, clock);
  const connection = peer();
  const first = attribute(connection);
  ring();
  assert.deepEqual(await first, { uid: 5, owner: undefined });
  const second = attribute(connection);
  finish({ uid: 5, owner });
  assert.deepEqual(await second, { uid: 5, owner });
  assert.deepEqual(await attribute(connection), { uid: 5, owner });
  assert.equal(lookups, 1);
  assert.deepEqual(limits, [CAP_MS, CAP_MS]);
});

test('an answer in time leaves no timer behind', async () => {
  const { clock, waiting } = handClock();
  const { attribute } = cachedLookup(() => Promise.resolve({ uid: 1, owner }), clock);
  assert.equal((await attribute(peer())).owner?.pid, 1);
  assert.equal(waiting.size, 0);
});

test('the same ports of another connection are asked for anew', async () => {
  const { clock } = handClock();
  let lookups = 0;
  const { attribute } = cachedLookup(() => Promise.resolve({ uid: ++lookups, owner: undefined }), clock);
  assert.equal((await attribute(peer())).uid, 1);
  assert.equal((await attribute(peer())).uid, 2);
});

test('who needs more than the cap gives waits for the whole answer, or for the user alone', async () => {
  const { clock, ring, limits, waiting } = handClock();
  const { promise, resolve } = Promise.withResolvers<Attribution>();
  let tell: (known: Attribution) => void = () => undefined;
  const { attribute, settled, uidOf } = cachedLookup((_peer, partly) => {
    tell = partly;
    return promise;
  }, clock);
  const connection = peer();
  const capped = attribute(connection);
  ring();
  assert.deepEqual(await capped, { uid: undefined, owner: undefined });
  waiting.clear();
  const user = uidOf(connection, 1_000);
  const late = settled(connection, 2_000);
  tell({ uid: 5, owner: undefined });
  assert.equal(await user, 5);
  resolve({ uid: 5, owner });
  assert.deepEqual(await late, { uid: 5, owner });
  assert.deepEqual(limits, [CAP_MS, 1_000, 2_000]);
  assert.equal(waiting.size, 0);
});

test('the whole answer is not waited for without end', async () => {
  const { clock, ring } = handClock();
  const { settled } = cachedLookup((_peer, partly) => {
    partly({ uid: 5, owner: undefined });
    return new Promise(() => undefined);
  }, clock);
  const late = settled(peer(), 2_000);
  ring();
  assert.deepEqual(await late, { uid: 5, owner: undefined });
});

test('a lookup that ended without any answer is made once more for who needs one', async () => {
  const { clock } = handClock();
  let lookups = 0;
  const { attribute, settled } = cachedLookup(() => {
    lookups += 1;
    return Promise.resolve(lookups === 1 ? { uid: undefined, owner: undefined } : { uid: 5, owner });
  }, clock);
  const connection = peer();
  await attribute(connection);
  assert.equal((await attribute(connection)).owner, undefined);
  assert.equal((await settled(connection, 2_000)).owner?.pid, 1);
  await settled(connection, 2_000);
  assert.equal((await attribute(connection)).owner?.pid, 1);
  assert.equal(lookups, 2);
});
