// SPDX-License-Identifier: Apache-2.0
// From what a socket or undici reports to an error of the catalogue. Pure.

import { OutpostError } from '../../contract/errors.ts';

/** `headSeen`: the answer had begun. */
export function upstreamError(error: unknown, headSeen: boolean): OutpostError {
  if (error instanceof OutpostError) return error;
  if (error instanceof Error && error.cause instanceof OutpostError) return error.cause;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  if (headSeen) return new OutpostError('OUT_UPSTREAM_BROKEN', code);
  if (/TIMEOUT|TIMEDOUT/.test(code)) return new OutpostError('OUT_UPSTREAM_TIMEOUT', code);
  if (/^UND_ERR_(INVALID|NOT_SUPPORTED)/.test(code)) return new OutpostError('OUT_BAD_REQUEST', code);
  if (/^HPE_|^UND_ERR_(HEADERS|RES)/.test(code)) return new OutpostError('OUT_UPSTREAM_BROKEN', code);
  return new OutpostError('OUT_UPSTREAM_UNREACHABLE', code);
}
