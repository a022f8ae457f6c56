// SPDX-License-Identifier: Apache-2.0
// Invariant A4: whatever the network does, and however often the uploader starts anew, every row reaches the server exactly once, in
// order, with the same bytes, and the chain is whole. The server is one that sees each row come.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MemoryReceiver, startMemoryReceiver } from '../fakes/audit-receiver.ts';
import { arrivesOnce, NETWORKS, SEEDS } from './upload-networks.ts';

for (const [name, network] of Object.entries(NETWORKS)) {
  describe(name, () => {
    for (const seed of SEEDS) {
      test(`every row arrives exactly once (seed ${seed})`, async (t) => {
        const { receiver } = await arrivesOnce(t, startMemoryReceiver, network, seed);
        assertInOrder(receiver);
      });
    }
  });
}

/** Stored once each, each behind the one before. */
function assertInOrder({ arrivals, errors }: MemoryReceiver): void {
  const last = new Map<string, number>();
  for (const { epoch, seq } of arrivals) {
    assert.equal(seq, (last.get(epoch) ?? 0) + 1, `epoch ${epoch}`);
    last.set(epoch, seq);
  }
  const wrong = errors.filter((error) => error !== 'digest');
  assert.deepEqual(wrong, [], 'what arrived whole was right');
}
