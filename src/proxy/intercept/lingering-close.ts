// SPDX-License-Identifier: Apache-2.0
// The close after a last word: what the other side still sends is read and thrown away for a moment, since bytes that nobody read
// would turn the close into a reset that overtakes the word. Knows nothing of what is said.

import type { Duplex } from 'node:stream';
import type { Clock } from '../../contract/clock.ts';

/** How long the other side may take to read the word and end too. Milliseconds. */
const LINGER_MS = 2_000;

/** Writes `last` and ends. The socket closes when the other side has ended too, at the latest after two seconds. */
export function closeAfter(socket: Duplex, last: Buffer, clock: Clock): void {
  socket.on('error', () => socket.destroy());
  if (socket.destroyed) return;
  const timer = clock.after(LINGER_MS, () => socket.destroy());
  socket.once('close', () => timer.clear());
  socket.end(last);
  socket.resume();
}
