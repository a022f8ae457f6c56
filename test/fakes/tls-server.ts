// SPDX-License-Identifier: Apache-2.0
// Owns: TLS servers for tests, also ones that no decent client should talk to, and a look at what clients offer.
// Must not know which client is tested.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

export interface TestServer {
  readonly port: number;
  /** Decrypted bytes received, over all connections; complete once `settled` has resolved. */
  readonly received: () => number;
  /** Resolves when every connection so far is closed. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface TestTlsOptions extends TlsOptions {
  /** What to staple, DER. */
  readonly staple?: Buffer;
}

/** Listens on 127.0.0.1. Without other orders it takes even the weakest keys and signatures for its own certificate. */
export async function startTlsServer({ staple, ...options }: TestTlsOptions): Promise<TestServer> {
  let received = 0;
  const server = createTlsServer({ ciphers: 'ALL:@SECLEVEL=0', ...options }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
    });
  });
  if (staple !== undefined) {
    server.on('OCSPRequest', (_certificate, _issuer, callback) => callback(null, staple));
  }
  server.on('tlsClientError', () => undefined);
  return listen(server, () => received);
}

/** Answers every ClientHello with the given raw bytes. */
export const startRawServer = (answer: Buffer): Promise<TestServer> =>
  listen(
    createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(answer));
    }),
    () => 0,
  );

/** A ServerHello that picks a cipher suite (e.g. 0x0005, RC4) and a version (0x0303 is TLS 1.2) whatever was offered. */
export function serverHello({ suite, version, compression = 0 }: ServerHelloOptions): Buffer {
  const word = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
  // No session id; an empty renegotiation_info, or the client would stop for the lack of it.
  const body = Buffer.concat([
    word(version),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    word(suite),
    Buffer.from([compression, 0, 5, 0xff, 0x01, 0, 1, 0]),
  ]);
  const handshake = Buffer.concat([Buffer.from([2, 0]), word(body.length), body]);
  return Buffer.concat([Buffer.from([0x16]), word(version), word(handshake.length), handshake]);
}

export interface ServerHelloOptions {
  readonly suite: number;
  readonly version: number;
  readonly compression?: number;
}

export interface ClientHello {
  readonly suites: readonly number[];
  readonly compressions: readonly number[];
  readonly extensions: ReadonlyMap<number, Buffer>;
}

/** What a client says first to a server at `port`. */
export async function captureClientHello(connect: (port: number) => Promise<unknown>): Promise<ClientHello> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const arrived = once(server, 'connection');
  const attempt = connect(portOf(server)).catch(() => undefined);
  const [socket]: Socket[] = await arrived;
  if (socket === undefined) throw new Error('no connection');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(Buffer.from(chunk));
    const all = Buffer.concat(chunks);
    if (all.length >= 5 && all.length >= 5 + all.readUInt16BE(3)) break;
  }
  socket.destroy();
  await attempt;
  server.close();
  return parseClientHello(Buffer.concat(chunks).subarray(5));
}

function parseClientHello(hello: Buffer): ClientHello {
  // Handshake type and length, version, random
  let at = 4 + 2 + 32;
  const vector = (lengthBytes: 1 | 2): Buffer => {
    const length = hello.readUIntBE(at, lengthBytes);
    at += lengthBytes + length;
    return hello.subarray(at - length, at);
  };
  vector(1);
  const suites = words(vector(2));
  const compressions = [...vector(1)];
  const extensions = new Map<number, Buffer>();
  const end = at + 2 + hello.readUInt16BE(at);
  at += 2;
  while (at < end) {
    const type = hello.readUInt16BE(at);
    at += 2;
    extensions.set(type, vector(2));
  }
  return { suites, compressions, extensions };
}

const words = (bytes: Buffer): readonly number[] =>
  Array.from({ length: bytes.length / 2 }, (_, index) => bytes.readUInt16BE(index * 2));

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

async function listen(server: Server, received: () => number): Promise<TestServer> {
  const open = new Set<Socket>();
  const closed: Promise<unknown>[] = [];
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    closed.push(new Promise((resolve) => socket.once('close', resolve)).then(() => open.delete(socket)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server),
    received,
    settled: async () => {
      await Promise.all(closed);
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
