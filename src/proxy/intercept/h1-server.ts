// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 towards clients: turns requests and upgrades of already accepted connections into calls. Framing is Node's strict
// parser; what it lets through and RFC 9112 forbids is refused here. Knows nothing of TLS, CONNECT or policies.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../contract/clock.ts';
import type { RawHeaders, UpgradeCall } from '../exchange/call.ts';
import { CallBody, emptyBody } from './call-body.ts';
import { type Admission, type Admitted, type Client, type Front, refused, runCall } from './client.ts';
import { H1Reply } from './h1-reply.ts';
import { closeAfter } from './lingering-close.ts';
import { closingResponse, type LocalAnswer, refusal } from './local-answer.ts';
import { resetConnection } from './outflow.ts';

/** Longer than the idle times of SDK pools and browsers (Go 90 s, Chromium 300 s), so that they, not we, close. Milliseconds. */
export const KEEP_ALIVE_MS = 310_000;
/** Request line and headers together; browsers carry large cookies to AI web apps. Bytes. */
export const LARGEST_HEAD = 64 * 1024;
/** From the first byte of a request to the end of its headers. Milliseconds. */
const HEADERS_MS = 60_000;
const MOST_HEADERS = 500;

/** Settings that any HTTP/1.1 server of ours has, also those that were made by others. */
export function hardenServer(server: Server): void {
  // Both are read by Node for each connection, but typed only as options of the constructor.
  Object.assign(server, { maxHeaderSize: LARGEST_HEAD, shouldUpgradeCallback: isUpgrade });
  // Node drops headers above its count silently; we count ourselves and refuse.
  server.maxHeadersCount = 0;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_MS;
  // A stream of answers may take hours, and so may an upload.
  server.requestTimeout = 0;
  server.timeout = 0;
}

/** An offer to switch to h2c or TLS may be ignored, and then is an ordinary request (curl --http2, Java). */
function isUpgrade(request: IncomingMessage): boolean {
  return !/(?:^|[\s,])(?:h2c?|tls\/)/i.test(request.headers.upgrade ?? '');
}

export interface H1Server {
  /** Takes a connected, possibly decrypted socket. */
  accept(socket: Duplex, client: Client): void;
  close(): void;
}

export function createH1Server(front: Front): H1Server {
  const server = createServer();
  hardenServer(server);
  const clients = new WeakMap<Duplex, Client>();
  const withClient = (req: IncomingMessage, use: (client: Client) => void): void => {
    const client = clients.get(req.socket);
    if (client === undefined) req.socket.destroy();
    else use(client);
  };
  server.on('request', (req, res) => withClient(req, (client) => serveRequest(front, client, req, res)));
  server.on('checkContinue', (req, res) => withClient(req, (client) => serveRequest(front, client, req, res)));
  server.on('upgrade', (req, socket, early) => {
    withClient(req, (client) => serveUpgrade(front, client, req, socket, early));
  });
  server.on('connect', (_req, socket) => endWith(socket, refusal('OUT_BAD_REQUEST'), front.clock));
  server.on('clientError', answerClientError(front));
  // Starts Node's check of `headersTimeout`, which otherwise runs only for servers that listen themselves.
  server.emit('listening');
  return {
    accept: (socket, client) => {
      clients.set(socket, client);
      server.emit('connection', socket);
      socket.resume();
    },
    close: () => {
      server.close();
    },
  };
}

/** A request that cannot be parsed is answered and its connection closed; in the middle of an answer it is only closed. */
export function answerClientError({ answering, clock }: Pick<Front, 'answering' | 'clock'>) {
  const answered = new WeakSet<Duplex>();
  return (error: Error & { readonly code?: string }, socket: Duplex): void => {
    // The parser finds fault with all that comes behind the first fault.
    if (answered.has(socket)) return;
    const running = answering.get(socket);
    const busy = running !== undefined && !running.writableFinished;
    if (!socket.writable || (busy && running.headersSent) || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    answered.add(socket);
    const answer = refusal('OUT_BAD_REQUEST');
    const worded = { ...answer, status: STATUS_OF_PARSE_ERROR[error.code ?? ''] ?? answer.status };
    // A call whose body broke ends with its connection, and a request that was too slow may not be completed after all.
    if (busy || error.code === TOO_SLOW) socket.end(closingResponse(worded), () => socket.destroy());
    else endWith(socket, worded, clock);
  };
}

const TOO_SLOW = 'ERR_HTTP_REQUEST_TIMEOUT';

const STATUS_OF_PARSE_ERROR: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  [TOO_SLOW]: 408,
};

/** Answers on a bare socket and closes it. */
export function endWith(socket: Duplex, answer: LocalAnswer, clock: Clock): void {
  closeAfter(socket, closingResponse(answer), clock);
}

/** Lets a request in, or answers it. */
export function serveRequest(front: Front, client: Client, req: IncomingMessage, res: ServerResponse): void {
  client.onRequest?.();
  front.answering.set(req.socket, res);
  const admission = front.stopping() ? refused('OUT_SHUTTING_DOWN') : admitH1(client, req);
  if (admission instanceof Promise) {
    admission.then((late) => proceed(front, client, req, res, late)).catch(() => req.socket.destroy());
  } else proceed(front, client, req, res, admission);
}

