// SPDX-License-Identifier: Apache-2.0
// Plain HTTP through the proxy: `GET http://host/path`. A governed host becomes a call; any other is passed on as it is. What is not
// a proxy request is refused, so that the proxy is neither a loop into itself nor a relay steered by Host headers.
// Knows nothing of TLS.

import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request,
  type ServerResponse,
} from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../../contract/errors.ts';
import { HOP_BY_HOP, pairs } from '../../contract/http-headers.ts';
import type { RawHeaders } from '../exchange/call.ts';
import type { HostDecision } from '../policy/policy.ts';
import { type Authority, parseHostHeader } from './authority.ts';
import { type Admission, type Client, type Front, refused } from './client.ts';
import { type Dial, type DialOptions, dialFailure, dialFor, guardedLookup, isForbidden } from './dial.ts';
import { admitH1, answerRequest, endWith, serveRequest, serveUpgrade } from './h1-server.ts';
import { type LocalAnswer, plainText, refusal } from './local-answer.ts';
import { resetConnection } from './outflow.ts';
import { refuseTarget, type TargetRules } from './target-guard.ts';
import type { Tunnels } from './tunnel.ts';

export interface PlainDeps {
  readonly front: Front;
  readonly rules: () => TargetRules;
  readonly actionFor: (host: string) => HostDecision['action'];
  readonly dial: Dial;
  readonly dialOptions: DialOptions;
  readonly tunnels: Tunnels;
  /** The connection a request came on; undefined when it is already gone. */
  readonly clientOf: (raw: Socket) => Omit<Client, 'admit'> | undefined;
}

export interface PlainProxy {
  request(req: IncomingMessage, res: ServerResponse): void;
  upgrade(req: IncomingMessage, socket: Duplex, early: Buffer): void;
  close(): void;
}

const HTTP_PORT = 80;
const NOT_A_SERVER = plainText(421, 'This is an HTTP proxy of Outpost, not a web server.');

type Destination =
  | { readonly kind: 'govern'; readonly target: Authority; readonly path: string }
  | { readonly kind: 'forward'; readonly target: Authority; readonly path: string }
  | { readonly kind: 'refuse'; readonly answer: LocalAnswer; readonly code: ErrorCode };

export function createPlainProxy(deps: PlainDeps): PlainProxy {
  const { front } = deps;
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 64, timeout: 0 });
  return {
    request: (req, res) => {
      const to = destination(deps, req);
      if (to.kind === 'refuse') {
        front.onRefused(to.code);
        return answerRequest(req, res, to.answer, true);
      }
      if (to.kind === 'forward') return forward(deps, agent, req, res, to.target, to.path);
      const client = deps.clientOf(req.socket);
      if (client === undefined) return void req.socket.destroy();
      serveRequest(front, { ...client, admit: admitTo(to.target, to.path) }, req, res);
    },
    upgrade: (req, socket, early) => {
      socket.on('error', () => undefined);
      const to = destination(deps, req);
      if (to.kind === 'refuse') {
        front.onRefused(to.code);
        return endWith(socket, to.answer, front.clock);
      }
      if (!(socket instanceof Socket)) return void socket.destroy();
      if (to.kind === 'forward') return void relayUpgrade(deps, req, socket, early, to.target, to.path);
      const client = deps.clientOf(socket);
      if (client === undefined) return void socket.destroy();
      serveUpgrade(front, { ...client, admit: admitTo(to.target, to.path) }, req, socket, early);
    },
    close: () => agent.destroy(),
  };
}

