// SPDX-License-Identifier: Apache-2.0
// Garbage that V8 would keep until the next burst: what loading a program leaves, and objects whose weight it does not see.
// Knows nothing of what they were.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock, Timer } from '../contract/clock.ts';

/** By then the first callers of a start are served. Milliseconds. */
const TRIM_AFTER_MS = 3_000;

type Collect = (options: { readonly type: 'major'; readonly flavor: 'regular' | 'last-resort' }) => void;

function collector(): Collect {
  // The flag is the process's, so it stays: taking it back could do so between these two lines of another thread.
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}

/**
 * Collects once, thoroughly, a while after the start of this thread. Takes about 30 ms of it: only for a moment when nobody
 * waits. Each thread has a heap of its own: the daemon's gives back about 5 MB, each worker's about 3 MB (measured).
 */
export function trimMemorySoon(clock: Clock): Timer {
  return clock.after(TRIM_AFTER_MS, () => collector()({ type: 'major', flavor: 'last-resort' }));
}

/** V8 does not see the native memory of closed TLS sockets and would not collect them for thousands of tunnels. */
export interface SocketTrim {
  /** One more handshake; each 512th collects, which costs under a hundredth of their CPU. */
  handshake(): void;
}

const HANDSHAKES = 512;

export function createSocketTrim(clock: Clock): SocketTrim {
  let count = 0;
  let collect: Collect | undefined;
  return {
    handshake() {
      count += 1;
      if (count % HANDSHAKES !== 0) return;
      clock.after(0, () => {
        collect ??= collector();
        collect({ type: 'major', flavor: 'regular' });
      });
    },
  };
}
