// SPDX-License-Identifier: Apache-2.0
// Errors in Google's shape (google.rpc.Status as JSON).

import type { ErrorClass, Framing, NativeError, NativeErrorAnswer } from '../dialect.ts';

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
function body(error: NativeError): string {
  return JSON.stringify({
    error: {
      code: error.status,
      message: error.message,
      status: statusWord(error.class),
      details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: error.code, domain: 'outpost' }],
    },
  });
}

export function geminiErrorAnswer(error: NativeError): NativeErrorAnswer {
  return { contentType: 'application/json', headers: [], body: Buffer.from(body(error)) };
}

/** In the array form the error is one more element, after which the array is closed. */
export function geminiStreamError(framing: Framing, error: NativeError): Buffer {
  switch (framing) {
    case 'sse':
      return Buffer.from(`\n\ndata: ${body(error)}\n\n`);
    case 'json-array':
      return Buffer.from(`,\n${body(error)}\n]`);
    default:
      return Buffer.alloc(0);
  }
}
