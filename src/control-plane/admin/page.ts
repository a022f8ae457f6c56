// SPDX-License-Identifier: Apache-2.0
// Serves the built admin page. It holds no data, so that nobody needs to be signed in for it; what it may load is its own script and
// style. Knows no endpoint.

import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { AdminError } from './admin-error.ts';
import { sendError } from './scope.ts';

/** Where the build puts it. */
export const PAGE_FOLDER = fileURLToPath(new URL('../../../dist/admin', import.meta.url));

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** Scripts and styles of the page; maps and drafts, which may lie beside them, are not for everybody. */
const ASSET = /^\/[\w-]+-[A-Z0-9]{8}\.(?:js|css)$/;
/** Seconds. Names of assets have a hash of their content: the same name is the same file for ever. */
const YEAR = 31_536_000;
/** What the page might call its views, itself included. */
const VIEW = /^\/admin\/(?!api\/|assets\/)[a-z0-9/-]*(?:\?|$)/;

/** @param scope with the prefix `/admin` */
export async function servePage(scope: FastifyInstance, ctx: Context, folder: string): Promise<void> {
  scope.addHook('onSend', async (_, reply) => {
    reply.header('content-security-policy', POLICY).header('cross-origin-opener-policy', 'same-origin');
    // Not `no-referrer`: with it browsers send `Origin: null` with some requests, which the API refuses.
    reply.header('referrer-policy', 'same-origin');
  });
  await scope.register(fastifyStatic, {
    root: folder,
    prefix: '/assets/',
    index: false,
    dotfiles: 'ignore',
    allowedPath: (path, _, { url }) => ASSET.test(path) || (path === '/index.html' && VIEW.test(url)),
    cacheControl: false,
    setHeaders: (reply, path) => {
      reply.header('cache-control', path.endsWith('.html') ? 'no-cache' : `public, max-age=${YEAR}, immutable`);
    },
    // It may be built after the start.
    suppressWarning: true,
  });
  scope.get('', (_, reply) => reply.redirect('/admin/', 308));
  scope.setNotFoundHandler({ preHandler: scope.rateLimit() }, (request, reply) => {
    if (request.method === 'GET' && VIEW.test(request.url)) return reply.sendFile('/index.html');
    return sendError(ctx, request, reply, new AdminError('missing', 'there is nothing at this address'));
  });
}
