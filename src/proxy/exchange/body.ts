// SPDX-License-Identifier: Apache-2.0
// Reading a request body up to a limit, so that it can be looked at before anything leaves. A larger body is handed on as a
// stream with what was already read in front. Knows nothing of what is in it.

import { Readable } from 'node:stream';

export type ReadBody =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  /** Above the limit: the full body, start included, to be streamed with backpressure. */
  | { readonly kind: 'stream'; readonly stream: Readable }
  /** The client left before its body was complete. */
  | { readonly kind: 'gone' };

/** Never rejects. `limit` in bytes. `declared` is the Content-Length, if the caller sent a valid one. */
export function readBody(body: Readable, limit: number, declared: number | undefined): Promise<ReadBody> {
  if (declared !== undefined && declared > limit) return Promise.resolve({ kind: 'stream', stream: body });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let settled = false;
    const settle = (result: ReadBody): void => {
      if (settled) return;
      settled = true;
      body.off('data', onData);
      body.off('end', onEnd);
      body.off('close', onGone);
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= limit) return;
      body.pause();
      settle({ kind: 'stream', stream: withStart(chunks, body) });
    };
    const onEnd = (): void =>
      settle({ kind: 'whole', bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size) });
    const onGone = (): void => settle({ kind: 'gone' });
    body.on('data', onData);
    body.on('end', onEnd);
    body.on('close', onGone);
    // Stays: a late error of a body nobody reads any more must not end the process.
    body.on('error', onGone);
    if (body.readableEnded) onEnd();
    else if (body.destroyed) onGone();
  });
}

function withStart(start: readonly Buffer[], rest: Readable): Readable {
  return Readable.from(
    (async function* () {
      yield* start;
      yield* rest;
    })(),
    { objectMode: false, highWaterMark: 64 * 1024 },
  );
}
