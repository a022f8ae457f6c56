// SPDX-License-Identifier: Apache-2.0
// One lookup per connection, a limit on how long a caller waits, and late answers kept for the connection's next calls. Knows
// nothing of how a lookup is done.

import type { Clock } from '../../contract/clock.ts';
import type { Attribution, Identity, Peer } from './owner.ts';

/** Callers of `attribute` wait no longer than this; the lookup itself goes on. Milliseconds (endpoint research: "await with a 50 ms cap"). */
export const CAP_MS = 50;

const UNKNOWN: Attribution = { uid: undefined, owner: undefined };

interface Entry {
  readonly state: { answer: Attribution; finished: boolean };
  /** Resolves when the uid is known, or with `whole`. */
  readonly uid: Promise<void>;
  readonly whole: Promise<void>;
}

/** Does the lookup; calls `partly` as soon as a part is known. Never rejects. */
export type Lookup = (peer: Peer, partly: (known: Attribution) => void) => Promise<Attribution>;

/**
 * Wraps a lookup. Answers belong to the Peer object, not to its ports: the same object is the same connection, while a port
 * may be another process's a moment later. They go when the connection goes.
 */
export function cachedLookup(lookup: Lookup, clock: Clock): Pick<Identity, 'attribute' | 'settled' | 'uidOf'> {
  const entries = new WeakMap<Peer, Entry>();
  const begin = (peer: Peer): Entry => {
    const state = { answer: UNKNOWN, finished: false };
    const { promise: uid, resolve: uidKnown } = Promise.withResolvers<void>();
    const whole = lookup(peer, (partial) => {
      state.answer = partial;
      if (partial.uid !== undefined) uidKnown();
    }).then((answer) => {
      state.answer = answer;
      state.finished = true;
      uidKnown();
    });
    const entry: Entry = { state, uid, whole };
    entries.set(peer, entry);
    return entry;
  };
  const entryOf = (peer: Peer): Entry => entries.get(peer) ?? begin(peer);
  /** A dead worker or a full queue answers "unknown" at once: that must not stay with the connection. */
  const promising = (peer: Peer): Entry => {
    const entry = entryOf(peer);
    const { uid, owner } = entry.state.answer;
    return entry.state.finished && uid === undefined && owner === undefined ? begin(peer) : entry;
  };
  const within = ({ state }: Entry, part: Promise<void>, ms: number): Promise<Attribution> => {
    if (state.finished) return Promise.resolve(state.answer);
    return new Promise((resolve) => {
      const timer = clock.after(ms, () => resolve(state.answer));
      void part.then(() => {
        timer.clear();
        resolve(state.answer);
      });
    });
  };
  return {
    attribute: (peer) => {
      const entry = entryOf(peer);
      return within(entry, entry.whole, CAP_MS);
    },
    settled: (peer, ms) => {
      const entry = promising(peer);
      return within(entry, entry.whole, ms);
    },
    uidOf: async (peer, ms) => {
      const entry = promising(peer);
      return (await within(entry, entry.uid, ms)).uid;
    },
  };
}
