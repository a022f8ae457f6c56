// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FakeClock } from '../../../test/fakes/clock.ts';
import type { Log } from '../../contract/log.ts';
import type { Context } from '../context.ts';
import { createBus } from '../events/bus.ts';
import { createStreams } from './streams.ts';

const BEAT = 30_000;
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** One stream over a real connection, both ends in sight. */
async function oneStream() {
  const clock = new FakeClock();
  const events = createBus(silent);
  // Of the context the streams use these two.
  const streams = createStreams({ clock, events } as unknown as Context, 10);
  const server = createServer((_, response) => {
    response.writeHead(200);
    streams.open({ id: 'd-1', org: 'acme', ring: 'r1' }, response);
    response.write(':\n\n');
    server.emit('opened', response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const request = httpRequest({ port: (server.address() as AddressInfo).port, agent: false }).end();
  const [[response], [reader]] = await Promise.all([
    once(server, 'opened') as Promise<[ServerResponse]>,
    once(request, 'response') as Promise<[IncomingMessage]>,
  ]);
  reader.on('error', () => {});
  return {
    clock,
    streams,
    response,
    reader,
    publish: () => events.publish({ org: 'acme', seq: 1, spread_s: 0 }),
    async close() {
      streams.close();
      request.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

test('a reader for whom something waits from one beat to the next is cut off', async () => {
  const { clock, streams, response, publish, close } = await oneStream();
  try {
    // The reader takes nothing: at some point neither does the kernel.
    while (response.writableLength === 0) {
      await publish();
      await nextTurn();
    }
    clock.advance(BEAT);
    assert.equal(streams.count(), 1);
    assert.equal(response.destroyed, false);
    clock.advance(BEAT);
    assert.equal(streams.count(), 0);
    assert.equal(response.destroyed, true);
  } finally {
    await close();
  }
});

test('a reader that catches up between two beats stays', async () => {
  const { clock, streams, response, reader, publish, close } = await oneStream();
  try {
    while (response.writableLength === 0) {
      await publish();
      await nextTurn();
    }
    clock.advance(BEAT);
    reader.resume();
    for (let beat = 0; beat < 3; beat++) {
      while (response.writableLength > 0) await nextTurn();
      clock.advance(BEAT);
    }
    assert.equal(streams.count(), 1);
  } finally {
    await close();
  }
});
