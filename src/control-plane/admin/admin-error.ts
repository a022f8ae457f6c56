// SPDX-License-Identifier: Apache-2.0
// A refusal that administrators and their programs understand, and what other errors mean for them. Knows no HTTP library.

import type { z } from 'zod';
import type { adminError } from '../../contract/admin/messages.ts';
import { refusalOf, SyncError } from '../http/sync-error.ts';
import { type PolicyFault, Refused } from '../refused.ts';

export type AdminErrorBody = z.infer<typeof adminError>;
export type AdminErrorCode = AdminErrorBody['error'];

const STATUS: Readonly<Record<AdminErrorCode, number>> = {
  'signed-out': 401,
  forbidden: 403,
  missing: 404,
  conflict: 409,
  invalid: 400,
  'too-large': 413,
  rate: 429,
  internal: 500,
};

interface More {
  readonly faults?: readonly PolicyFault[];
  /** Seconds; goes into `retry-after`. */
  readonly retryAfter?: number | undefined;
  /** Where the code's own says too little. */
  readonly status?: number;
}

/** The message is for the person who asked. */
export class AdminError extends Error {
  readonly code: AdminErrorCode;
  readonly status: number;
  readonly faults: readonly PolicyFault[];
  readonly retryAfter: number | undefined;
  constructor(code: AdminErrorCode, message: string, { faults = [], retryAfter, status = STATUS[code] }: More = {}) {
    super(message);
    this.name = 'AdminError';
    this.code = code;
    this.status = status;
    this.faults = faults;
    this.retryAfter = retryAfter;
  }
}

export function errorBody({ code, message, faults }: AdminError): AdminErrorBody {
  return { error: code, message, ...(faults.length === 0 ? {} : { faults: [...faults] }) };
}

/** Of PostgreSQL: a text with a character that it cannot hold (NUL). */
const NO_SUCH_CHARACTER = '22021';

/** For people, and for pages that ask again by themselves. */
const TRY_AGAIN_S = 10;

/** What any error means for whoever asked. `internal` with status 500 is a defect, all others are not. @param request its name in the log */
export function adminErrorOf(error: unknown, request: string): AdminError {
  if (error instanceof AdminError) return error;
  if (error instanceof Refused) return new AdminError(error.why, error.message, { faults: error.faults });
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown };
  if (statusCode === 413) return new AdminError('too-large', 'the request is too large');
  if (statusCode === 415) return new AdminError('invalid', 'the body must be application/json', { status: 415 });
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new AdminError('invalid', 'the request cannot be read');
  }
  if (code === NO_SUCH_CHARACTER) return new AdminError('invalid', 'a text has a character that cannot be kept');
  const refusal = refusalOf(error);
  if (refusal.code === 'rate') {
    return new AdminError('rate', 'too many requests; wait a little', { retryAfter: refusal.retryAfter });
  }
  if (refusal.code === 'unavailable') {
    return new AdminError('internal', 'the server cannot do this just now; try again', {
      retryAfter: TRY_AGAIN_S,
      status: 503,
    });
  }
  if (error instanceof SyncError && refusal.code !== 'internal') return new AdminError('invalid', refusal.message);
  return new AdminError('internal', `the server has a defect; its log says more (${request})`);
}
