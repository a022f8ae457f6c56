// SPDX-License-Identifier: Apache-2.0
// Takes in a request body: all of it, or on purpose only its beginning; undoes its content coding.

import type { Readable } from 'node:stream';
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { type Fault, parseFault } from './fault.ts';
import type { RecordedRequest, Recording } from './recorded.ts';

/** Faults that act before the body is read; only a header or the script can ask for them. */
export function bodyFault(recording: RecordedRequest, scripted: Fault): Fault {
  const named = recording.header('x-fault');
  if (named === undefined) return scripted;
  try {
    return parseFault(named);
  } catch {
    return {};
  }
}

/** Resolves true at the end of the body; false when it stopped at `unread` bytes or the client left. */
export function readBody(
  req: Readable & { readonly rawTrailers: readonly string[] },
  recording: Recording,
  unread: number | undefined,
  changed: () => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = () => resolve(false);
    req.on('error', stop);
    req.once('aborted', stop);
    req.once('close', stop);
    req.once('end', () => {
      recording.bodyEnded([...req.rawTrailers]);
      resolve(true);
    });
    req.on('data', (chunk: Buffer) => {
      recording.take(chunk);
      changed();
      if (unread !== undefined && recording.bodyBytes >= unread) {
        req.pause();
        stop();
      }
    });
  });
}

export function decodedJson(recording: RecordedRequest): unknown {
  return JSON.parse(decode(recording.body, recording.header('content-encoding')).toString('utf8'));
}

function decode(body: Buffer, coding: string | undefined): Buffer {
  switch (coding) {
    case 'gzip':
      return gunzipSync(body);
    case 'br':
      return brotliDecompressSync(body);
    case 'zstd':
      return zstdDecompressSync(body);
    case 'deflate':
      return inflateSync(body);
    default:
      return body;
  }
}
