// SPDX-License-Identifier: Apache-2.0
// How a relayed WebSocket connection ends: orderly, half-open, in time, over TLS.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { encodeClose } from '../../src/proxy/exchange/websocket/frame.ts';
import { FakeClock } from '../fakes/clock.ts';
import { makeTestCa } from '../fakes/pki.ts';
import {
  clientText,
  handInspector,
  listen,
  MASK,
  MIB,
  PASS_ALL,
  rawClient,
  rawPair,
  rawUpstream,
  serverText,
  startFront,
  switching,
  Wire,
} from './websocket-relay.fixture.ts';

for (const inspected of [false, true]) {
  for (const how of ['ends', 'is reset'] as const) {
    test(`an upstream that ${how} without a close frame is an abnormal end for the client, at once, ${inspected ? 'inspected' : 'metered'}`, async (t) => {
      const { client, server, front } = await rawPair(t, inspected ? { inspect: PASS_ALL } : {});
      const last = serverText('last words');
      server.socket.write(last);
      await client.bytes(last.length);
      if (how === 'ends') server.socket.end();
      else (server.socket as Socket).resetAndDestroy();
      await client.end();
      assert.ok(client.received.equals(last));
      const result = await front.result();
      assert.deepEqual(
        [result.closedBy, result.closeCode, result.error?.code],
        ['upstream', undefined, 'OUT_UPSTREAM_BROKEN'],
      );
    });

    test(`a client that ${how} without a close frame ends the upstream at once, ${inspected ? 'a verdict pending' : 'metered'}`, async (t) => {
      const inspect = handInspector();
      const { client, server, front } = await rawPair(t, inspected ? { inspect } : {});
      client.socket.write(clientText('pending'));
      if (inspected) await inspect.question(1);
      else await server.bytes(clientText('pending').length);
      if (how === 'ends') client.socket.end();
      else (client.socket as Socket).resetAndDestroy();
      await server.end();
      if (inspected) assert.equal(server.received.length, 0);
      inspect.asked[0]?.answer('pass');
      const result = await front.result();
      assert.deepEqual([result.closedBy, result.closeCode, result.error], ['client', undefined, undefined]);
    });
  }
}

test('what the upstream sent just before it died still reaches the client', async (t) => {
  const { client, server, front } = await rawPair(t);
  const bytes = serverText('x'.repeat(MIB));
  server.socket.end(bytes);
  await client.end();
  assert.ok(client.received.equals(bytes));
  assert.equal((await front.result()).closedBy, 'upstream');
});

test('a client that sends its close frame and leaves at once is an orderly close upstream', async (t) => {
  for (const options of [{}, { inspect: PASS_ALL }]) {
    const { client, server, front } = await rawPair(t, options);
    const bytes = Buffer.concat([clientText('bye'), encodeClose(1000, 'x', MASK)]);
    client.socket.end(bytes);
    await server.end();
    assert.ok(server.received.equals(bytes));
    server.socket.end();
    const result = await front.result();
    assert.deepEqual([result.closedBy, result.closeCode, result.messagesUp], ['client', 1000, 1]);
  }
});

test('aborting the call ends both sides, before and after the upgrade', async (t) => {
  const shutdown = new AbortController();
  const { client, server, front } = await rawPair(t, { gone: shutdown.signal });
  const upstream = await rawUpstream(t, '');
  const waiting = await startFront(t, { upstream: upstream.port, gone: shutdown.signal });
  const early = await rawClient(t, waiting.port);
  const { wire } = await upstream.accepted();
  shutdown.abort();
  await Promise.all([client.end(), server.end(), wire.end()]);
  assert.equal((await front.result()).closedBy, 'client');
  const result = await waiting.result();
  assert.deepEqual([result.answered, result.closedBy], [false, 'client']);
  assert.match(await early.head(), /^HTTP\/1\.1 502 /);
});

test('after a close frame nothing more passes, and two sides that both stay are ended in time', async (t) => {
  const clock = new FakeClock();
  const { client, server, front } = await rawPair(t, { clock, inspect: PASS_ALL });
  const close = encodeClose(1000, '', MASK);
  client.socket.write(Buffer.concat([close, clientText('after')]));
  await server.bytes(close.length);
  client.socket.write(clientText('long after'));
  server.socket.write(encodeClose(1000, ''));
  await client.bytes(4);
  clock.advance(29_999);
  assert.equal(client.ended || server.ended, false);
  clock.advance(1);
  await Promise.all([client.end(), server.end()]);
  assert.ok(server.received.equals(close));
  assert.deepEqual((await front.result()).messagesUp, 0);
});

async function tlsPair(t: TestContext): Promise<{ client: Wire; server: Wire; result: () => Promise<unknown> }> {
  const ca = makeTestCa();
  const leaf = ca.issue({ names: ['api.example'] });
  const ready = Promise.withResolvers<Wire>();
  const server = tls.createServer({ key: leaf.key, cert: leaf.chain }, async (socket) => {
    const wire = new Wire(socket);
    await wire.head();
    socket.write(switching());
    ready.resolve(wire);
  });
  const port = await listen(t, server);
  const front = await startFront(t, {
    upstream: async () => {
      const socket = tls.connect({ port, host: '127.0.0.1', servername: 'api.example', ca: ca.cert });
      await once(socket, 'secureConnect');
      return socket;
    },
  });
  const client = await rawClient(t, front.port);
  await client.head();
  return { client, server: await ready.promise, result: () => front.result() };
}

test('over TLS, either side that dies ends the other at once, after what it said', async (t) => {
  const first = await tlsPair(t);
  first.client.socket.write(clientText('up'));
  await first.server.bytes(clientText('up').length);
  first.client.socket.destroy();
  await first.server.end();
  await first.result();

  const second = await tlsPair(t);
  second.server.socket.end(serverText('down'));
  await second.client.end();
  assert.ok(second.client.received.equals(serverText('down')));
  await second.result();
});
