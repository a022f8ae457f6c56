// SPDX-License-Identifier: Apache-2.0
// The endpoint of the event stream.

import type { FastifyInstance } from 'fastify';
import { ANSWER_TYPES, ENDPOINTS } from '../../contract/sync/endpoints.ts';
import { PROTOCOL, PROTOCOL_HEADER } from '../../contract/sync/words.ts';
import type { DeviceDoor } from './device-auth.ts';
import type { Streams } from './streams.ts';
import { SyncError } from './sync-error.ts';

export function streamRoutes(scope: FastifyInstance, door: DeviceDoor, streams: Streams): void {
  scope.get(ENDPOINTS.stream.path, async (request, reply) => {
    const { device } = await door.auth(request, { nonce: false });
    const { raw } = reply;
    // Only what the stream needs is held on to while it lasts.
    const { id, org, ring } = device;
    if (!streams.open({ id, org, ring }, raw)) throw new SyncError('unavailable');
    reply.hijack();
    raw.writeHead(200, {
      [PROTOCOL_HEADER]: PROTOCOL,
      'content-type': ANSWER_TYPES['event-stream'],
      'cache-control': 'no-store',
      // nginx gathers answers otherwise.
      'x-accel-buffering': 'no',
    });
    // At once, so that the device knows that it is on.
    raw.write(':\n\n');
  });
  // Before the server waits for its connections: these would not end by themselves.
  scope.addHook('preClose', async () => streams.close());
}
