// SPDX-License-Identifier: Apache-2.0
// What all framings have in common: where their events go, and how large one may be.

/** Largest single event that is kept in memory; a larger one is skipped and reported. */
export const MAX_EVENT_BYTES = 1024 * 1024;

export interface EventSink {
  /** One event's data. `name` is the event's name where the framing has one, else ''. */
  event(data: string, name: string): void;
  /** An event beyond the bound was skipped; reading goes on after it. */
  skipped(): void;
  /** The framing itself is broken; nothing after this is read. */
  garbled(): void;
}

/** Fed with bytes in any slicing. Never throws. */
export interface EventParser {
  push(chunk: Uint8Array): void;
  /** The body ended. Gives out what is complete but lacks its last separator. */
  end(): void;
}
