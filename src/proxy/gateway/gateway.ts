// SPDX-License-Identifier: Apache-2.0
// The base-URL entrance: plain HTTP on loopback, HTTP/1.1 or HTTP/2 with prior knowledge, one call a request. Who may enter is
// guard.ts's decision; knows nothing of providers or TLS.

import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import type { HandleCall } from '../exchange/call.ts';
import type { Identity } from '../identity/owner.ts';
import { type Client, describeConnection, peerOf } from '../intercept/client.ts';
import { createHttpFront } from '../intercept/http-front.ts';
import { type LoopbackHost, openLoopback, stopAccepting } from '../intercept/loopback.ts';
import type { Settings } from '../policy/policy.ts';
import { admitToGateway, type PeerUser } from './guard.ts';

export interface GatewayDeps {
  /** 0 picks a free port. */
  readonly port: number;
  readonly handle: HandleCall;
  readonly settings: () => Pick<Settings, 'gateway'>;
  readonly identity: Identity;
  /** The user the daemon runs as; only that user's processes may call. */
  readonly ownUid: number;
  /** Asked of callers whose user cannot be known, or of all (`requireToken`). */
  readonly token: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Gateway {
  readonly port: number;
  readonly ipv6: boolean;
  stats(): { readonly connections: number; readonly running: number; readonly refused: number };
  /** Lets running calls end for up to half a second, then destroys what is left. */
  close(): Promise<void>;
}

const MOST_CONNECTIONS = 8_192;
/** How long a caller's user is waited for before it counts as unknown: a busy moment must not look like a stranger. Milliseconds. */
const UID_MS = 2_000;
/** How long a new connection may stay silent or undecided between HTTP/1.1 and HTTP/2. Milliseconds. */
const FIRST_BYTES_MS = 60_000;
/** The first bytes of an HTTP/2 connection (RFC 9113, 3.4); no HTTP/1.1 method begins with them. */
const H2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Rejects when the port cannot be bound on 127.0.0.1 (or on ::1, where that exists). */
export async function startGateway(deps: GatewayDeps): Promise<Gateway> {
  const { clock, log } = deps;
  const sockets = new Set<Socket>();
  let ids = 0;
  let ownHosts: readonly string[] = [];
  const http = createHttpFront(deps, (code) => log.warn('gateway.refused', { code }));

  const accept = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const peer = peerOf(socket);
    if (peer === undefined) return void socket.destroy();
    // One lookup a connection: it says who is asking, and whether they may.
    const connection = describeConnection(`g${++ids}`, peer, deps.identity);
    const uid = deps.identity.knowsUid
      ? deps.identity.uidOf(peer, UID_MS)
      : deps.identity.attribute(peer).then((attribution) => attribution.uid);
    const user = uid.then((known) => userOf(known, deps.ownUid));
    const client: Client = {
      raw: socket,
      connection,
      entrance: 'gateway',
      scheme: 'http',
      admit: async (head) => {
        const rules = { ...deps.settings().gateway, ownHosts, token: deps.token };
        return admitToGateway(head, rules, await user);
      },
    };
    void startsAsH2(socket, clock).then((isH2) => {
      if (socket.destroyed) return;
      if (isH2 === undefined) socket.destroy();
      else (isH2 ? http.h2 : http.h1).accept(socket, client);
    });
  };
  const { servers, port, ipv6 } = await openLoopback(deps.port, (host, at) => open(host, at, accept, log)).catch(
    async (error: unknown) => {
      await http.stop();
      throw error;
    },
  );
  ownHosts = ['127.0.0.1', 'localhost', '[::1]'].map((host) => `${host}:${port}`);
  return {
    port,
    ipv6,
    stats: () => ({ connections: sockets.size, running: http.front.calls.running, refused: http.refused }),
    close: async () => {
      const stopped = stopAccepting(servers);
      await http.stop();
      for (const socket of sockets) socket.destroy();
      await stopped;
    },
  };
}

function userOf(uid: number | undefined, ownUid: number): PeerUser {
  if (uid === undefined || uid < 0) return 'unknown';
  return uid === ownUid ? 'own' : 'other';
}

function open(host: LoopbackHost, port: number, accept: (socket: Socket) => void, log: Log): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, accept);
    server.maxConnections = MOST_CONNECTIONS;
    server.once('error', reject);
    server.listen({ host, port, ipv6Only: host === '::1' }, () => {
      server.off('error', reject);
      // Accepting can fail later (no file descriptors left); without a listener that would end the process.
      server.on('error', (error: NodeJS.ErrnoException) => log.error('gateway.listen-error', { code: error.code }));
      resolve(server);
    });
  });
}

/** Leaves the socket paused with its bytes put back. Undefined: it ended, or said nothing in time. */
function startsAsH2(socket: Socket, clock: Clock): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    let seen: Buffer = Buffer.alloc(0);
    const settle = (isH2: boolean | undefined): void => {
      timer.clear();
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      socket.pause();
      if (seen.length > 0 && isH2 !== undefined) socket.unshift(seen);
      resolve(isH2);
    };
    const timer = clock.after(FIRST_BYTES_MS, () => settle(undefined));
    const onData = (chunk: Buffer): void => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const length = Math.min(seen.length, H2_PREFACE.length);
      if (!seen.subarray(0, length).equals(H2_PREFACE.subarray(0, length))) settle(false);
      else if (length === H2_PREFACE.length) settle(true);
    };
    const onEnd = (): void => settle(undefined);
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    socket.resume();
  });
}
