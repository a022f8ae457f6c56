// SPDX-License-Identifier: Apache-2.0
// The writing half of an answer on whatever stream carries it: waiting for room, and a reset that lets out first what was written.
// Knows nothing of HTTP.

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
