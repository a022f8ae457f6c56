// SPDX-License-Identifier: Apache-2.0
// What all endpoints of the admin API share: JSON alone, nothing that another site's page could send, errors in its own shape. Knows no
// endpoint and nobody who is signed in.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../context.ts';
import { logDefect } from '../http/app.ts';
import { AdminError, adminErrorOf, errorBody } from './admin-error.ts';

/** Where the server is, as a browser says it. */
export type OriginOf = (request: FastifyRequest) => string;

/** @param publicUrl of the settings; absent: what the browser sent as Host, and how */
export function createOriginOf(publicUrl: URL | undefined): OriginOf {
  return (request) => publicUrl?.origin ?? hostOrigin(request);
}

const hostOrigin = ({ protocol, host }: FastifyRequest): string => `${protocol}://${host}`;

export function sendError(ctx: Context, request: FastifyRequest, reply: FastifyReply, error: Error): FastifyReply {
  const refusal = adminErrorOf(error, request.id);
  if (refusal.status === 500) logDefect(ctx, request, error);
  if (refusal.retryAfter !== undefined) reply.header('retry-after', refusal.retryAfter);
  return reply.code(refusal.status).header('cache-control', 'no-store').send(errorBody(refusal));
}

export function prepareAdminScope(scope: FastifyInstance, ctx: Context, originOf: OriginOf): void {
  scope.removeAllContentTypeParsers();
  // Names like __proto__ are refused.
  const parseJson = scope.getDefaultJsonParser('error', 'error');
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Of requests that have nothing to say.
    if (body === '') done(null, undefined);
    else parseJson(request, body as string, done);
  });
  scope.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    if (request.method !== 'GET') mustBeOurPage(request, originOf);
  });
  scope.setErrorHandler((error: Error, request, reply) => sendError(ctx, request, reply, error));
}

/**
 * Browsers send `Origin` with whatever is not a GET, and say in `Sec-Fetch-Site` who asked. Programs send neither; nobody makes them send a
 * cookie that is not theirs.
 */
function mustBeOurPage(request: FastifyRequest, originOf: OriginOf): void {
  const { origin, 'sec-fetch-site': site } = request.headers;
  const ours = origin === undefined || origin === originOf(request) || origin === hostOrigin(request);
  if (ours && (site === undefined || site === 'same-origin')) return;
  throw new AdminError('forbidden', 'the request comes from another site');
}
