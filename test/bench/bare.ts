// SPDX-License-Identifier: Apache-2.0
// Bench floor: the least an intercepting proxy on Node can do. CONNECT, one static certificate, HTTP/1.1, undici upstream with a
// buffered body. No policy, no attribution, no audit, no reading.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSecureContext, createServer as createTls } from 'node:tls';
import { Pool } from 'undici';

const setup = JSON.parse(process.argv[2] ?? '{}') as { port: number; ca: string; key: string; chain: string };
const context = createSecureContext({ key: setup.key, cert: setup.chain });
const pool = new Pool(`https://localhost:${setup.port}`, { connect: { ca: setup.ca }, connections: 64, pipelining: 1 });

const inner = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () =>
    forward(request.method ?? 'GET', request.url ?? '/', request.rawHeaders, Buffer.concat(chunks), response),
  );
});
inner.keepAliveTimeout = 120_000;

function forward(method: string, path: string, raw: readonly string[], body: Buffer, response: ServerResponse): void {
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    if (name !== 'host' && name !== 'connection' && name !== 'content-length')
      headers.push(raw[i] as string, raw[i + 1] as string);
  }
  pool.dispatch(
    { method: method as 'POST', path, headers, body },
    {
      onRequestStart: () => undefined,
      onResponseStart: (_controller, status, answer) => void response.writeHead(status, answer),
      onResponseData: (_controller, chunk) => void response.write(chunk),
      onResponseEnd: () => void response.end(),
      onResponseError: () => void response.destroy(),
    },
  );
}

const tls = createTls({
  secureContext: context,
  ALPNProtocols: ['http/1.1'],
  SNICallback: (_name, done) => done(null, context),
});
tls.on('secureConnection', (socket) => inner.emit('connection', socket));
const outer = createServer();
outer.on('connect', (_request, socket, head) => {
  socket.on('error', () => socket.destroy());
  (socket as typeof socket & { setNoDelay(on: boolean): void }).setNoDelay(true);
  socket.write('HTTP/1.1 200 OK\r\n\r\n');
  if (head.length > 0) socket.unshift(head);
  tls.emit('connection', socket);
});
outer.listen(0, '127.0.0.1', () => process.send?.({ port: (outer.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
