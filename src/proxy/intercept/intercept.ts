// SPDX-License-Identifier: Apache-2.0
// The intercepting entrance: wires listener, CONNECT, TLS, HTTP/1.1, HTTP/2 and plain HTTP together, and starts and stops them.
// Decides nothing itself.

import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import type { HandleCall } from '../exchange/call.ts';
import type { Identity } from '../identity/owner.ts';
import type { HostDecision, Settings } from '../policy/policy.ts';
import { parseHostHeader } from './authority.ts';
import { type Admission, type Client, describeConnection, peerOf, refused } from './client.ts';
import { createConnectHandler, type Decrypt } from './connect.ts';
import { createDial, type DialOptions, type Resolve } from './dial.ts';
import { createHttpFront } from './http-front.ts';
import { listen } from './listener.ts';
import { createPlainProxy } from './plain.ts';
import type { TargetRules } from './target-guard.ts';
import { type ClientDistrust, createTlsFront } from './tls-server.ts';
import { createTunnels, type TunnelCounts } from './tunnel.ts';

export interface InterceptDeps {
  /** 0 picks a free port. */
  readonly port: number;
  readonly handle: HandleCall;
  readonly contextFor: (name: string) => SecureContext;
  /** Of the policy that is active now. */
  readonly decideHost: (host: string) => Pick<HostDecision, 'action'>;
  readonly settings: () => Pick<Settings, 'network' | 'timeouts'>;
  /** Listening ports of the agent besides this one (gateway, API); nobody is let through to them. */
  readonly ownPorts: () => readonly number[];
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when a client seems to refuse our certificate (pinned, or the CA is not in its store). */
  readonly onClientDistrust: (distrust: ClientDistrust) => void;
  /** Defaults to the operating system's resolver. */
  readonly resolve?: Resolve;
}

export interface InterceptStats {
  readonly connections: number;
  readonly running: number;
  readonly tunnels: TunnelCounts;
  readonly refused: number;
}

export interface Intercept {
  readonly port: number;
  readonly ipv6: boolean;
  stats(): InterceptStats;
  /** Lets running calls end for up to half a second, then destroys what is left. */
  close(): Promise<void>;
}

const HTTPS_PORT = 443;
const HTTP_PORT = 80;

/** Rejects when the port cannot be bound on 127.0.0.1 (or on ::1, where that exists). */
export async function startIntercept(deps: InterceptDeps): Promise<Intercept> {
  const { clock, log, identity } = deps;
  let port = deps.port;
  let ids = 0;
  const http = createHttpFront(deps, (code) => log.debug('entrance.refused', { code }));
  const { front, h1, h2 } = http;
  const rules = (): TargetRules => ({ ...deps.settings().network, ownPorts: [port, ...deps.ownPorts()] });
  const actionFor = (host: string): HostDecision['action'] => deps.decideHost(host).action;
  const dialOptions: DialOptions = {
    rules,
    clock,
    connectMs: () => deps.settings().timeouts.connect,
    ...(deps.resolve === undefined ? {} : { resolve: deps.resolve }),
  };
  const dial = createDial(dialOptions);
  const tunnels = createTunnels(clock);
  const tls = createTlsFront({
    contextFor: deps.contextFor,
    clock,
    onClientDistrust: deps.onClientDistrust,
    onHandshakeError: (host, reason) => log.debug('tls.handshake-failed', { host, reason }),
  });

  const decrypt = (raw: Socket, { sni, port: atPort, misdirected }: Decrypt): void => {
    const peer = peerOf(raw);
    if (peer === undefined) return void raw.destroy();
    const connection = describeConnection(`p${++ids}`, peer, identity);
    let used = false;
    const onSecure = (socket: TLSSocket, protocol: 'h2' | 'http/1.1'): void => {
      const client: Client = {
        raw,
        connection: { ...connection, tls: describeTls(socket, sni) },
        entrance: 'intercept',
        scheme: 'https',
        admit: admitFor(misdirected ? undefined : sni, atPort, HTTPS_PORT),
        onRequest: () => {
          used = true;
        },
      };
      (protocol === 'h2' ? h2 : h1).accept(socket, client);
    };
    tls.accept(raw, { host: sni, connection, onSecure, used: () => used });
  };
  const plain = (raw: Socket, host: string, atPort: number): void => {
    const client = clientOf(raw);
    if (client === undefined) raw.destroy();
    else h1.accept(raw, { ...client, admit: admitFor(host, atPort, HTTP_PORT) });
  };
  const known = new WeakMap<Socket, Omit<Client, 'admit'>>();
  const clientOf = (raw: Socket): Omit<Client, 'admit'> | undefined => {
    const before = known.get(raw);
    const peer = peerOf(raw);
    if (before !== undefined || peer === undefined) return before;
    const connection = describeConnection(`p${++ids}`, peer, identity);
    const client = { raw, connection, entrance: 'intercept', scheme: 'http' } as const;
    known.set(raw, client);
    return client;
  };

  const plainProxy = createPlainProxy({ front, rules, actionFor, dial, dialOptions, tunnels, clientOf });
  const connect = createConnectHandler({
    rules,
    actionFor,
    dial,
    tunnels,
    clock,
    log,
    onRefused: front.onRefused,
    decrypt,
    plain,
  });
  const listener = await listen({
    port,
    handlers: { connect, request: plainProxy.request, upgrade: plainProxy.upgrade },
    answering: front.answering,
    clock,
    log,
  }).catch(async (error: unknown) => {
    plainProxy.close();
    tunnels.close();
    await http.stop();
    throw error;
  });
  port = listener.port;

  return {
    port,
    ipv6: listener.ipv6,
    stats: () => ({
      connections: listener.connections,
      running: front.calls.running,
      tunnels: tunnels.counts(),
      refused: http.refused,
    }),
    close: async () => {
      tls.close();
      const stopped = listener.stopAccepting();
      await http.stop();
      tunnels.close();
      plainProxy.close();
      listener.destroyConnections();
      await stopped;
    },
  };
}

/** Origin form only, and Host must name what CONNECT and SNI named. `host` undefined: nothing can be right. */
function admitFor(host: string | undefined, port: number, defaultPort: number): Client['admit'] {
  return ({ target, authority, headers }): Admission => {
    // Nearly every request writes its host as it stands here, which needs no parsing.
    const asUsual = authority === host && port === defaultPort;
    const named = asUsual ? { host, port } : parseHostHeader(authority, defaultPort);
    if (named === undefined || !target.startsWith('/')) {
      return refused('OUT_BAD_REQUEST');
    }
    if (host === undefined || named.host !== host || named.port !== port) {
      return refused('OUT_MISDIRECTED');
    }
    return { kind: 'call', host, port, target, headers, replyHeaders: [] };
  };
}

function describeTls(socket: TLSSocket, sni: string) {
  return { version: socket.getProtocol() ?? 'unknown', cipher: socket.getCipher().name, sni };
}
