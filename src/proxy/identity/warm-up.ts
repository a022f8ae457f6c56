// SPDX-License-Identifier: Apache-2.0
// Asks about a connection of our own until the answer is right: the first callers must not meet a lookup that is still loading,
// and a machine that hides its processes is found out at start.

import { connect } from 'node:net';
import type { Clock } from '../../contract/clock.ts';
import type { Identity } from './owner.ts';

/** A cold worker loads in about 200 ms on a slow machine. Milliseconds. */
const PATIENCE_MS = 3_000;

/** `port` is a listening port of this process on 127.0.0.1. Resolves to whether our own uid came back. Never rejects. */
export function warmUp(identity: Identity, port: number, clock: Clock): Promise<boolean> {
  if (!identity.knowsUid) return Promise.resolve(false);
  return new Promise((resolve) => {
    const deadline = clock.monotonic() + PATIENCE_MS;
    const socket = connect({ host: '127.0.0.1', port });
    const done = (known: boolean): void => {
      socket.destroy();
      resolve(known);
    };
    socket.once('error', () => done(false));
    socket.once('connect', async () => {
      const remotePort = socket.localPort ?? 0;
      while (clock.monotonic() < deadline) {
        // A new object each time: answers are kept by object.
        const { uid } = await identity.attribute({ family: 4, localPort: port, remotePort });
        if (uid === process.getuid?.()) return done(true);
      }
      done(false);
    });
  });
}
