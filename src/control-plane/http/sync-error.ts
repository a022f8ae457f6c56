// SPDX-License-Identifier: Apache-2.0
// A refusal that devices understand, as an error that any part of the control plane throws. Its texts are fixed: nothing that a client
// sent, and nothing of the inside, gets into an answer. Knows no HTTP library.

import { SYNC_ERRORS, type SyncErrorCode } from '../../contract/sync/errors.ts';
import type { ErrorAnswer } from '../../contract/sync/messages.ts';
import { Refused } from '../refused.ts';

/** What some codes say besides: `clock` the time, `behind` the last stored row, `fork` and `row` the row's number. */
export type RefusalDetail = Pick<ErrorAnswer, 'now' | 'ack' | 'seq'>;

export class SyncError extends Error {
  readonly code: SyncErrorCode;
  readonly detail: RefusalDetail;
  /** Seconds, where the caller alone is meant. */
  readonly retryAfter: number | undefined;

  constructor(code: SyncErrorCode, detail: RefusalDetail = {}, retryAfter?: number) {
    super(SYNC_ERRORS[code].text);
    this.name = 'SyncError';
    this.code = code;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }
}

/**
 * Seconds after which those come back whom the server, and not what they asked, is in the way of: many at once, so that one and the same
 * time would bring them back at once. Devices add a fifth at most themselves.
 */
const COME_BACK = { least: 150, most: 300 } as const;

/** What `retry-after` says. */
export function retryAfterOf(
  { code, retryAfter }: Pick<SyncError, 'code' | 'retryAfter'>,
  random: (bytes: number) => Buffer,
): number | undefined {
  if (retryAfter !== undefined || (code !== 'unavailable' && code !== 'internal')) return retryAfter;
  const { least, most } = COME_BACK;
  return least + Math.floor((random(2).readUInt16BE() / 0x1_0000) * (most - least + 1));
}

/** The body of the answer. `request` names the request in the log, for defects. */
export function errorBody({ code, detail }: SyncError, request?: string): ErrorAnswer {
  const { text } = SYNC_ERRORS[code];
  return {
    error: code,
    message: code === 'internal' && request !== undefined ? `${text} (${request})` : text,
    ...detail,
  };
}

/** Classes of SQLSTATE: connection lost, out of resources, rolled back for the sake of another, shut down. */
const PASSING_STATE = /^(?:08|53|40|57P)[0-9A-Z]*$/;
const PASSING_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'SQLITE_BUSY',
  'SQLITE_FULL',
  'SQLITE_IOERR',
]);

const WHY = { missing: 'missing', conflict: 'unavailable', forbidden: 'forbidden', rate: 'rate' } as const;

/** What an error of a service, or an unexpected one, means for a device: the database is away for now, or we have a defect. */
export function refusalOf(error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  if (error instanceof Refused) return new SyncError(error.why === 'invalid' ? 'malformed' : WHY[error.why]);
  const { code, message } = error instanceof Error ? (error as Error & { code?: unknown }) : { code: '', message: '' };
  const passing =
    (typeof code === 'string' && (PASSING_STATE.test(code) || PASSING_CODES.has(code))) ||
    // node-postgres gives these two no code.
    /^(?:Connection terminated|timeout exceeded when trying to connect)/.test(message);
  return new SyncError(passing ? 'unavailable' : 'internal');
}
