// SPDX-License-Identifier: Apache-2.0
// Whoever is sent something over HTTP or HTTPS: keeps each request, answers as a test says. Knows nothing of what is sent.

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { makeTestCa } from './pki.ts';

export interface WebRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** `hang`: never; `cut`: a part of the answer, then nothing; `reset`: the connection breaks before any of it. */
export interface WebAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly fault?: 'hang' | 'cut' | 'reset';
}

export interface WebReceiver {
  readonly url: string;
  /** The authority to trust; undefined: no TLS. */
  readonly ca: string | undefined;
  readonly requests: WebRequest[];
  answer: (request: WebRequest) => WebAnswer | Promise<WebAnswer>;
  /** Resolves with the next request, before it is answered. */
  next(): Promise<WebRequest>;
}

/** Closed when the test ends. Listens on 127.0.0.1. */
export async function startWebReceiver(
  test: Pick<TestContext, 'after'>,
  { tls = true, names = ['127.0.0.1'] }: { readonly tls?: boolean; readonly names?: readonly string[] } = {},
): Promise<WebReceiver> {
  const requests: WebRequest[] = [];
  const waiting: ((request: WebRequest) => void)[] = [];
  const broken: unknown[] = [];

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(Buffer.from(piece));
    const { method = '', url = '', headers } = incoming;
    const request = { method, path: url, headers, body: Buffer.concat(pieces) };
    requests.push(request);
    for (const wake of waiting.splice(0)) wake(request);
    const { status = 200, headers: own = {}, body = '', fault } = await receiver.answer(request);
    if (fault === 'hang') return;
    if (fault === 'reset') return void incoming.socket.destroy();
    const bytes = Buffer.from(body);
    response.writeHead(status, { ...own, 'content-length': fault === 'cut' ? bytes.length + 10 : bytes.length });
    if (fault !== 'cut') return void response.end(bytes);
    response.write(bytes, () => incoming.socket.destroy());
  }

  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    // A client that goes away is what some tests are about.
    serve(incoming, response).catch((error: Error & { code?: string }) => {
      if (error.code !== 'ECONNRESET') broken.push(error);
    });
  };
  const ca = tls ? makeTestCa() : undefined;
  const leaf = ca?.issue({ names });
  const server =
    leaf === undefined ? createServer(listener) : createTlsServer({ key: leaf.key, cert: leaf.chain }, listener);
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    if (broken.length > 0) throw broken[0];
  });
  const { port } = server.address() as AddressInfo;
  const receiver: WebReceiver = {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    ca: ca?.cert,
    requests,
    answer: () => ({}),
    next: () => new Promise((resolve) => waiting.push(resolve)),
  };
  return receiver;
}
