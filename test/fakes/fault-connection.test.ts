// SPDX-License-Identifier: Apache-2.0
// What each fault does to one connection, seen from both ends.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import {
  differences,
  exchange,
  head,
  post,
  received,
  sendMuch,
  start,
  startEcho,
  startSink,
  TLS,
} from './fault-kit.ts';
import type { FaultProxy } from './fault-proxy.ts';

const NOTHING = Buffer.alloc(0);

test('ok: a megabyte passes both ways, also of a client that ends its side first', async (t) => {
  const { proxy } = await start(t);
  const body = Buffer.alloc(1_000_000, 'abc');
  assert.deepEqual((await post(proxy, body)).body, body);
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(head(0));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 200 /);
  await once(socket, 'close');
  assert.equal(proxy.counts.ok, 2);
  assert.equal(proxy.connections, 2);
});

test('reset at once: the server sees no connection', async (t) => {
  const { proxy, echo } = await start(t, { fault: { kind: 'reset' } });
  assert.deepEqual(await exchange(proxy.port, head(0)), { received: NOTHING, end: 'ECONNRESET' });
  assert.equal(proxy.counts.reset, 1);
  assert.equal(echo.connections(), 0);
});

test('reset in the request: both sides are reset when so many bytes have passed', async (t) => {
  const sink = await startSink(t);
  const { proxy } = await start(t, { target: sink.port, fault: { kind: 'reset', after: 7 } });
  assert.equal((await exchange(proxy.port, '0123456789')).end, 'ECONNRESET');
  assert.deepEqual(await sink.first, { received: Buffer.from('0123456'), end: 'ECONNRESET' });
  assert.equal(proxy.counts.reset, 1);
});

test('reset in the answer: the client has so many bytes of it, the server had the request', async (t) => {
  const { proxy, echo } = await start(t, { fault: { kind: 'reset', way: 'response', after: 12 } });
  const { received, end } = await exchange(proxy.port, `${head(3)}abc`);
  assert.equal(received.toString(), 'HTTP/1.1 200');
  assert.equal(end, 'ECONNRESET');
  assert.equal(echo.served.length, 1);
});

test('cut: so many bytes of the answer, then a clean end, whatever the client still sends', async (t) => {
  const sink = await startSink(t, '0123456789');
  const { proxy } = await start(t, { target: sink.port, fault: { kind: 'cut', after: 7 } });
  const { received, end } = await exchange(proxy.port, Buffer.alloc(10_000_000));
  assert.equal(received.toString(), '0123456');
  assert.equal(end, 'fin');
  assert.equal(proxy.counts.cut, 1);
});

test('a stream that is too short for its fault passes whole and is not counted', async (t) => {
  for (const fault of [
    { kind: 'reset', after: 100_000 },
    { kind: 'reset', way: 'response', after: 100_000 },
    { kind: 'cut', after: 100_000 },
    { kind: 'flip', way: 'request', at: 100_000 },
    { kind: 'flip', way: 'response', of: 'body', at: 3 },
  ] as const) {
    const { proxy } = await start(t, { fault });
    assert.equal((await post(proxy, 'abc')).body.toString(), 'abc');
    assert.equal(proxy.counts[fault.kind], 0);
  }
});

test('blackhole: swallows the request, neither answers nor ends', async (t) => {
  const { proxy, echo } = await start(t, { fault: { kind: 'blackhole' } });
  const left = exchange(proxy.port, `${head(3)}abc`);
  await proxy.happened('blackhole');
  // That there is no answer shows only beside something that has one.
  proxy.plan = () => ({ kind: 'ok' });
  await post(proxy, 'other');
  assert.deepEqual(echo.served.map(String), ['other']);
  proxy.partition();
  assert.deepEqual(await left, { received: NOTHING, end: 'ECONNRESET' });
});

test('flip: one bit of a body, in either direction, or of the stream', async (t) => {
  const body = Buffer.from('x'.repeat(200_000));
  const { proxy, echo } = await start(t, {
    fault: { kind: 'flip', way: 'response', of: 'body', at: 150_000, bit: 3 },
  });
  assert.deepEqual(differences((await post(proxy, body)).body, body), [[150_000, 8]]);
  assert.deepEqual(echo.served, [body]);
  proxy.plan = () => ({ kind: 'flip', way: 'request', of: 'body', at: 0 });
  await post(proxy, body);
  assert.deepEqual(differences(echo.served[1] ?? NOTHING, body), [[0, 1]]);
  // HTTQ/1.1 is not HTTP any more.
  proxy.plan = () => ({ kind: 'flip', way: 'response', at: 3 });
  await assert.rejects(post(proxy, body), { code: 'HPE_INVALID_CONSTANT' });
  assert.equal(proxy.counts.flip, 3);
});

