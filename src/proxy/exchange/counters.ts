// SPDX-License-Identifier: Apache-2.0
// Plain totals since start, for the status page. They count what happened; they decide nothing.

export interface Counters {
  /** Decrypted calls outside the governed paths: passed on unread, not recorded. */
  relayed: number;
  governed: number;
  blocked: number;
  failed: number;
  cancelled: number;
}

export function createCounters(): Counters {
  return { relayed: 0, governed: 0, blocked: 0, failed: 0, cancelled: 0 };
}
