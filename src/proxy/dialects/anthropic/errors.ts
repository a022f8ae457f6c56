// SPDX-License-Identifier: Apache-2.0
// Errors in Anthropic's shape.

import type { ErrorClass, Framing, NativeError, NativeErrorAnswer } from '../dialect.ts';

function anthropicErrorType(error: ErrorClass): string {
  switch (error) {
    case 'authentication':
      return 'authentication_error';
    case 'permission':
      return 'permission_error';
    case 'not-found':
    case 'model-not-found':
      return 'not_found_error';
    case 'rate-limit':
      return 'rate_limit_error';
    case 'quota':
      return 'billing_error';
    case 'overloaded':
      return 'overloaded_error';
    case 'server':
    case 'unknown':
      return 'api_error';
    default:
      return 'invalid_request_error';
  }
}

function body(error: NativeError): string {
  return JSON.stringify({ type: 'error', error: { type: anthropicErrorType(error.class), message: error.message } });
}

export function anthropicErrorAnswer(error: NativeError): NativeErrorAnswer {
  return { contentType: 'application/json', headers: [], body: Buffer.from(body(error)) };
}

/** A blank line in front closes an event that broke off. */
export function anthropicStreamError(framing: Framing, error: NativeError): Buffer {
  return framing === 'sse' ? Buffer.from(`\n\nevent: error\ndata: ${body(error)}\n\n`) : Buffer.alloc(0);
}
