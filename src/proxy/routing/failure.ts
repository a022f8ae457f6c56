// SPDX-License-Identifier: Apache-2.0
// What a failed attempt was: outcome to class, row by row of ARCHITECTURE.md, "Failure classes". Pure. Whether a name that does not
// resolve is the provider's trouble or this machine's takes more than one attempt: network.ts judges by the hint.

import type { ErrorClass } from '../dialects/dialect.ts';
import { rateReset, retryAfter } from './retry-after.ts';
import type { AttemptOutcome, FailureClass } from './routing.ts';

/** `unreached`: there is no way to the host, or DNS had no answer. `portal`: HTML where an answer should be. */
export type LocalHint = 'unreached' | 'portal';

export interface Classified {
  /** undefined: it went well. */
  readonly class: FailureClass | undefined;
  /** Milliseconds, as the provider said. */
  readonly retryAfterMs?: number | undefined;
  readonly hint?: LocalHint;
  /** `model`: the key may do its work with other models. */
  readonly holds?: 'model';
  /** A client mistake of one target only: it may go well with the next. */
  readonly elsewhere?: true;
}

const UNREACHED = /ENETUNREACH|EHOSTUNREACH|ENETDOWN|EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN/;
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

/** May the provider have begun to work on it? Who refuses with a status of its own has not; a gateway's 5xx says nothing of who is behind. */
export function mayHaveBegun(outcome: AttemptOutcome, failure: FailureClass): boolean {
  if (outcome.kind === 'refused') return outcome.status < 400 || failure === 'transient';
  return outcome.kind !== 'failed' || outcome.sent;
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
      return UNREACHED.test(detail) ? { class: 'transient', hint: 'unreached' } : { class: 'transient' };
    case 'OUT_UPSTREAM_BROKEN':
      return HTML.test(detail) ? { class: 'bad-answer', hint: 'portal' } : { class: 'bad-answer' };
    case 'OUT_INTERNAL':
      // The request could not be built for this target.
      return { class: 'client-mistake', elsewhere: true };
    default:
      // Ours (a request that cannot be read): another target would not mend it.
      return { class: 'client-mistake' };
  }
}

/** Classes that mean the same whatever the status is: providers are not of one mind about theirs. */
const BY_CLASS: Readonly<Partial<Record<ErrorClass, FailureClass>>> = {
  'context-length': 'context-length',
  'content-policy': 'content-policy',
  'model-not-found': 'model-missing',
  authentication: 'credential',
};

/** Mostly of one model that the account was not given. */
const NOT_PERMITTED: Classified = { class: 'credential', holds: 'model' };

function refused(outcome: Extract<AttemptOutcome, { kind: 'refused' }>, wall: number): Classified {
  const { status, errorClass, header } = outcome;
  // An app that signs in again when its token is refused must see the refusal.
  if (outcome.callersOwn && (status === 401 || errorClass === 'authentication')) return { class: 'client-mistake' };
  const known = BY_CLASS[errorClass];
  if (known !== undefined) return { class: known };
  if (errorClass === 'permission') return NOT_PERMITTED;
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
      return { class: 'credential' };
    case 403:
      return NOT_PERMITTED;
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
