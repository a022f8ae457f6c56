// SPDX-License-Identifier: Apache-2.0
// The writing half of an answer on whatever stream carries it: waiting for room, a reset, and one that lets out first what was written.
// Knows nothing of HTTP.

import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { Clock } from '../../contract/clock.ts';

/** How long a reset waits for bytes that were already written, before it happens all the same. Milliseconds. */
const FLUSH_MS = 250;

/** Resolves when the stream's buffer is empty again, or the client has gone. */
export function untilDrained(stream: Writable, gone: AbortSignal): Promise<void> {
  if (!stream.writableNeedDrain || gone.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      gone.removeEventListener('abort', done);
      resolve();
    };
    stream.on('drain', done);
    gone.addEventListener('abort', done);
  });
}

/** Runs `reset` once what was written before (an in-band error event) is out, or in any case after 250 ms. */
export function resetFlushed(stream: Writable, clock: Clock, reset: () => void): void {
  if (stream.writableLength === 0) return reset();
  const timer = clock.after(FLUSH_MS, reset);
  stream.write('', () => {
    timer.clear();
    reset();
  });
}

/**
 * RST instead of FIN, so that the peer cannot take what it got for complete. Not where a FIN is just on its way to the system, and the end
 * said already: Node's reset fails then, and leaves the socket open for ever without a `close`.
 * @param over what writes on the connection; TLS has a FIN of its own making
 */
export function resetConnection(tcp: Socket, over: Writable = tcp): void {
  if (tcp.destroyed) return;
  if (isEnding(tcp) || isEnding(over)) tcp.destroy();
  else tcp.resetAndDestroy();
}

/** With bytes in front of it, the FIN has not been begun. */
function isEnding({ writableEnded, writableFinished, writableLength }: Writable): boolean {
  return writableEnded && !writableFinished && writableLength === 0;
}
