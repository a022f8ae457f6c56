// SPDX-License-Identifier: Apache-2.0
// The HTTP server that everything is registered on: its limits, its patience, what it says of itself, and how it ends. Knows no endpoint.

import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { SYNC_ERRORS, type SyncErrorCode } from '../../contract/sync/errors.ts';
import { LIMITS, PROTOCOL, PROTOCOL_HEADER } from '../../contract/sync/words.ts';
import type { Context } from '../context.ts';
import { windowStore } from './rate-limit.ts';
import { errorBody, refusalOf, retryAfterOf, SyncError } from './sync-error.ts';

export interface AppOptions {
  /** PEM; undefined: plain HTTP, behind something that ends TLS, or on loopback. */
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** Addresses of proxies whose X-Forwarded headers are believed; none by default. */
  readonly trustProxy: readonly string[];
  /** Requests of one address within a minute. */
  readonly requestsPerMinute: number;
  /** Milliseconds, on node's own timers. */
  readonly patience?: Partial<Patience>;
}

interface Patience {
  /** Until the headers are there. */
  readonly headers: number;
  /** Until the body is there as well. */
  readonly request: number;
  /** For the next request on a connection. */
  readonly keepAlive: number;
  /** Between two looks whether one of these is over. */
  readonly look: number;
}

/** A batch of 2 MiB takes 20 s at 100 kB/s. */
const PATIENCE: Patience = { headers: 10_000, request: 60_000, keepAlive: 75_000, look: 5_000 };
/** Bytes of a request's line and headers. Signed requests have about 700. */
const MOST_HEADER_BYTES = 16_384;
const MINUTE = 60_000;

/** An answer that refuses. */
function sendRefusal({ random }: Context, reply: FastifyReply, refusal: SyncError): FastifyReply {
  const retryAfter = retryAfterOf(refusal, random);
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  return reply
    .code(SYNC_ERRORS[refusal.code].status)
    .header(PROTOCOL_HEADER, PROTOCOL)
    .header('cache-control', 'no-store')
    .send(errorBody(refusal, reply.request.id));
}

/** What an error that nobody caught means. Fastify's own carry a status; a cut connection is nobody's defect. */
function refusalFor(error: Error & { readonly statusCode?: number; readonly code?: string }): SyncError {
  const ofFramework = error.code?.startsWith('FST_') === true || error.code === 'ECONNRESET';
  if (!ofFramework) return refusalOf(error);
  return new SyncError(
    error.statusCode === 413 ? 'too-large' : (error.statusCode ?? 400) < 500 ? 'malformed' : 'internal',
  );
}

/** Logs the route's pattern, never the address that was asked for. */
export function logDefect({ log }: Context, request: FastifyRequest, error: Error): void {
  const { stack = '' } = error;
  const where = stack.split('\n').find((line) => line.includes('/src/')) ?? '';
  const at = /[\w-]+\/[\w.-]+:\d+:\d+/.exec(where)?.[0];
  log.error('http.defect', {
    request: request.id,
    method: request.method,
    route: request.routeOptions.url,
    error: error.message,
    at,
  });
}

/** Creates the server; what is registered on it afterwards shares limits, headers and answers to errors. */
export async function createApp(ctx: Context, options: AppOptions): Promise<FastifyInstance> {
  const patience = { ...PATIENCE, ...options.patience };
  const prefix = ctx.random(6).toString('hex');
  let count = 0;
  const onError = (error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const refusal = refusalFor(error);
    if (refusal.code === 'internal') logDefect(ctx, request, error);
    return sendRefusal(ctx, reply, refusal);
  };
  const app = fastify({
    logger: false,
    bodyLimit: LIMITS.request,
    exposeHeadRoutes: false,
    // Said in the words of the protocol by what is registered.
    return503OnClosing: false,
    trustProxy: options.trustProxy.length === 0 ? false : [...options.trustProxy],
    genReqId: () => `r-${prefix}-${(++count).toString(36)}`,
    frameworkErrors: (error, request, reply) => void onError(error, request, reply),
    clientErrorHandler: refuseBytes,
    serverFactory: (handler) => {
      const limits = {
        maxHeaderSize: MOST_HEADER_BYTES,
        headersTimeout: patience.headers,
        requestTimeout: patience.request,
        keepAliveTimeout: patience.keepAlive,
        connectionsCheckingInterval: patience.look,
      };
      const { tls } = options;
      if (tls === undefined) return createServer(limits, handler);
      // Fastify's types know one server at a time; both are used through what they share.
      return createTlsServer({ ...limits, ...tls, minVersion: 'TLSv1.2' }, handler) as unknown as Server;
    },
  });
  app.setErrorHandler(onError);
  let ending = false;
  app.addHook('preClose', async () => {
    ending = true;
  });
  // Else the server waits for a next request on a connection whose last one was under way when it ended.
  app.addHook('onSend', (_, reply, payload, done) => {
    if (ending) reply.header('connection', 'close');
    done(null, payload);
  });
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // Left out is what means something to old browsers, or to pages alone: a poll's answer is little else than headers.
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xFrameOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    // Only the one who ends TLS can promise it.
    strictTransportSecurity: options.tls === undefined ? false : { maxAge: 31_536_000 },
  });
  await app.register(rateLimit, {
    max: options.requestsPerMinute,
    timeWindow: MINUTE,
    store: windowStore(ctx.clock),
    addHeadersOnExceeding: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
    },
    addHeaders: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
      'retry-after': false,
    },
    errorResponseBuilder: (_, { ttl }) => new SyncError('rate', {}, Math.ceil(ttl / 1000)),
  });
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (_, reply) =>
    sendRefusal(ctx, reply, new SyncError('missing')),
  );
  return app;
}

const STATUS_LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** To bytes that are no request, or come too slowly. */
function refuseBytes(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const code: SyncErrorCode = 'malformed';
  const body = JSON.stringify(errorBody(new SyncError(code)));
  const head = [
    `HTTP/1.1 ${STATUS_LINES[error.code ?? ''] ?? '400 Bad Request'}`,
    `${PROTOCOL_HEADER}: ${PROTOCOL}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
