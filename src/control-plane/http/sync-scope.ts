// SPDX-License-Identifier: Apache-2.0
// What all endpoints for devices share: which protocol is spoken, bodies as the bytes that came, and a word to those who come while
// the server ends. Knows no endpoint.

import type { FastifyInstance } from 'fastify';
import { PROTOCOL, PROTOCOL_HEADER } from '../../contract/sync/words.ts';
import { SyncError } from './sync-error.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Also without the header that names a protocol: where one asks which there are. */
    readonly anyProtocol?: boolean;
  }
}

/** Prepares a scope of the app for endpoints of the protocol. */
export function prepareSyncScope(scope: FastifyInstance): void {
  let ending = false;
  scope.removeAllContentTypeParsers();
  // The signature is over the bytes as they came, whatever they are said to be.
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  scope.addHook('onRequest', async ({ headers, method, routeOptions }, reply) => {
    reply.header(PROTOCOL_HEADER, PROTOCOL).header('cache-control', 'no-store');
    if (ending) {
      reply.header('connection', 'close');
      throw new SyncError('unavailable');
    }
    if (headers[PROTOCOL_HEADER] !== PROTOCOL && routeOptions.config.anyProtocol !== true)
      throw new SyncError('protocol');
    // Nobody reads such a body: it would lie unsigned in the connection.
    const bodiless = headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';
    if (method === 'GET' && !bodiless) {
      reply.header('connection', 'close');
      throw new SyncError('malformed');
    }
  });
  scope.addHook('preClose', async () => {
    ending = true;
  });
}
