// SPDX-License-Identifier: Apache-2.0
// The listening sockets of the proxy: http-mitm-proxy on 127.0.0.1, reduced to its CONNECT and request hooks, and a plain server on
// ::1 that feeds the same handlers. Everything else the library does is replaced or out of reach. Knows nothing of what the
// handlers decide.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import type { Front } from './client.ts';
import { answerClientError, hardenServer } from './h1-server.ts';
import { openLoopback, stopAccepting } from './loopback.ts';
import { MitmProxy } from './mitm-proxy.ts';

export interface ListenerHandlers {
  readonly connect: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly request: (req: IncomingMessage, res: ServerResponse) => void;
  readonly upgrade: (req: IncomingMessage, socket: Duplex, early: Buffer) => void;
}

export interface ListenerOptions {
  /** 0 picks one that is free on both families. */
  readonly port: number;
  readonly handlers: ListenerHandlers;
  readonly answering: Front['answering'];
  readonly clock: Clock;
  readonly log: Log;
}

export interface Listener {
  readonly port: number;
  /** False where the machine has no ::1. */
  readonly ipv6: boolean;
  readonly connections: number;
  /** No new connections from now on; open ones go on. Resolves when the last of them has closed. */
  stopAccepting(): Promise<void>;
  destroyConnections(): void;
}

/** An IDE or a browser opens dozens; this is for runaway clients. Connections per address family. */
const MOST_CONNECTIONS = 8_192;

/** Rejects when the port is taken (`EADDRINUSE`) or may not be bound. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const sockets = new Set<Socket>();
  const { port, ipv6, servers } = await openLoopback(options.port, async (host, at) => {
    const server = host === '127.0.0.1' ? listenV4(options, at) : listenV6(options, at);
    prepare(server, options, sockets);
    await listening(server);
    return server;
  });
  return {
    port,
    ipv6,
    get connections() {
      return sockets.size;
    },
    stopAccepting: () => stopAccepting(servers),
    destroyConnections: () => {
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
  };
}

function listenV4({ handlers }: ListenerOptions, port: number): Server {
  const proxy = new MitmProxy();
  silence(proxy);
  // Neither hook ever calls back: that is what takes over. The library has paused the request and rewritten its URL.
  proxy.onConnect((req, socket, head: Buffer) => handlers.connect(req, socket, head));
  proxy.onRequest(({ clientToProxyRequest: req, proxyToClientResponse: res }) => {
    req.url = targets.get(req) ?? req.url;
    handlers.request(req, res);
  });
  const targets = new WeakMap<IncomingMessage, string | undefined>();
  proxy.listen({ host: '127.0.0.1', port });
  const server = proxy.httpServer;
  if (server === undefined) throw new Error('the proxy listener did not start');
  server.prependListener('request', (req) => targets.set(req, req.url));
  // Its own upgrade listener would relay WebSockets without asking anyone.
  server.removeAllListeners('upgrade');
  return server;
}

function listenV6({ handlers }: ListenerOptions, port: number): Server {
  const server = createServer();
  server.on('connect', handlers.connect);
  server.on('request', handlers.request);
  server.listen({ host: '::1', port, ipv6Only: true });
  return server;
}

function prepare(server: Server, options: ListenerOptions, sockets: Set<Socket>): void {
  const { handlers, answering, clock, log } = options;
  hardenServer(server);
  server.maxConnections = MOST_CONNECTIONS;
  // Accepting can fail later (no file descriptors left); without a listener that would end the process.
  server.on('error', (error: NodeJS.ErrnoException) => log.error('proxy.listen-error', { code: error.code }));
  server.on('drop', () => log.warn('proxy.too-many-connections', { most: MOST_CONNECTIONS }));
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', handlers.upgrade);
  // Not answered by Node, so that the 100 comes from whoever wants the body.
  server.on('checkContinue', (req, res) => server.emit('request', req, res));
  server.on('clientError', answerClientError({ answering, clock }));
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** The library prints errors and puts their text into answers; nothing it could say is of use once its work is taken over. */
function silence(proxy: MitmProxy): void {
  Object.assign(proxy, { _onError: () => undefined, _onSocketError: () => undefined });
}
