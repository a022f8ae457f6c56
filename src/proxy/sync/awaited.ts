// SPDX-License-Identifier: Apache-2.0
// A freshness document that the server spoke of and that has not come yet: for a while there is haste. Pure.

import type { SyncState } from './state.ts';
import type { Reading } from './trusted-time.ts';

/** A cache between may hold the one before for 15 s, and thousands who ask at once are not all served at the first attempt. Milliseconds. */
const HASTE_MS = 30_000;
/** Until the next look, where that one was still the old one; give or take a fifth. */
export const AWAITED_POLL_MS = 5_000;

export interface Awaited {
  readonly seq: number;
  /** By the monotonic clock. */
  readonly until: number;
}

type Facts = Pick<SyncState, 'ring' | 'document' | 'awaited'>;

/** Is it at hand? Number 0 is none: something else has changed, such as the device's ring or its rights. */
export function isAtHand({ ring, document }: Facts, seq: number): boolean {
  return seq > 0 && document?.ring === ring && seq <= document.seq;
}

/** The server spoke of a document, to be fetched within `spreadMs`. */
export function awaitedAfter({ awaited }: Facts, seq: number, spreadMs: number, { monotonic }: Reading): Awaited {
  return { seq: Math.max(seq, awaited?.seq ?? 0), until: monotonic + spreadMs + HASTE_MS };
}

export function isAwaited(facts: Facts, { monotonic }: Reading): boolean {
  const { awaited } = facts;
  return awaited !== undefined && awaited.seq > 0 && monotonic < awaited.until && !isAtHand(facts, awaited.seq);
}
