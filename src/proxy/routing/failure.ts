// SPDX-License-Identifier: Apache-2.0
// What a failed attempt was: outcome to class, row by row of ARCHITECTURE.md, "Failure classes". Pure. Whether a name that does not
// resolve is the provider's trouble or this machine's takes more than one attempt: network.ts judges by the hint.

import type { ErrorClass } from '../dialects/dialect.ts';
import { rateReset, retryAfter } from './retry-after.ts';
import type { AttemptOutcome, FailureClass } from './routing.ts';

/** `no-route`: the machine has no way out. `name`: DNS had no answer. `portal`: HTML where an answer should be. */
export type LocalHint = 'no-route' | 'name' | 'portal';

export interface Classified {
  /** undefined: it went well. */
  readonly class: FailureClass | undefined;
  /** Milliseconds, as the provider said. */
  readonly retryAfterMs?: number | undefined;
  readonly hint?: LocalHint;
}

const NO_ROUTE = /ENETUNREACH|EHOSTUNREACH|ENETDOWN|EADDRNOTAVAIL/;
const NO_NAME = /ENOTFOUND|EAI_AGAIN/;
const HTML = /HTML instead of an answer/;

/** @param wall milliseconds since the epoch, for dates in headers */
export function classify(outcome: AttemptOutcome, wall: number): Classified {
  switch (outcome.kind) {
    case 'complete':
      return { class: undefined };
    case 'left':
      return { class: 'client-left' };
    case 'broken':
      return { class: outcome.timeout ? 'hang' : 'transient' };
    case 'refused':
      return refused(outcome, wall);
    case 'failed':
      return failed(outcome);
  }
}

function failed(outcome: Extract<AttemptOutcome, { kind: 'failed' }>): Classified {
  const detail = outcome.detail ?? '';
  if (outcome.staleSocket && !outcome.headSeen) return { class: 'stale-socket' };
  switch (outcome.code) {
    case 'OUT_UPSTREAM_TIMEOUT':
      return { class: 'hang' };
    case 'OUT_UPSTREAM_UNTRUSTED':
      return { class: 'transient' };
    case 'OUT_UPSTREAM_UNREACHABLE':
      if (outcome.timeout !== undefined) return { class: 'hang' };
      if (NO_ROUTE.test(detail)) return { class: 'transient', hint: 'no-route' };
      if (NO_NAME.test(detail)) return { class: 'transient', hint: 'name' };
      return { class: 'transient' };
    case 'OUT_UPSTREAM_BROKEN':
      return HTML.test(detail) ? { class: 'bad-answer', hint: 'portal' } : { class: 'bad-answer' };
    default:
      // Ours (a request that cannot be written, a defect): another target would not mend it.
      return { class: 'client-mistake' };
  }
}

/** Classes that mean the same whatever the status is: providers are not of one mind about theirs. */
const BY_CLASS: Readonly<Partial<Record<ErrorClass, FailureClass>>> = {
  'context-length': 'context-length',
  'content-policy': 'content-policy',
  'model-not-found': 'model-missing',
  authentication: 'credential',
  permission: 'credential',
};

function refused(outcome: Extract<AttemptOutcome, { kind: 'refused' }>, wall: number): Classified {
  const { status, errorClass, header } = outcome;
  const known = BY_CLASS[errorClass];
  if (known !== undefined) return { class: known };
  const retryAfterMs = retryAfter(header, wall) ?? outcome.retryAfterMs;
  if (errorClass === 'quota' || status === 429 || errorClass === 'rate-limit') {
    // "No money" with a time is a window that ends; without one it is not.
    if (errorClass === 'quota' && retryAfterMs === undefined) return { class: 'credential' };
    if (errorClass === 'overloaded') return { class: 'overload', retryAfterMs };
    return { class: 'rate-limit', retryAfterMs: retryAfterMs ?? rateReset(header, wall) };
  }
  // Within a 2xx there is no status to go by: an error event before content.
  if (status < 400) {
    if (errorClass === 'overloaded') return { class: 'overload', retryAfterMs };
    return { class: errorClass === 'invalid-request' || errorClass === 'not-found' ? 'client-mistake' : 'bad-answer' };
  }
  switch (status) {
    case 401:
    case 402:
    case 403:
      return { class: 'credential' };
    case 529:
      return { class: retryAfterMs === undefined ? 'overload' : 'rate-limit', retryAfterMs };
    case 503:
      return { class: 'overload', retryAfterMs };
    case 408:
    case 425:
      return { class: 'transient' };
    case 409:
      return { class: header('x-should-retry')?.toLowerCase() === 'true' ? 'transient' : 'client-mistake' };
  }
  if (errorClass === 'overloaded') return { class: 'overload', retryAfterMs };
  // Bedrock says 424 when its model failed.
  if (status >= 500 || errorClass === 'server') return { class: 'transient' };
  return { class: 'client-mistake' };
}
