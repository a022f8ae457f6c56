// SPDX-License-Identifier: Apache-2.0
// Sends answers that come piece by piece, no faster than the client takes them, to a few clients at a time. Knows no route.

import type { ServerResponse } from 'node:http';
import type { Clock } from '../../contract/clock.ts';
import { type Streamed, securityHeaders } from './answer.ts';

/** Of one person; more is a mistake or an attack on memory. */
const MOST_STREAMS = 16;
/** A client that takes nothing for this long has gone or is stuck. Milliseconds. */
const STALLED_MS = 30_000;

export interface Streams {
  /** No further one may begin. */
  readonly isFull: boolean;
  /** Rejects if the source does; then the answer has been broken off, so that nobody takes it for whole. */
  send(response: ServerResponse, answer: Streamed, isHead: boolean): Promise<void>;
}

export function createStreams({ clock }: { readonly clock: Clock }): Streams {
  let count = 0;

  /** Resolves when the client can take more, or has gone. */
  const drained = (response: ServerResponse): Promise<void> =>
    new Promise((resolve) => {
      const stalled = clock.after(STALLED_MS, () => response.destroy());
      const done = (): void => {
        stalled.clear();
        response.off('drain', done);
        response.off('close', done);
        resolve();
      };
      response.on('drain', done);
      response.on('close', done);
    });

  return {
    get isFull() {
      return count >= MOST_STREAMS;
    },
    async send(response, { type, headers, stream }, isHead) {
      response.writeHead(200, { ...securityHeaders(), ...headers, 'content-type': type });
      if (isHead) return void response.end();
      const gone = new AbortController();
      response.on('close', () => gone.abort());
      count++;
      try {
        for await (const piece of stream(gone.signal)) {
          if (response.destroyed) break;
          if (!response.write(piece)) await drained(response);
        }
        response.end();
      } catch (error) {
        response.destroy();
        if (!gone.signal.aborted) throw error;
      } finally {
        count--;
      }
    },
  };
}