test('flip finds the body when the head comes in pieces', async (t) => {
  const sink = await startSink(t);
  const { proxy } = await start(t, { target: sink.port, fault: { kind: 'flip', way: 'request', of: 'body', at: 1 } });
  const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
  let sent = 0;
  for (const piece of ['POST / HTTP/1.1\r\n\r', '\n', 'a', 'ab', 'aa']) {
    socket.write(piece);
    sent += piece.length;
    await received(await sink.accepted, sent);
  }
  socket.end();
  assert.equal((await sink.first).received.toString(), 'POST / HTTP/1.1\r\n\r\na`baa');
  await once(socket.resume(), 'close');
});

test('flip breaks TLS that passes through', async (t) => {
  const secure = await startEcho(t, TLS);
  const url = (proxy: FaultProxy) => ({ url: `https://localhost:${proxy.port}/` });
  const { proxy: whole } = await start(t, { target: secure.port });
  assert.equal((await post(whole, 'abc', url(whole))).body.toString(), 'abc');
  const { proxy } = await start(t, { target: secure.port, fault: { kind: 'flip', way: 'response', at: 1000 } });
  await assert.rejects(post(proxy, 'abc', url(proxy)));
  assert.equal(proxy.counts.flip, 1);
  assert.equal(secure.served.length, 1);
});

test('slow: so many bytes a step, in either direction', async (t) => {
  for (const way of ['request', 'response'] as const) {
    let steps = 0;
    const step = async (): Promise<void> => {
      steps += 1;
    };
    const { proxy } = await start(t, { fault: { kind: 'slow', way, bytes: 1000 }, step });
    const body = Buffer.alloc(20_000, 'abc');
    assert.deepEqual((await post(proxy, body)).body, body);
    assert.ok(steps >= 20, `${steps} steps`);
    assert.equal(proxy.counts.slow, 1);
  }
});

test('slow: the next piece waits for its step', async (t) => {
  const { proxy } = await start(t, {
    fault: { kind: 'slow', way: 'response', bytes: 12 },
    step: () => new Promise(() => undefined),
  });
  const left = exchange(proxy.port, `${head(3)}abc`);
  await proxy.happened('slow');
  proxy.partition();
  assert.equal((await left).received.toString(), 'HTTP/1.1 200');
});

test('slow by the real clock', async (t) => {
  const { proxy } = await start(t, { fault: { kind: 'slow', way: 'response', bytes: 100 } });
  assert.equal((await post(proxy, 'x'.repeat(1000))).body.length, 1000);
  assert.equal(proxy.counts.slow, 1);
});

test('lost-answer: the server has the whole request, the client is reset', async (t) => {
  const { proxy, echo } = await start(t, { fault: { kind: 'lost-answer' } });
  const body = Buffer.alloc(3_000_000, 'abc');
  await assert.rejects(post(proxy, body), { code: 'ECONNRESET' });
  assert.deepEqual(echo.served, [body]);
  assert.equal(proxy.counts['lost-answer'], 1);
});

test('lost-answer: the server ends its answer undisturbed', async (t) => {
  const sink = await startSink(t, 'a');
  const { proxy } = await start(t, { target: sink.port, fault: { kind: 'lost-answer' } });
  assert.deepEqual(await exchange(proxy.port, 'x'), { received: NOTHING, end: 'ECONNRESET' });
  assert.equal(await sendMuch(await sink.accepted), true);
  await proxy.close();
  assert.equal((await sink.first).end, 'ECONNRESET');
});

test('503: answered here once the request is whole, with retry-after; the server sees nothing', async (t) => {
  const { proxy, echo } = await start(t, { fault: { kind: '503', retryAfter: 7 } });
  const { status, headers, end } = await post(proxy, Buffer.alloc(1_000_000));
  assert.deepEqual([status, headers['retry-after'], end], [503, '7', 'clean']);
  proxy.plan = () => ({ kind: '503' });
  assert.equal((await post(proxy, 'abc')).headers['retry-after'], undefined);
  assert.equal(proxy.counts['503'], 2);
  const socket = connect(proxy.port, '127.0.0.1');
  socket.write(`${head(3)}ab`);
  while (proxy.connections < 3) await new Promise(setImmediate);
  await post(proxy, 'abc');
  assert.equal(socket.bytesRead, 0);
  socket.write('c');
  await once(socket, 'data');
  socket.end();
  await once(socket, 'close');
  assert.equal(echo.connections(), 0);
});
