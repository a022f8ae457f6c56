// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { CAP_MS, cachedLookup } from '../identity/cached.ts';
import type { Attribution, Owner, Peer } from '../identity/owner.ts';
import { describeConnection } from './client.ts';

const PEER: Peer = { family: 4, localPort: 1, remotePort: 2 };
const OWNER: Owner = { pid: 1, uid: 5, name: 'n', exe: undefined, script: undefined, started: '1', app: 'n' };

test('a process that is named late is known to the connection’s next call', async () => {
  const clock = new FakeClock();
  const { promise, resolve } = Promise.withResolvers<Attribution>();
  const identity = {
    ...cachedLookup(() => promise, clock),
    knowsUid: true,
    close: () => Promise.resolve(),
  };
  const connection = describeConnection('p1', PEER, identity);
  const first = connection.owner();
  clock.advance(CAP_MS);
  assert.equal(await first, undefined);
  resolve({ uid: 5, owner: OWNER });
  assert.equal(await connection.ownerSettled(), OWNER);
  assert.equal(await connection.owner(), OWNER);
});
