// SPDX-License-Identifier: Apache-2.0
// How an error that we word is put on the wire: as a whole answer, or as an event of a stream that has begun. The dialects give
// the shape.

import type { Framing, NativeErrorAnswer } from '../dialect.ts';

export function jsonErrorAnswer(body: unknown, headers: readonly string[] = []): NativeErrorAnswer {
  return { contentType: 'application/json', headers, body: Buffer.from(JSON.stringify(body)) };
}

/** Empty in other framings than server-sent events. A blank line in front closes an event that broke off. */
export function sseErrorEvent(framing: Framing, data: unknown, name?: string): Buffer {
  if (framing !== 'sse') return Buffer.alloc(0);
  return Buffer.from(`\n\n${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`);
}
