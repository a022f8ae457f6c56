// SPDX-License-Identifier: Apache-2.0
// The one door to time. Everything that waits or dates takes a Clock, so that tests turn the hands themselves.

/** A timer that was started; `refresh` starts its full time anew (cheaper than clear + set). */
export interface Timer {
  clear(): void;
  refresh(): void;
}

export interface Clock {
  /** Wall time, milliseconds since the Unix epoch. May jump. Only for dating records. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. For measuring and deadlines. */
  monotonic(): number;
  /** Runs `fn` once after `ms` milliseconds. The timer never keeps the process alive. */
  after(ms: number, fn: () => void): Timer;
  /** Runs `fn` every `ms` milliseconds until cleared. The timer never keeps the process alive. */
  every(ms: number, fn: () => void): Timer;
}
