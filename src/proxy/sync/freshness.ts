// SPDX-License-Identifier: Apache-2.0
// How fresh the policy is that rules: from the last freshness document's expiry and trusted time. Pure; what follows from it (warnings,
// polls, the policy's rules for `expired`) is decided elsewhere.

/** Times are milliseconds since the Unix epoch, trusted time. */
export type Freshness =
  /** There is no document yet. */
  | { readonly state: 'none' }
  | { readonly state: 'fresh'; readonly until: number }
  /** `until` is undefined when grace is over but no attempt has failed since then: the next failure makes it `expired`. */
  | { readonly state: 'stale'; readonly since: number; readonly until: number | undefined }
  | { readonly state: 'expired'; readonly since: number };

export interface FreshnessFacts {
  readonly trustedNow: number;
  /** Of the last accepted freshness document; undefined before the first. */
  readonly expires: number | undefined;
  readonly graceMs: number;
  /** Trusted time of the last attempt that failed; undefined when the last one was answered. */
  readonly failedAt: number | undefined;
}

/**
 * Grace ends only with a failed attempt that was made after its end. A clock that leapt forward, or a machine that slept for a month,
 * thereby asks the server once before anything is refused.
 */
export function freshnessOf({ trustedNow, expires, graceMs, failedAt }: FreshnessFacts): Freshness {
  if (expires === undefined) return { state: 'none' };
  if (trustedNow < expires) return { state: 'fresh', until: expires };
  const end = expires + graceMs;
  if (trustedNow < end) return { state: 'stale', since: expires, until: end };
  if (failedAt === undefined || failedAt < end) return { state: 'stale', since: expires, until: undefined };
  return { state: 'expired', since: end };
}
