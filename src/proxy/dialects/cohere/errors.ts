// SPDX-License-Identifier: Apache-2.0
// Errors in Cohere's shape.

import type { Framing, NativeError, NativeErrorAnswer } from '../dialect.ts';

export function cohereErrorAnswer(error: NativeError): NativeErrorAnswer {
  return {
    contentType: 'application/json',
    headers: [],
    body: Buffer.from(JSON.stringify({ message: error.message })),
  };
}

/** Cohere ends a stream that failed with a message-end of reason ERROR. A blank line in front closes an event that broke off. */
export function cohereStreamError(framing: Framing, error: NativeError): Buffer {
  if (framing !== 'sse') return Buffer.alloc(0);
  const event = { type: 'message-end', delta: { error: error.message, finish_reason: 'ERROR' } };
  return Buffer.from(`\n\nevent: message-end\ndata: ${JSON.stringify(event)}\n\n`);
}
