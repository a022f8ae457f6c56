// SPDX-License-Identifier: Apache-2.0
// An ordinary web origin for tunnel and duplex tests: echoes, swallows, streams, upgrades. Knows nothing of AI.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer, type Http2ServerRequest } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Clock } from '../../src/contract/clock.ts';
import { systemClock } from '../../src/proxy/clock.ts';

/** HTTP/2 requests come with Node's compatible response; only what both have is used here. */
type Response = ServerResponse;

export interface OriginOptions {
  /** PEM. With it: TLS, HTTP/2 and HTTP/1.1 by ALPN. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
  readonly clock?: Clock;
}

export interface OriginRequest {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  readonly at: number;
}

/**
 * `/echo` gives the body back as it comes; `/head` describes the request as JSON; `/sink` counts and hashes the body;
 * `/bytes?n=` sends n bytes; `/sse?n=&gap=` sends n events; a WebSocket on any path echoes, with permessage-deflate; an HTTP/2
 * request of type `application/grpc` is echoed in both directions at once and closed with trailers.
 */
export class Origin {
  readonly #server: Server | Http2SecureServer;
  readonly #clock: Clock;
  readonly #secure: boolean;
  readonly #sockets = new Set<Socket>();
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: { threshold: 0 },
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  readonly requests: OriginRequest[] = [];
  connections = 0;

  constructor(options: OriginOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#secure = options.tls !== undefined;
    this.#server =
      options.tls === undefined ? createServer() : createSecureServer({ ...options.tls, allowHTTP1: true });
    const server = this.#server as Server;
    server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (req, res) => void this.#serve(req, res));
    server.on('upgrade', (req, socket, head) => this.#upgrade(req, socket, head));
  }

  async listen(host = '127.0.0.1'): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, host, resolve);
    });
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    const { address, family } = this.#server.address() as AddressInfo;
    return `${this.#secure ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${this.port}`;
  }

  async close(): Promise<void> {
    for (const client of this.#webSockets.clients) client.terminate();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #note(req: IncomingMessage | Http2ServerRequest): URL {
    this.requests.push({
      method: req.method ?? '',
      target: req.url ?? '',
      httpVersion: req.httpVersion,
      rawHeaders: [...req.rawHeaders],
      at: this.#clock.monotonic(),
    });
    return new URL(req.url ?? '/', 'http://origin.invalid');
  }

  async #serve(req: IncomingMessage | Http2ServerRequest, res: Response): Promise<void> {
    const url = this.#note(req);
    req.on('error', () => undefined);
    res.on('error', () => undefined);
    if ('stream' in req && req.headers['content-type']?.startsWith('application/grpc') === true) {
      echoWithTrailers(req, res);
      return;
    }
    const n = Number(url.searchParams.get('n') ?? 0);
    switch (url.pathname) {
      case '/echo':
        res.writeHead(200, { 'content-type': req.headers['content-type'] ?? 'application/octet-stream' });
        req.pipe(res);
        return;
      case '/sink':
        return sink(req, res);
      case '/bytes':
        return bytes(res, n);
      case '/sse':
        return this.#events(res, n, Number(url.searchParams.get('gap') ?? 0));
      case '/head':
        return json(res, {
          method: req.method,
          target: req.url,
          httpVersion: req.httpVersion,
          rawHeaders: req.rawHeaders,
        });
      default:
        res.writeHead(404);
        res.end();
    }
  }

  async #events(res: Response, count: number, gap: number): Promise<void> {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let i = 0; i < count && !res.writableEnded && res.socket?.destroyed !== true; i += 1) {
      res.write(`id: ${i}\ndata: ${this.#clock.now()}\n\n`);
      if (gap > 0) await new Promise<void>((resolve) => this.#clock.after(gap, resolve));
    }
    res.end();
  }

  #upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#note(req);
    socket.on('error', () => undefined);
    this.#webSockets.handleUpgrade(req, socket, head, (ws) => {
      ws.on('error', () => undefined);
      ws.on('message', (data, binary) => ws.send(data, { binary }));
    });
  }
}

function json(res: Response, value: unknown): void {
  res.writeHead(200, { 'content-type': 'application/json' });
  res.end(JSON.stringify(value));
}

function sink(req: Readable, res: Response): void {
  const hash = createHash('sha256');
  let count = 0;
  req.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    count += chunk.length;
  });
  req.on('end', () => json(res, { bytes: count, sha256: hash.digest('hex') }));
}

async function bytes(res: Response, count: number): Promise<void> {
  const out = res;
  out.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': String(count) });
  const block = Buffer.alloc(64 * 1024, 'outpost ');
  for (let left = count; left > 0 && !out.destroyed; left -= block.length) {
    if (out.write(block.subarray(0, left))) continue;
    await new Promise<void>((resolve) => {
      const on = () => {
        out.off('drain', on);
        out.off('close', on);
        resolve();
      };
      out.once('drain', on);
      out.once('close', on);
    });
  }
  out.end();
}

/** Duplex in the way of gRPC: the head is answered at once, each message returns while the request is still open. */
function echoWithTrailers(req: Readable, res: Response): void {
  res.addTrailers({ 'grpc-status': '0', 'grpc-message': 'simulated' });
  res.writeHead(200, { 'content-type': 'application/grpc' });
  req.on('data', (chunk: Buffer) => res.write(chunk));
  req.on('end', () => res.end());
}
