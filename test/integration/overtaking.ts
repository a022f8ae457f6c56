// SPDX-License-Identifier: Apache-2.0
// Whether bytes are held back on their way, told without a clock: another connection asks and is answered meanwhile. Knows nothing of
// what is sent.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type Ending, nextChunk, startTcp } from './intercept-kit.ts';

/** What nothing holds back is overtaken once or twice; Nagle's algorithm costs a thousand rounds, and a hundred where all is slow. */
const HELD_BACK = 50;

/** Most of these arrivals were not held back. A single one may have met a kernel that had no time for it. */
export function assertNotHeldBack(rounds: readonly number[]): void {
  const median = rounds.toSorted((a, b) => a - b)[Math.floor(rounds.length / 2)];
  assert.ok(median !== undefined && median < HELD_BACK, `another connection was answered first so often: ${rounds}`);
}

/**
 * Gives a function that tells how often another connection was answered before `arrival` came. What nothing holds back is overtaken a few
 * times at most, however slow the machine is. `arrival` must not have come before.
 */
export async function startOvertaking(t: Ending): Promise<(arrival: Promise<unknown>) => Promise<number>> {
  const tcp = await startTcp((socket) => socket.pipe(socket));
  const other = connect({ port: tcp.port, host: '127.0.0.1', noDelay: true });
  t.after(() => {
    other.destroy();
    tcp.close();
  });
  return async (arrival) => {
    let waiting = true;
    const arrived = arrival.finally(() => {
      waiting = false;
    });
    let rounds = 0;
    for (; waiting; rounds++) {
      if (rounds > 1_000_000) throw new Error('it never came');
      other.write('?');
      await nextChunk(other);
    }
    await arrived;
    return rounds;
  };
}
