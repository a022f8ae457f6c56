// SPDX-License-Identifier: Apache-2.0
// What the WebSocket relay does before there is a WebSocket: heads, refusals, unusable answers.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { OutpostError } from '../../src/contract/errors.ts';
import { OPCODE } from '../../src/proxy/exchange/websocket/frame.ts';
import { FakeClock } from '../fakes/clock.ts';
import {
  accept,
  clientText,
  connect,
  framesOf,
  KEY,
  PASS_ALL,
  rawClient,
  rawUpstream,
  serverText,
  startFront,
  switching,
} from './websocket-relay.fixture.ts';

test('the request goes up in its order and case; the 101 comes down with what was added', async (t) => {
  const upstream = await rawUpstream(
    t,
    switching('sEc-WebSocket-Protocol: realtime\r\nX-Outpost-Id: forged\r\nX-A: 1\r\nX-A: 2\r\n'),
  );
  const front = await startFront(t, { upstream: upstream.port, answerHeaders: ['X-Outpost-Id', 'ours'] });
  const client = await rawClient(t, front.port, {
    headers: 'sec-webSocket-protocol: realtime, x\r\nX-b: 1\r\nx-B: 2\r\n',
  });
  const { head } = await upstream.accepted();
  assert.equal(
    head,
    `GET /v1/responses?x=1 HTTP/1.1\r\nHost: api.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\nsec-webSocket-protocol: realtime, x\r\nX-b: 1\r\nx-B: 2\r\n\r\n`,
  );
  assert.equal(
    await client.head(),
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(KEY)}\r\nsEc-WebSocket-Protocol: realtime\r\nX-A: 1\r\nX-A: 2\r\nX-Outpost-Id: ours\r\n\r\n`,
  );
  client.socket.destroy();
  assert.equal((await front.result()).subprotocol, 'realtime');
});

test('frames ahead of the 101 wait for it on both sides; nothing is answered before the upstream does', async (t) => {
  const upstream = await rawUpstream(t, '');
  const front = await startFront(t, { upstream: upstream.port });
  const client = await rawClient(t, front.port, { early: clientText('early') });
  const { wire: server } = await upstream.accepted();
  client.socket.write(clientText('also early'));
  const answer = Buffer.concat([
    Buffer.from(`HTTP/1.1 103 Early\r\nLink: x\r\n\r\n${switching()}`),
    serverText('first'),
  ]);
  for (const byte of answer.subarray(0, -1)) server.socket.write(Buffer.from([byte]));
  assert.equal(server.received.length, 0);
  server.socket.write(answer.subarray(-1));
  assert.match(await client.head(), /^HTTP\/1\.1 101 /);
  assert.deepEqual(framesOf(await client.bytes(7), false), [{ opcode: OPCODE.text, text: 'first' }]);
  const expected = Buffer.concat([clientText('early'), clientText('also early')]);
  assert.ok((await server.bytes(expected.length)).equals(expected));
});

const BAD_ANSWERS: readonly [string, string, string][] = [
  ['a wrong accept value', switching().replace(accept(KEY), accept('x')), 'OUT_UPSTREAM_BROKEN'],
  ['no accept value', switching().replace(/Sec-WebSocket-Accept.*\r\n/, ''), 'OUT_UPSTREAM_BROKEN'],
  ['two accept values', switching(`Sec-WebSocket-Accept: ${accept(KEY)}\r\n`), 'OUT_UPSTREAM_BROKEN'],
  ['another protocol', switching().replace('websocket', 'h2c'), 'OUT_UPSTREAM_BROKEN'],
  ['a 101 of HTTP/1.0', switching().replace('HTTP/1.1', 'HTTP/1.0'), 'OUT_UPSTREAM_BROKEN'],
  ['a head that is not HTTP', 'SSH-2.0-x\r\n\r\n', 'OUT_UPSTREAM_BROKEN'],
  ['a folded header', 'HTTP/1.1 404 X\r\nA: b\r\n c\r\n\r\n', 'OUT_UPSTREAM_BROKEN'],
  ['a head over 16 KiB', `HTTP/1.1 101 X\r\nA: ${'x'.repeat(17_000)}`, 'OUT_UPSTREAM_BROKEN'],
  ['endless informational heads', 'HTTP/1.1 103 X\r\n\r\n'.repeat(1000), 'OUT_UPSTREAM_BROKEN'],
  ['two body lengths', 'HTTP/1.1 404 X\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 'OUT_UPSTREAM_BROKEN'],
];
for (const [name, answer, code] of BAD_ANSWERS) {
  test(`${name} is no answer: the client has been told nothing and the caller answers`, async (t) => {
    const upstream = await rawUpstream(t, answer);
    const front = await startFront(t, { upstream: upstream.port, inspect: PASS_ALL });
    const client = await rawClient(t, front.port);
    assert.match(await client.head(), /^HTTP\/1\.1 502 /);
    const result = await front.result();
    assert.deepEqual(
      [result.answered, result.upgraded, result.status, result.closedBy, result.error?.code],
      [false, false, 0, 'error', code],
    );
    await (await upstream.accepted()).wire.end();
  });
}

test('an upstream that ends before or inside its head, or cannot be dialled, is told apart', async (t) => {
  for (const [answer, code] of [
    ['', 'OUT_UPSTREAM_UNREACHABLE'],
    ['HTTP/1.1 101 Sw', 'OUT_UPSTREAM_BROKEN'],
  ] as const) {
    const upstream = await rawUpstream(t, answer);
    const front = await startFront(t, { upstream: upstream.port });
    const client = await rawClient(t, front.port);
    (await upstream.accepted()).wire.socket.end();
    assert.match(await client.head(), /^HTTP\/1\.1 502 /);
    assert.equal((await front.result()).error?.code, code);
  }
  const untrusted = new OutpostError('OUT_UPSTREAM_UNTRUSTED');
  for (const [failure, code] of [
    [untrusted, 'OUT_UPSTREAM_UNTRUSTED'],
    [Object.assign(new Error('x'), { code: 'ENOTFOUND' }), 'OUT_UPSTREAM_UNREACHABLE'],
  ] as const) {
    const front = await startFront(t, { upstream: () => Promise.reject(failure) });
    const client = await rawClient(t, front.port);
    assert.match(await client.head(), /^HTTP\/1\.1 502 /);
    assert.equal((await front.result()).error?.code, code);
  }
});

test('a request that cannot be a handshake, or could smuggle a body, is never dialled', async (t) => {
  let dialled = 0;
  const dial = (): Promise<Duplex> => {
    dialled++;
    return Promise.reject(new Error('dialled'));
  };
  for (const headers of [`Sec-WebSocket-Key: ${KEY}\r\n`, 'Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n']) {
    const front = await startFront(t, { upstream: dial });
    const client = await rawClient(t, front.port, { headers });
    await client.head();
    assert.equal((await front.result()).error?.code, 'OUT_BAD_REQUEST');
  }
  assert.equal(dialled, 0);
});

test('no answer within the handshake time is a timeout, also while dialling; a late socket is thrown away', async (t) => {
  const clock = new FakeClock();
  const upstream = await rawUpstream(t, 'HTTP/1.1 101 S');
  const front = await startFront(t, { upstream: upstream.port, clock, limits: { handshakeMs: 5000 } });
  const client = await rawClient(t, front.port);
  const { wire } = await upstream.accepted();
  clock.advance(5000);
  assert.match(await client.head(), /^HTTP\/1\.1 502 /);
  await wire.end();
  assert.equal((await front.result()).error?.code, 'OUT_UPSTREAM_TIMEOUT');

  const dialling = Promise.withResolvers<Duplex>();
  const asked = Promise.withResolvers<void>();
  const slow = await startFront(t, {
    upstream: () => {
      asked.resolve();
      return dialling.promise;
    },
    clock,
    limits: { handshakeMs: 5000 },
  });
  const second = await rawClient(t, slow.port);
  await asked.promise;
  clock.advance(5000);
  assert.equal((await slow.result()).error?.code, 'OUT_UPSTREAM_TIMEOUT');
  await second.head();
  const late = await connect(upstream.port);
  dialling.resolve(late);
  await once(late, 'close');
});

test('an answer whose body breaks off or never comes ends visibly broken', async (t) => {
  const clock = new FakeClock();
  for (const how of ['dies', 'stalls'] as const) {
    const upstream = await rawUpstream(
      t,
      'HTTP/1.1 401 No\r\nContent-Length: 10\r\nConnection: keep-alive\r\n\r\nhalf',
    );
    const front = await startFront(t, { upstream: upstream.port, clock });
    const client = await rawClient(t, front.port);
    const { wire } = await upstream.accepted();
    assert.match(await client.head(), /^HTTP\/1\.1 401 No\r\nContent-Length: 10\r\nConnection: close\r\n\r\n$/);
    await client.bytes(4);
    if (how === 'dies') wire.socket.destroy();
    else clock.advance(30_000);
    await client.end();
    assert.equal(client.received.toString(), 'half');
    const result = await front.result();
    assert.deepEqual([result.answered, result.status, result.error?.code], [true, 401, 'OUT_UPSTREAM_BROKEN']);
  }
});

test('a client that leaves during the handshake is seen upstream at once', async (t) => {
  const upstream = await rawUpstream(t, '');
  const front = await startFront(t, { upstream: upstream.port });
  const client = await rawClient(t, front.port);
  const { wire } = await upstream.accepted();
  client.socket.destroy();
  await wire.end();
  const result = await front.result();
  assert.deepEqual([result.answered, result.closedBy, result.error], [false, 'client', undefined]);
});
