// SPDX-License-Identifier: Apache-2.0
// One lookup per connection, a cap on how long a caller waits, and late answers kept for the connection's next calls. Knows
// nothing of how a lookup is done.

import type { Clock } from '../../contract/clock.ts';
import type { Attribution, Peer } from './owner.ts';

/** Callers wait no longer than this; the lookup itself goes on. Milliseconds (endpoint research: "await with a 50 ms cap"). */
export const CAP_MS = 50;

const UNKNOWN: Attribution = { uid: undefined, owner: undefined };

interface Entry {
  readonly state: { answer: Attribution; finished: boolean };
  readonly whole: Promise<Attribution>;
}

/** Does the lookup; calls `partly` as soon as a part is known. Never rejects. */
export type Lookup = (peer: Peer, partly: (known: Attribution) => void) => Promise<Attribution>;

/**
 * Wraps a lookup. Answers belong to the Peer object, not to its ports: the same object is the same connection, while a port
 * may be another process's a moment later. They go when the connection goes.
 */
export function cachedLookup(lookup: Lookup, clock: Clock): (peer: Peer) => Promise<Attribution> {
  const entries = new WeakMap<Peer, Entry>();
  const begin = (peer: Peer): Entry => {
    const state = { answer: UNKNOWN, finished: false };
    const whole = lookup(peer, (partial) => {
      state.answer = partial;
    }).then((answer) => {
      state.answer = answer;
      state.finished = true;
      return answer;
    });
    const entry = { state, whole };
    entries.set(peer, entry);
    return entry;
  };
  return (peer) => {
    const { state, whole } = entries.get(peer) ?? begin(peer);
    if (state.finished) return Promise.resolve(state.answer);
    return new Promise((resolve) => {
      const timer = clock.after(CAP_MS, () => resolve(state.answer));
      void whole.then((answer) => {
        timer.clear();
        resolve(answer);
      });
    });
  };
}
