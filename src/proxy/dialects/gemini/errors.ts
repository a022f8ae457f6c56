// SPDX-License-Identifier: Apache-2.0
// Errors in Google's shape (google.rpc.Status as JSON).

import type { ErrorClass, Framing, NativeError, NativeErrorAnswer } from '../dialect.ts';
import { jsonErrorAnswer, sseErrorEvent } from '../shared/error-answer.ts';

function statusWord(error: ErrorClass): string {
  switch (error) {
    case 'authentication':
      return 'UNAUTHENTICATED';
    case 'permission':
      return 'PERMISSION_DENIED';
    case 'not-found':
    case 'model-not-found':
      return 'NOT_FOUND';
    case 'rate-limit':
    case 'quota':
      return 'RESOURCE_EXHAUSTED';
    case 'overloaded':
      return 'UNAVAILABLE';
    case 'server':
    case 'unknown':
      return 'INTERNAL';
    default:
      return 'INVALID_ARGUMENT';
  }
}

/** google.rpc.ErrorInfo carries our code: clients that log details show it. */
function body(error: NativeError) {
  return {
    error: {
      code: error.status,
      message: error.message,
      status: statusWord(error.class),
      details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: error.code, domain: 'outpost' }],
    },
  };
}

export function geminiErrorAnswer(error: NativeError): NativeErrorAnswer {
  return jsonErrorAnswer(body(error));
}

/** In the array form the error is one more element, after which the array is closed. */
export function geminiStreamError(framing: Framing, error: NativeError): Buffer {
  if (framing === 'json-array') return Buffer.from(`,\n${JSON.stringify(body(error))}\n]`);
  return sseErrorEvent(framing, body(error));
}
