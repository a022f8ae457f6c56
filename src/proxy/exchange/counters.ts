// SPDX-License-Identifier: Apache-2.0
// Plain totals since start, for the status page. They count what happened; they decide nothing.

export interface Counters {
  /** Connections passed on undecrypted. */
  tunnelled: number;
  /** Decrypted calls outside the governed paths: passed on unread, not recorded. */
  relayed: number;
  governed: number;
  blocked: number;
  failed: number;
  cancelled: number;
}

export function createCounters(): Counters {
  return { tunnelled: 0, relayed: 0, governed: 0, blocked: 0, failed: 0, cancelled: 0 };
}
