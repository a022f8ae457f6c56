// SPDX-License-Identifier: Apache-2.0
// Reads a device's event stream as it comes: events, comments, and its end. Knows no meaning of either.

import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import type { FakeDevice } from './device.ts';

export interface StreamReader {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** The next block: `: …` or `event: …\ndata: …`. undefined: the stream has ended. */
  next(): Promise<string | undefined>;
  /** Blocks that have come and were not asked for yet. */
  waiting(): number;
  /** Takes nothing more from the connection. */
  pause(): void;
  resume(): void;
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>;
  close(): void;
}

/** Opens the stream of a device. Resolves with the head of the answer. */
export async function openStream(device: FakeDevice): Promise<StreamReader> {
  const { method, path, headers } = device.prepare({ method: 'GET', path: '/v1/stream' });
  const { hostname, port } = new URL(device.url);
  let request: ClientRequest | undefined;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request = httpRequest({ hostname, port, method, path, headers, agent: false }, resolve);
    request.on('error', reject);
    request.end();
  });
  const blocks: string[] = [];
  let text = '';
  let over = false;
  let wake = (): void => {};
  const closed = new Promise<void>((resolve) => response.on('close', resolve));
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      blocks.push(text.slice(0, end));
      text = text.slice(end + 2);
    }
    wake();
  });
  // A stream that is cut off is an ordinary end here.
  response.on('error', () => {});
  response.on('close', () => {
    over = true;
    wake();
  });
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    async next() {
      while (blocks.length === 0 && !over) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return blocks.shift();
    },
    waiting: () => blocks.length,
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    closed,
    close: () => void request?.destroy(),
  };
}
