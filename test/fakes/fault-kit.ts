// SPDX-License-Identifier: Apache-2.0
// What the tests of the fault proxy share: servers behind it that remember what reached them, and clients that hide nothing.

import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { type Fault, type FaultProxy, type FaultProxyOptions, startFaultProxy } from './fault-proxy.ts';
import { makeTestCa } from './pki.ts';
import { type Asked, type Seen, send } from './provider/client.ts';

const ca = makeTestCa();
const { key, chain } = ca.issue({ names: ['localhost'] });

/** Of a server named localhost; `post` trusts it. */
export const TLS = { key, cert: chain };

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

export interface Echo {
  readonly port: number;
  /** Bodies that reached the server whole. */
  readonly served: Buffer[];
  readonly connections: () => number;
}

/** An HTTP server that answers each body with itself. */
export async function startEcho(t: TestContext, tls?: typeof TLS): Promise<Echo> {
  const served: Buffer[] = [];
  let connections = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(Buffer.from(part));
    const body = Buffer.concat(parts);
    served.push(body);
    response.end(body);
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    // A body that breaks off was not served; that is all there is to know.
    answer(request, response).catch(() => undefined);
  };
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);
  server.on('connection', () => {
    connections += 1;
  });
  const port = await listen(t, server);
  t.after(() => server.closeAllConnections());
  return { port, served, connections: () => connections };
}

export interface Exchanged {
  readonly received: Buffer;
  /** An error's code, or `fin`. */
  readonly end: string;
}

function endOf(socket: Socket): Promise<Exchanged> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const done = (end: string): void => {
      socket.destroy();
      resolve({ received: Buffer.concat(parts), end });
    };
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? ''));
    socket.on('end', () => done('fin'));
  });
}

/** Sends over a bare connection. */
export function exchange(port: number, sent: string | Buffer): Promise<Exchanged> {
  return endOf(
    connect(port, '127.0.0.1').on('connect', function (this: Socket) {
      this.write(sent);
    }),
  );
}

/** A server of bytes; of its first connection: what it had when it ended, and the socket, to speak. */
export async function startSink(t: TestContext, hello = '') {
  const accepted = Promise.withResolvers<Socket>();
  const first = Promise.withResolvers<Exchanged>();
  const server = createServer((socket) => {
    void endOf(socket).then(first.resolve);
    socket.write(hello);
    accepted.resolve(socket);
  });
  return { port: await listen(t, server), accepted: accepted.promise, first: first.promise };
}

/** Sends more than the system keeps between two programs: resolves when the other side has read most of it, false if it never will. */
export function sendMuch(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => socket.write(Buffer.alloc(16_000_000), (error) => resolve(!error)));
}

/** Resolves when so many bytes have come in all. */
export async function received(socket: Socket, bytes: number): Promise<void> {
  while (socket.bytesRead < bytes) await once(socket, 'data');
}

export interface StartOptions extends Partial<FaultProxyOptions> {
  /** For a plan that has only this. */
  readonly fault?: Fault;
}

/** A proxy, in front of an echo if nothing else is said. */
export async function start(t: TestContext, { fault, ...options }: StartOptions = {}) {
  const echo = await startEcho(t);
  const plan = fault === undefined ? {} : { plan: () => fault };
  const proxy = await startFaultProxy({ target: echo.port, ...plan, ...options });
  t.after(() => proxy.close());
  return { proxy, echo };
}

export function post(proxy: FaultProxy, body: string | Buffer, options: Partial<Asked> = {}): Promise<Seen> {
  return send({ url: `${proxy.origin}/`, body, ca: ca.cert, ...options });
}

export const head = (bytes: number): string => `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${bytes}\r\n\r\n`;

/** Offsets at which the two differ, and the bits. */
export function differences(left: Buffer, right: Buffer): (readonly [at: number, bits: number])[] {
  const length = Math.max(left.length, right.length);
  return Array.from({ length }, (_, at) => [at, (left[at] ?? -1) ^ (right[at] ?? -1)] as const).filter(
    ([, bits]) => bits !== 0,
  );
}
