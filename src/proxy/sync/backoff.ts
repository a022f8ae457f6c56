// SPDX-License-Identifier: Apache-2.0
// When to ask the server, so that a fleet never asks at once. Pure: chance is handed in, timers are the caller's. Knows nothing of
// what is asked. All times in milliseconds.

/** From 0 up to, without, 1. */
export type Random = () => number;

const FIRST_MS = 1000;
const CEILING_MS = 300_000;
/** After the server went away under all agents at once, they return over this time. */
export const RECONNECT_MS = 60_000;
const AFTER_BOOT_MS = 120_000;
const LONGEST_RETRY_AFTER_MS = 3_600_000;
/** Either way. */
const SPREAD = 0.2;

function around(ms: number, random: Random): number {
  return ms * (1 - SPREAD + 2 * SPREAD * random());
}

/**
 * Full jitter: anywhere up to a limit that doubles with each attempt, at most five minutes.
 * @param attempt how many have failed before this one, from 0
 * @param first the limit of the first; RECONNECT_MS where all agents fail together, as when a connection that was open is lost
 */
export function retryDelay(attempt: number, random: Random, first: number = FIRST_MS): number {
  return random() * Math.min(first * 2 ** Math.max(attempt, 0), CEILING_MS);
}

/** Give or take a fifth. */
export function pollDelay(interval: number, random: Random): number {
  return around(interval, random);
}

/** Machines that are switched on together in the morning must not ask together; one whose policy is no longer fresh asks at once. */
export function firstPollDelay(stillFresh: boolean, random: Random): number {
  return stillFresh ? random() * AFTER_BOOT_MS : 0;
}

/** From the nudge until the document is fetched; the server sets `spread`, 0 for a kill. */
export function nudgeDelay(spread: number, random: Random): number {
  return random() * spread;
}

/**
 * What `Retry-After` asks for, give or take a fifth of at most an hour; undefined when it is missing or not understood.
 * @param now wall time as the server has it, for the form with a date
 */
export function retryAfterDelay(header: string | undefined, now: number, random: Random): number | undefined {
  const asked = parseRetryAfter(header, now);
  return asked === undefined ? undefined : around(Math.min(asked, LONGEST_RETRY_AFTER_MS), random);
}

/** Seconds, or a date in the one form that may be sent (RFC 9110, 5.6.7); the two obsolete forms are as if there were no header. */
function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const at = new Date(text);
  // Date reads much that is no HTTP date, but writes only that.
  return Number.isNaN(at.getTime()) || at.toUTCString() !== text ? undefined : Math.max(at.getTime() - now, 0);
}
