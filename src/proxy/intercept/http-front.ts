// SPDX-License-Identifier: Apache-2.0
// What an entrance serves HTTP with: the HTTP/1.1 and HTTP/2 adapters, the calls and refusals they have in common, and their
// orderly stop. Knows nothing of where connections come from.

import type { ErrorCode } from '../../contract/errors.ts';
import { createCallCount, type Front } from './client.ts';
import { createH1Server, type H1Server } from './h1-server.ts';
import { createH2Server, type H2Server } from './h2-server.ts';

export interface HttpFront {
  readonly front: Front;
  readonly h1: H1Server;
  readonly h2: H2Server;
  /** Requests and connections that were turned away. */
  readonly refused: number;
  /** Lets no new call in; resolves when the running ones have ended, or after half a second. */
  stop(): Promise<void>;
}

/** How long running calls may take to end once a stop has begun. The whole stop has to stay under a second. Milliseconds. */
const DRAIN_MS = 500;

/** `onRefused` is told of each refusal. */
export function createHttpFront(
  deps: Pick<Front, 'handle' | 'clock' | 'log'>,
  onRefused: (code: ErrorCode) => void,
): HttpFront {
  const { handle, clock, log } = deps;
  const calls = createCallCount();
  let stopping = false;
  let refused = 0;
  const front: Front = {
    handle,
    clock,
    log,
    calls,
    answering: new WeakMap(),
    onRefused: (code) => {
      refused += 1;
      onRefused(code);
    },
    stopping: () => stopping,
  };
  const h1 = createH1Server(front);
  const h2 = createH2Server(front);
  return {
    front,
    h1,
    h2,
    get refused() {
      return refused;
    },
    stop: async () => {
      stopping = true;
      h1.close();
      h2.close();
      const late = Promise.withResolvers<void>();
      const timer = clock.after(DRAIN_MS, late.resolve);
      await Promise.race([calls.idle(), late.promise]);
      timer.clear();
    },
  };
}