function proceed(front: Front, client: Client, req: IncomingMessage, res: ServerResponse, admission: Admission): void {
  if (admission.kind === 'call') return startCall(front, client, req, res, admission);
  if (admission.code !== undefined) front.onRefused(admission.code);
  answerRequest(req, res, admission.answer, admission.code !== undefined);
}

/** Answers a request without a call. */
export function answerRequest(req: IncomingMessage, res: ServerResponse, answer: LocalAnswer, close: boolean): void {
  req.on('error', () => undefined);
  res.on('error', () => undefined);
  req.resume();
  res.sendDate = false;
  const length = ['Content-Length', String(Buffer.byteLength(answer.body))];
  res.writeHead(answer.status, [...answer.headers, ...length, ...(close ? ['Connection', 'close'] : [])]);
  res.end(req.method === 'HEAD' ? undefined : answer.body);
}

/** Refuses what the parser tolerates (two Hosts, too many headers), then asks the entrance. */
export function admitH1(client: Pick<Client, 'admit'>, req: IncomingMessage): Admission | Promise<Admission> {
  const headers = req.rawHeaders;
  const hosts = valuesOf(headers, 'host');
  const [authority] = hosts;
  if (headers.length > 2 * MOST_HEADERS || hosts.length !== 1 || authority === undefined) {
    return refused('OUT_BAD_REQUEST');
  }
  return client.admit({ method: req.method ?? '', target: req.url ?? '', authority, headers });
}

function startCall(front: Front, client: Client, req: IncomingMessage, res: ServerResponse, admitted: Admitted): void {
  const leaving = new AbortController();
  const socket = req.socket;
  const ended = front.calls.begin();
  const leave = (): void => {
    finished();
    leaving.abort();
  };
  const finished = (): void => {
    socket.off('close', leave);
    socket.off('end', leave);
    res.off('finish', finished);
    ended();
  };
  // Pipelining puts several calls on one socket; the limit only guards against leaks that cannot happen here.
  socket.setMaxListeners(0);
  socket.on('close', leave);
  socket.on('end', leave);
  res.on('finish', finished);
  res.on('error', leave);
  const awaitsContinue = req.httpVersionMinor > 0 && /^100-continue$/i.test(req.headers.expect ?? '');
  let continued = false;
  const onFirstRead = (): void => {
    continued = true;
    if (!reply.started && socket.writable) res.writeContinue();
  };
  const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  const reply = new H1Reply({
    res,
    clock: front.clock,
    reset: () => resetClient(client, socket),
    gone: leaving.signal,
    extra: admitted.replyHeaders,
    mustClose: () => awaitsContinue && !continued,
  });
  if (!hasBody) req.resume();
  const call = {
    ...callBase(client, admitted, req.method ?? 'GET'),
    gone: leaving.signal,
    kind: 'http' as const,
    protocol: 'http/1.1' as const,
    body: hasBody ? new CallBody(req, awaitsContinue ? { onFirstRead } : {}) : emptyBody(),
    hasBody,
    requestTrailers: () => req.rawTrailers,
    reply,
  };
  if (socket.destroyed) leave();
  runCall(front, call, () => reply.abort());
}

/** Lets an upgrade in, or answers it on its bare socket. */
export function serveUpgrade(front: Front, client: Client, req: IncomingMessage, socket: Duplex, early: Buffer): void {
  client.onRequest?.();
  const admission = front.stopping() ? refused('OUT_SHUTTING_DOWN') : admitH1(client, req);
  socket.on('error', () => undefined);
  const start = (decided: Admission): void => {
    if (decided.kind === 'answer') {
      if (decided.code !== undefined) front.onRefused(decided.code);
      return endWith(socket, decided.answer, front.clock);
    }
    const leaving = new AbortController();
    const ended = front.calls.begin();
    socket.once('close', () => {
      ended();
      leaving.abort();
    });
    const call: UpgradeCall = {
      ...callBase(client, decided, req.method ?? 'GET'),
      gone: leaving.signal,
      kind: 'upgrade',
      upgrade: (req.headers.upgrade ?? '').toLowerCase(),
      socket,
      early,
    };
    runCall(front, call, () => resetClient(client, socket));
  };
  if (admission instanceof Promise) admission.then(start).catch(() => socket.destroy());
  else start(admission);
}

export function callBase(client: Client, admitted: Admitted, method: string) {
  const { host, port, provider, target, headers } = admitted;
  return {
    entrance: client.entrance,
    scheme: client.scheme,
    host,
    port,
    ...(provider === undefined ? {} : { provider }),
    method,
    target,
    headers,
    connection: client.connection,
  };
}

function resetClient(client: Client, socket: Duplex): void {
  resetConnection(client.raw, socket);
  socket.destroy();
}

export function valuesOf(headers: RawHeaders, name: string): readonly string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at]?.length === name.length && headers[at]?.toLowerCase() === name) values.push(headers[at + 1] ?? '');
  }
  return values;
}
