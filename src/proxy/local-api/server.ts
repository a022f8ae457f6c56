// SPDX-License-Identifier: Apache-2.0
// The local API: its own port on loopback, guarded. Owns sockets and the order of checks; what is answered is in
// routes.ts, where the data comes from in agent-view.ts. It does not know the data path.

import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import { Unavailable } from '../../contract/unavailable.ts';
import type { AgentView } from './agent-view.ts';
import { type Answer, failure, type Streamed, securityHeaders } from './answer.ts';
import { createEvents } from './events.ts';
import { cookieValue, guard, ownHosts } from './guard.ts';
import { listenOnLoopback } from './listen.ts';
import { createPageFiles } from './page-files.ts';
import { createProve, endsOf } from './proof.ts';
import { type Access, createRoutes, matchRoute, SIGNED_OUT } from './routes.ts';
import { sameSecret } from './secret.ts';
import { createSignIn } from './sign-in.ts';
import { createStreams } from './streams.ts';

export interface LocalApiParts {
  /** 0 picks a free port. */
  readonly port: number;
  readonly view: AgentView;
  /** Of the token file; see readOrCreateToken. */
  readonly token: string;
  /** Folder of the built page. */
  readonly pageFolder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds that a client has for its request head and for the whole request; for tests. */
  readonly patience?: number;
}

export interface LocalApi {
  readonly port: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly ipv6: boolean;
  /** What was turned away since the start, by code of the refusal. */
  refusals(): Readonly<Record<string, number>>;
  /** An address that signs a browser in: one use, within a minute. */
  loginUrl(): string;
  close(): Promise<void>;
}

/** Few routes read a body; what a client sends to others is thrown away up to this many bytes. */
const MOST_BODY_BYTES = 4_096;
const MOST_HEADER_BYTES = 16_384;
const MOST_CONNECTIONS = 128;
const PATIENCE_MS = 10_000;

