// SPDX-License-Identifier: Apache-2.0
// Errors in Cohere's shape.

import type { Framing, NativeError, NativeErrorAnswer } from '../dialect.ts';
import { jsonErrorAnswer, sseErrorEvent } from '../shared/error-answer.ts';

export function cohereErrorAnswer(error: NativeError): NativeErrorAnswer {
  return jsonErrorAnswer({ message: error.message });
}

/** Cohere ends a stream that failed with a message-end of reason ERROR. */
export function cohereStreamError(framing: Framing, error: NativeError): Buffer {
  const event = { type: 'message-end', delta: { error: error.message, finish_reason: 'ERROR' } };
  return sseErrorEvent(framing, event, 'message-end');
}
