// SPDX-License-Identifier: Apache-2.0
// Why a device did not enrol, in words for people and as a code for what is done about it. Never has a token, a key, or what a server sent.

import { SYNC_ERRORS, type SyncErrorCode } from '../../../contract/sync/errors.ts';

/** Besides the refusals of the protocol. */
export type EnrolCode =
  | SyncErrorCode
  /** No connection, or no whole answer. */
  | 'unreachable'
  | 'tls'
  | 'redirect'
  | 'not-control-plane'
  /** An answer that is not of the protocol. */
  | 'answer'
  /** The root is not the pinned one. */
  | 'root'
  /** The server has no such organisation, or no such root. */
  | 'org'
  /** The folder of the organisation cannot be used. */
  | 'disk'
  /** The keys are there, but not to be had. */
  | 'locked'
  /** Nobody has given a token. */
  | 'no-token';

/** The codes after which trying again as it is may help. */
const PASSING: ReadonlySet<EnrolCode> = new Set([
  'unreachable',
  'tls',
  'redirect',
  'not-control-plane',
  'answer',
  'disk',
  'locked',
]);

export class EnrolError extends Error {
  readonly code: EnrolCode;
  /** With `clock`: the server's time. Milliseconds since the Unix epoch. */
  readonly now: number | undefined;
  /** The header, as it was sent. */
  readonly retryAfter: string | undefined;

  constructor(code: EnrolCode, text: string, said: { readonly now?: number; readonly retryAfter?: string } = {}) {
    super(text);
    this.name = 'EnrolError';
    this.code = code;
    this.now = said.now;
    this.retryAfter = said.retryAfter;
  }

  /** May it go by itself? */
  get passing(): boolean {
    return PASSING.has(this.code) || (isRefusal(this.code) && SYNC_ERRORS[this.code].agent === 'retry');
  }
}

function isRefusal(code: EnrolCode): code is SyncErrorCode {
  return Object.hasOwn(SYNC_ERRORS, code);
}