/** Undefined: larger than allowed. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MOST_BODY_BYTES) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop must not destroy the request: its socket still has to carry the refusal.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > MOST_BODY_BYTES) return undefined;
  }
  return Buffer.concat(chunks);
}

/** Starts the API. Rejects when the port is taken. */
export async function createLocalApi(parts: LocalApiParts): Promise<LocalApi> {
  const { view, token, clock, log, patience = PATIENCE_MS } = parts;
  const refusals = new Map<string, number>();
  const signIn = createSignIn({ clock, token, random: randomBytes });
  const files = createPageFiles(parts.pageFolder);
  const events = createEvents({
    clock,
    snapshot: () => JSON.stringify(view.state()),
    subscribe: (listener) => view.subscribe(listener),
  });
  const streams = createStreams({ clock });
  let hosts: ReadonlySet<string> = new Set();
  let cookieName = '';
  let routes: ReturnType<typeof createRoutes> = [];

  const refuse = (status: number, code: string, message: string, headers = {}): Answer => {
    refusals.set(code, (refusals.get(code) ?? 0) + 1);
    return failure(status, code, message, headers);
  };

  const mayPass = (access: Access, request: IncomingMessage): boolean => {
    if (access === 'open') return true;
    const { authorization, cookie } = request.headers;
    // A wrong token is wrong, whatever cookie comes with it.
    if (authorization !== undefined) return sameSecret(authorization, `Bearer ${token}`);
    const session = access === 'reader' ? cookieValue(cookie, cookieName) : undefined;
    return session !== undefined && signIn.isSession(session);
  };

  const unauthorised = (path: string): Answer => {
    const answer = refuse(401, 'unauthorised', 'This needs the token of the local API.', {
      'www-authenticate': 'Bearer',
    });
    return path === '/' ? SIGNED_OUT : answer;
  };

  const answerTo = async (request: IncomingMessage, gone: AbortSignal): Promise<Answer | Streamed | 'events'> => {
    const { method = '', url = '', headers, rawHeaders } = request;
    const refused = guard({ method, url, headers, rawHeaders }, hosts);
    if (refused !== undefined) return refuse(refused.status, refused.code, refused.message);
    const cut = url.indexOf('?');
    const path = cut < 0 ? url : url.slice(0, cut);
    const match = matchRoute(routes, method, path);
    if (match.route === undefined) {
      // Who may not read anything is not told either what exists.
      if (!mayPass('reader', request)) return unauthorised(path);
      if (match.allow.length === 0) return failure(404, 'not-found', 'There is nothing at this address.');
      return failure(405, 'method', 'This address has no such method.', { allow: match.allow.join(', ') });
    }
    if (!mayPass(match.route.access, request)) return unauthorised(path);
    const body = await readBody(request);
    if (body === undefined) return refuse(413, 'too-large', 'The request is too large.', { connection: 'close' });
    const { handle } = match.route;
    if (handle === 'events') return 'events';
    const query = new URLSearchParams(cut < 0 ? '' : url.slice(cut + 1));
    return handle({
      name: match.name,
      gone,
      query,
      body,
      origin: `http://${headers.host}`,
      ends: endsOf(request.socket),
    });
  };

  const write = (response: ServerResponse, answer: Answer): void => {
    response.writeHead(answer.status, {
      ...securityHeaders(answer.csp),
      ...answer.headers,
      'content-type': answer.type,
      'content-length': Buffer.byteLength(answer.body),
    });
    // For HEAD, node leaves the body out.
    response.end(answer.body);
  };

  const tooMany = (response: ServerResponse, message: string): void =>
    write(response, refuse(503, 'too-many', message, { 'retry-after': '5' }));

  const openStream = (request: IncomingMessage, response: ServerResponse): void => {
    const head = { ...securityHeaders(), 'content-type': 'text/event-stream; charset=utf-8' };
    if (request.method === 'HEAD') return void response.writeHead(200, head).end();
    if (events.isFull) return tooMany(response, 'Too many pages are open.');
    // Events are small and must not wait for each other.
    request.socket.setNoDelay(true);
    response.writeHead(200, head);
    events.add(response);
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // Without a listener, a client that breaks off would end the daemon.
    response.on('error', () => undefined);
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    try {
      const answer = await answerTo(request, gone.signal);
      if (answer === 'events') openStream(request, response);
      else if (!('stream' in answer)) write(response, answer);
      else if (streams.isFull) tooMany(response, 'Too much is being sent at once.');
      else await streams.send(response, answer, request.method === 'HEAD');
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      if (gone.signal.aborted && error === gone.signal.reason) return;
      if (error instanceof Unavailable && error.why === 'busy') return tooMany(response, error.message);
      log.error('local-api.failed', { error: error instanceof Error ? error.message : String(error) });
      if (response.headersSent) response.destroy();
      else if (error instanceof Unavailable)
        write(response, failure(503, 'unavailable', 'This cannot be told now.', { 'retry-after': '5' }));
      else write(response, failure(500, 'internal', 'The local API failed on this request.'));
    }
  };

  const createOne = (): Server => {
    const server = createServer(
      {
        maxHeaderSize: MOST_HEADER_BYTES,
        headersTimeout: patience,
        requestTimeout: patience,
        connectionsCheckingInterval: Math.ceil(patience / 2),
        keepAliveTimeout: 5_000,
        insecureHTTPParser: false,
      },
      (request, response) => void serve(request, response),
    );
    server.maxConnections = MOST_CONNECTIONS;
    server.on('upgrade', (_request, socket) => socket.destroy());
    server.on('connect', (_request, socket) => socket.destroy());
    return server;
  };

  const [v4, v6] = [createOne(), createOne()];
  const { port, ipv6 } = await listenOnLoopback(v4, v6, parts.port);
  hosts = ownHosts(port);
  // Cookies do not know ports: with the port in its name, two agents on one machine do not overwrite each other's.
  cookieName = `outpost_session_${port}`;
  routes = createRoutes({ view, files, signIn, prove: createProve(token), cookieName });
  const url = `http://127.0.0.1:${port}`;

  return {
    port,
    url,
    ipv6,
    refusals: () => Object.fromEntries(refusals),
    loginUrl: () => `${url}/login/${signIn.issue()}`,
    async close() {
      events.close();
      const closing = [v4, v6]
        .filter((server) => server.listening)
        .map((server) => new Promise((resolve) => server.close(resolve)));
      for (const server of [v4, v6]) server.closeAllConnections();
      await Promise.all(closing);
    },
  };
}
