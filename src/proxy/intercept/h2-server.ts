// SPDX-License-Identifier: Apache-2.0
// HTTP/2 towards clients: one session on an accepted socket, each stream a call. No extended CONNECT, so WebSockets come as plain
// HTTP/1.1 upgrades. Knows nothing of TLS, CONNECT authorities or policies.

import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { RawHeaders } from '../exchange/call.ts';
import { CallBody, emptyBody } from './call-body.ts';
import { type Admission, type Client, type Front, type RequestHead, refused, runCall } from './client.ts';
import { callBase, LARGEST_HEAD } from './h1-server.ts';
import { H2Reply, NO_DATE } from './h2-reply.ts';
import { firstValue, type LocalAnswer } from './local-answer.ts';

/**
 * Limits of a session. A client may have 250 streams, each with 256 KiB in flight: large bodies flow on loopback, and a client
 * that uploads on all of them into a stalled upstream costs 64 MiB at worst. The rest stops floods: resets (CVE-2023-44487; a
 * client may cancel all its streams at once, then 33 a second, Node's own rate), pings, settings, header lists. CONTINUATION
 * floods end in nghttp2.
 */
const SESSION_OPTIONS = {
  settings: {
    enablePush: false,
    enableConnectProtocol: false,
    initialWindowSize: 256 * 1024,
    maxConcurrentStreams: 250,
    maxHeaderListSize: LARGEST_HEAD,
  },
  peerMaxConcurrentStreams: 250,
  maxHeaderListPairs: 500,
  maxSendHeaderBlockLength: 256 * 1024,
  maxOutstandingPings: 10,
  maxOutstandingSettings: 10,
  maxSettings: 32,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  streamResetBurst: 250,
  streamResetRate: 33,
  /** MiB. */
  maxSessionMemory: 64,
};

/** Bytes in flight on the whole connection; a single stream's window is the one that holds memory. */
const CONNECTION_WINDOW = 4 * 1024 * 1024;

export interface H2Server {
  accept(socket: Duplex, client: Client): void;
  /** Says GOAWAY to all sessions: running streams may end, new ones are refused. */
  close(): void;
}

export function createH2Server(front: Front): H2Server {
  const sessions = new Set<ServerHttp2Session>();
  return {
    accept: (socket, client) => {
      // The client may have left between its first bytes and now; there is nothing to hold a session on then.
      if (socket.destroyed) return;
      const session = performServerHandshake(socket, SESSION_OPTIONS);
      sessions.add(session);
      session.setLocalWindowSize(CONNECTION_WINDOW);
      session.once('close', () => {
        sessions.delete(session);
        client.raw.destroy();
      });
      session.on('error', (error: Error & { readonly code?: string }) => {
        front.log.debug('h2.session-error', { reason: error.code });
      });
      session.on('stream', (stream, _headers, _flags, rawHeaders) => serveStream(front, client, stream, rawHeaders));
    },
    close: () => {
      for (const session of sessions) session.close();
    },
  };
}

function serveStream(front: Front, client: Client, stream: ServerHttp2Stream, rawHeaders: RawHeaders): void {
  client.onRequest?.();
  stream.on('error', () => undefined);
  const head = readHead(rawHeaders);
  if (head === undefined) return proceed(front, client, stream, 'GET', refused('OUT_BAD_REQUEST'));
  if (front.stopping()) return proceed(front, client, stream, head.method, refused('OUT_SHUTTING_DOWN'));
  const admission = client.admit(head);
  if (admission instanceof Promise) {
    admission.then((late) => proceed(front, client, stream, head.method, late)).catch(() => stream.close());
  } else proceed(front, client, stream, head.method, admission);
}

function proceed(front: Front, client: Client, stream: ServerHttp2Stream, method: string, admission: Admission): void {
  if (stream.destroyed) return;
  if (admission.kind === 'answer') {
    if (admission.code !== undefined) front.onRefused(admission.code);
    return answerStream(stream, method, admission.answer);
  }
  const leaving = new AbortController();
  const ended = front.calls.begin();
  const hasBody = !stream.endAfterHeaders;
  const reply = new H2Reply({ stream, clock: front.clock, gone: leaving.signal, extra: admission.replyHeaders });
  let trailers: RawHeaders = [];
  stream.on('trailers', (fields, _flags, raw?: unknown) => {
    trailers = Array.isArray(raw) ? raw.map(String) : Object.entries(fields).flatMap(([k, v]) => [k, String(v)]);
  });
  stream.once('aborted', () => leaving.abort());
  stream.once('close', () => {
    ended();
    if (!reply.closed) leaving.abort();
  });
  const awaitsContinue = firstValue(admission.headers, 'expect')?.toLowerCase() === '100-continue';
  const onFirstRead = (): void => reply.info(100, []);
  const cutOff = (): boolean => stream.aborted || stream.rstCode !== 0;
  const call = {
    ...callBase(client, admission, method),
    gone: leaving.signal,
    kind: 'http' as const,
    protocol: 'h2' as const,
    body: hasBody ? new CallBody(stream, awaitsContinue ? { onFirstRead, cutOff } : { cutOff }) : emptyBody(),
    hasBody,
    requestTrailers: () => trailers,
    reply,
  };
  runCall(front, call, () => reply.abort());
}

function answerStream(stream: ServerHttp2Stream, method: string, { status, headers, body }: LocalAnswer): void {
  const lower = headers.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text));
  stream.resume();
  stream.respond([':status', String(status), ...lower, 'content-length', String(Buffer.byteLength(body))], {
    ...NO_DATE,
    endStream: method === 'HEAD',
  });
  if (method !== 'HEAD') stream.end(body);
}

/**
 * The head as an HTTP/1.1 upstream could be given it, or undefined where that would be ambiguous (RFC 9113, 8.2 and 8.3).
 * nghttp2 has already reset most of these streams; this does not rely on it. Cookie crumbs are joined (8.2.3).
 */
export function readHead(rawHeaders: RawHeaders): RequestHead | undefined {
  const pseudo = new Map<string, string>();
  const headers: string[] = [];
  let host: string | undefined;
  let cookieAt: number | undefined;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const value = rawHeaders[at + 1] ?? '';
    if (UNSAFE.test(value)) return undefined;
    if (name.startsWith(':')) {
      if (headers.length > 0 || pseudo.has(name) || !PSEUDO.has(name)) return undefined;
      pseudo.set(name, value);
      continue;
    }
    if (!FIELD_NAME.test(name) || FORBIDDEN.has(name)) return undefined;
    if (name === 'te' && value.toLowerCase() !== 'trailers') return undefined;
    if (name === 'host') {
      if (host !== undefined) return undefined;
      host = value;
      continue;
    }
    if (name === 'cookie' && cookieAt !== undefined) headers[cookieAt] = `${headers[cookieAt]}; ${value}`;
    else {
      headers.push(name, value);
      if (name === 'cookie') cookieAt = headers.length - 1;
    }
  }
  const method = pseudo.get(':method');
  const target = pseudo.get(':path');
  const authority = pseudo.get(':authority') ?? host;
  if (method === undefined || method === 'CONNECT' || target === undefined || authority === undefined) return undefined;
  if (host !== undefined && host.toLowerCase() !== authority.toLowerCase()) return undefined;
  return { method, target, authority, headers };
}

/** What request smuggling is made of. */
const UNSAFE = /[\r\n\0]/;
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const PSEUDO = new Set([':method', ':path', ':authority', ':scheme']);
const FORBIDDEN = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
