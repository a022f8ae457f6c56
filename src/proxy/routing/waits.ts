// SPDX-License-Identifier: Apache-2.0
// How long to wait before the same target is asked again, when no other is left. Pure. With an alternative nobody waits at all.

import type { ProviderTuning, RouteTuning } from '../policy/policy.ts';
import type { FailureClass } from './routing.ts';

export interface WaitInput {
  readonly failure: FailureClass;
  /** Milliseconds, as the provider said. */
  readonly retryAfterMs: number | undefined;
  /** Retries at this target so far. */
  readonly retries: number;
  readonly retry: RouteTuning['retry'];
  readonly rateLimit: ProviderTuning['rateLimit'];
  /** Between 0 and 1. */
  readonly random: number;
}

/** Milliseconds; undefined: it is not asked again. Full jitter: callers that failed together must not come back together. */
export function retryDelay({
  failure,
  retryAfterMs,
  retries,
  retry,
  rateLimit,
  random,
}: WaitInput): number | undefined {
  const tooLong = (retryAfterMs ?? 0) > rateLimit.wait;
  switch (failure) {
    case 'rate-limit':
      return tooLong ? undefined : retryAfterMs;
    case 'overload': {
      if (retries >= retry.overload || tooLong) return undefined;
      const drawn = retry.overloadMin + random * Math.max(retry.overloadMax - retry.overloadMin, 0);
      return Math.max(drawn, retryAfterMs ?? 0);
    }
    case 'transient':
      return retries < retry.transient ? random * Math.min(retry.cap, retry.base * 2 ** retries) : undefined;
    default:
      return undefined;
  }
}
