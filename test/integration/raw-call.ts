// SPDX-License-Identifier: Apache-2.0
// A client that sees every byte and how the connection ended: what an HTTP library would smooth over is what is tested.

import { connect, type Socket } from 'node:net';

export interface RawCall {
  readonly socket: Socket;
  /** All that has come so far. */
  text(): string;
  bytes(): Buffer;
  /** Resolves once `pattern` has come; rejects when the connection ends before. */
  until(pattern: RegExp): Promise<string>;
  /** How the other side ended: `end` (FIN) or `reset`. A keep-alive connection does not end by itself. */
  readonly ended: Promise<'end' | 'reset'>;
}

export function rawCall(port: number, request: string | Buffer): RawCall {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const chunks: Buffer[] = [];
  const waiting = new Set<() => void>();
  let over = false;
  const bytes = (): Buffer => Buffer.concat(chunks);
  const wake = (): void => {
    for (const check of [...waiting]) check();
  };
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    wake();
  });
  const ended = new Promise<'end' | 'reset'>((resolve) => {
    socket.once('end', () => resolve('end'));
    socket.once('error', () => resolve('reset'));
    socket.once('close', (hadError) => resolve(hadError ? 'reset' : 'end'));
  });
  socket.on('error', () => undefined);
  void ended.then(() => {
    over = true;
    wake();
  });
  socket.write(request);
  return {
    socket,
    bytes,
    text: () => bytes().toString('latin1'),
    ended,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const text = bytes().toString('latin1');
          if (pattern.test(text)) {
            waiting.delete(check);
            resolve(text);
          } else if (over) {
            waiting.delete(check);
            reject(new Error(`ended without ${pattern}: ${text.slice(0, 2_000)}`));
          }
        };
        waiting.add(check);
        check();
      }),
  };
}

/** A POST as text; `close` so that the answer's end can be told from a kept connection. */
export function postText(
  port: number,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const lines = Object.entries({ authorization: 'Bearer app-key', 'x-api-key': 'app-key', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n${lines.join('')}Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`;
}
