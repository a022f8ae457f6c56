// SPDX-License-Identifier: Apache-2.0
// Errors in Anthropic's shape.

import type { ErrorClass, Framing, NativeError, NativeErrorAnswer } from '../dialect.ts';
import { jsonErrorAnswer, sseErrorEvent } from '../shared/error-answer.ts';

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

function body(error: NativeError) {
  return { type: 'error', error: { type: anthropicErrorType(error.class), message: error.message } };
}

export function anthropicErrorAnswer(error: NativeError): NativeErrorAnswer {
  return jsonErrorAnswer(body(error));
}

export function anthropicStreamError(framing: Framing, error: NativeError): Buffer {
  return sseErrorEvent(framing, body(error), 'error');
}