function destination(deps: PlainDeps, req: IncomingMessage): Destination {
  if (deps.front.stopping()) return { kind: 'refuse', answer: refusal('OUT_SHUTTING_DOWN'), code: 'OUT_SHUTTING_DOWN' };
  const match = /^(?:http|ws):\/\/([^/?#]+)([/?][^#]*)?$/i.exec(req.url ?? '');
  if (match === null) return { kind: 'refuse', answer: NOT_A_SERVER, code: 'OUT_MISDIRECTED' };
  const target = parseHostHeader(match[1] ?? '', HTTP_PORT);
  if (target === undefined) return { kind: 'refuse', answer: refusal('OUT_BAD_REQUEST'), code: 'OUT_BAD_REQUEST' };
  const rules = deps.rules();
  const connectPorts = [...rules.connectPorts, [HTTP_PORT, HTTP_PORT] as const];
  if (refuseTarget(target, { ...rules, connectPorts }) !== undefined) {
    return { kind: 'refuse', answer: refusal('OUT_FORBIDDEN_TARGET'), code: 'OUT_FORBIDDEN_TARGET' };
  }
  const rest = match[2] ?? '/';
  const path = rest.startsWith('?') ? `/${rest}` : rest;
  const admission = admitH1({ admit: admitTo(target, path) }, req);
  if (!(admission instanceof Promise) && admission.kind === 'answer') {
    return { kind: 'refuse', answer: admission.answer, code: admission.code ?? 'OUT_BAD_REQUEST' };
  }
  return { kind: deps.actionFor(target.host) === 'tunnel' ? 'forward' : 'govern', target, path };
}

/** The URL names the host; a Host header that names another is refused rather than overruled. */
function admitTo(target: Authority, path: string): Client['admit'] {
  return ({ authority, headers }): Admission => {
    const host = parseHostHeader(authority, HTTP_PORT);
    if (host === undefined) return refused('OUT_BAD_REQUEST');
    if (host.host !== target.host || host.port !== target.port) {
      return refused('OUT_MISDIRECTED');
    }
    return { kind: 'call', host: target.host, port: target.port, target: path, headers, replyHeaders: [] };
  };
}

function forward(
  deps: PlainDeps,
  agent: Agent,
  req: IncomingMessage,
  res: ServerResponse,
  target: Authority,
  path: string,
): void {
  const { front } = deps;
  const ended = front.calls.begin();
  const chunked = req.headers['transfer-encoding'] !== undefined;
  const upstream = tryRequest({
    agent,
    host: target.host,
    port: target.port,
    method: req.method,
    path,
    lookup: guardedLookup(target, deps.dialOptions),
    headers: [...endToEnd(req.rawHeaders), ...(chunked ? ['Transfer-Encoding', 'chunked'] : [])],
  });
  if (upstream === undefined) {
    ended();
    front.onRefused('OUT_BAD_REQUEST');
    return answerRequest(req, res, refusal('OUT_BAD_REQUEST'), true);
  }
  const timer = front.clock.after(deps.dialOptions.connectMs(), () => upstream.destroy());
  const failed = (error?: Error): void => {
    timer.clear();
    if (res.headersSent || res.destroyed) return resetConnection(req.socket);
    const code = dialFailure(isForbidden(error) ? 'forbidden' : 'unreachable');
    front.onRefused(code);
    answerRequest(req, res, refusal(code), true);
  };
  upstream.on('socket', (socket) => {
    socket.setNoDelay(true);
    if (!socket.connecting) timer.clear();
    else socket.once('connect', () => timer.clear());
  });
  upstream.on('error', failed);
  upstream.on('continue', () => res.writeContinue());
  upstream.on('response', (answer) => {
    res.sendDate = false;
    res.removeHeader('connection');
    if (answer.headers['content-length'] === undefined && req.httpVersionMinor === 0) res.shouldKeepAlive = false;
    try {
      res.writeHead(answer.statusCode ?? 502, answer.statusMessage, [...endToEnd(answer.rawHeaders)]);
      res.flushHeaders();
    } catch {
      return void upstream.destroy(new Error('the answer has a head that cannot be written'));
    }
    answer.on('error', () => failed());
    answer.once('end', () => {
      try {
        if (answer.rawTrailers.length > 0) res.addTrailers(pairs(answer.rawTrailers));
      } catch {
        resetConnection(req.socket);
      }
    });
    answer.pipe(res);
  });
  req.on('error', () => upstream.destroy());
  res.on('error', () => upstream.destroy());
  res.once('close', () => {
    timer.clear();
    ended();
    if (!res.writableFinished) upstream.destroy();
  });
  req.pipe(upstream);
}

/** Node refuses to write some bytes that its own parser lets in (DEL in a header, for one). */
function tryRequest(options: RequestOptions): ClientRequest | undefined {
  try {
    return request(options);
  } catch {
    return undefined;
  }
}

/** Passes an upgrade on as raw bytes; the server's answer, whatever it is, reaches the client as it came. */
async function relayUpgrade(
  deps: PlainDeps,
  req: IncomingMessage,
  socket: Socket,
  early: Buffer,
  target: Authority,
  path: string,
): Promise<void> {
  socket.setNoDelay(true);
  const dialled = await dialFor(socket, deps.dial, target);
  if (dialled.kind !== 'connected') {
    const code = dialFailure(dialled.kind);
    deps.front.onRefused(code);
    return endWith(socket, refusal(code), deps.front.clock);
  }
  const headers = endToEnd(req.rawHeaders, true);
  const lines = [`${req.method} ${path} HTTP/1.1`, ...pairs(headers).map(([name, value]) => `${name}: ${value}`)];
  dialled.socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  if (early.length > 0) dialled.socket.write(early);
  deps.tunnels.join(socket, dialled.socket).complete();
}

/** Without what belongs to one hop; `upgrading` keeps the two headers that ask for the upgrade. */
function endToEnd(headers: RawHeaders, upgrading = false): RawHeaders {
  const all = pairs(headers);
  const named = new Set(
    all
      .filter(([name]) => name.toLowerCase() === 'connection')
      .flatMap(([, value]) => value.split(',').map((token) => token.trim().toLowerCase())),
  );
  return all
    .filter(([name]) => {
      const lower = name.toLowerCase();
      if (upgrading && (lower === 'connection' || lower === 'upgrade')) return true;
      return !HOP_BY_HOP.has(lower) && !named.has(lower);
    })
    .flat();
}
