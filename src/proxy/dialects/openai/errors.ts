// SPDX-License-Identifier: Apache-2.0
// Errors in OpenAI's shape, which all OpenAI-compatible clients read; also the neutral shape for calls of no known dialect.

import type { ErrorClass, Framing, NativeError, NativeErrorAnswer } from '../dialect.ts';
import { jsonErrorAnswer, sseErrorEvent } from '../shared/error-answer.ts';

function openaiErrorType(error: ErrorClass): string {
  switch (error) {
    case 'authentication':
      return 'authentication_error';
    case 'permission':
      return 'permission_error';
    case 'rate-limit':
      return 'rate_limit_error';
    case 'quota':
      return 'insufficient_quota';
    case 'overloaded':
      return 'service_unavailable_error';
    case 'server':
    case 'unknown':
      return 'server_error';
    default:
      return 'invalid_request_error';
  }
}

function errorObject(error: NativeError) {
  return { message: error.message, type: openaiErrorType(error.class), param: null, code: error.code };
}

export function openaiErrorAnswer(error: NativeError): NativeErrorAnswer {
  return jsonErrorAnswer({ error: errorObject(error) });
}

export function openaiStreamError(framing: Framing, error: NativeError): Buffer {
  return sseErrorEvent(framing, { error: errorObject(error) });
}

/**
 * The Responses API's own error event. `error` within it is what the WebSocket form has; the SDKs read either.
 * `sequence_number` is not known here; no client checks it.
 */
export function responsesErrorEvent(error: NativeError): Readonly<Record<string, unknown>> {
  const { message, code } = error;
  return {
    type: 'error',
    code,
    message,
    param: null,
    sequence_number: 0,
    status: error.status,
    error: errorObject(error),
  };
}

export function responsesStreamError(framing: Framing, error: NativeError): Buffer {
  return sseErrorEvent(framing, responsesErrorEvent(error), 'error');
}

/** For a call whose dialect is not known. */
export function unknownError(error: NativeError): NativeErrorAnswer {
  const { message, code } = error;
  return jsonErrorAnswer({ error: { message, type: openaiErrorType(error.class), code } });
}
