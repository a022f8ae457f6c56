// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectH2 } from 'node:http2';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { FaultyTcp } from './faulty-tcp.ts';
import { Origin } from './origin.ts';
import { makeTestCa } from './pki.ts';
import { send, sendH2 } from './provider/client.ts';
import { SimulatedProvider } from './provider/simulated-provider.ts';

const ca = makeTestCa();
const { key, chain } = ca.issue({ names: ['origin.test'] });
const plain = new Origin();
const secure = new Origin({ tls: { key, cert: chain } });
const trust = { ca: ca.cert, servername: 'origin.test' };

before(async () => {
  await plain.listen();
  await secure.listen();
});
after(async () => {
  await plain.close();
  await secure.close();
});

test('echo, sink, bytes, head and events over HTTP/1.1, TLS and HTTP/2', async () => {
  const body = Buffer.from('ping '.repeat(50_000));
  const ways = [
    (path: string, sent?: Buffer) => send({ url: plain.origin + path, ...(sent ? { body: sent } : {}) }),
    (path: string, sent?: Buffer) => send({ url: secure.origin + path, ...trust, ...(sent ? { body: sent } : {}) }),
    (path: string, sent?: Buffer) => sendH2({ url: secure.origin + path, ...trust, ...(sent ? { body: sent } : {}) }),
  ];
  for (const way of ways) {
    assert.deepEqual((await way('/echo', body)).body, body);
    assert.equal((JSON.parse((await way('/sink', body)).body.toString()) as { bytes: number }).bytes, body.length);
    assert.equal((await way('/bytes?n=1000000')).body.length, 1_000_000);
    assert.equal((await way('/sse?n=5')).body.toString().split('\n\n').length, 6);
    assert.equal((JSON.parse((await way('/head')).body.toString()) as { target: string }).target, '/head');
    assert.equal((await way('/other')).status, 404);
  }
});

test('a WebSocket echoes text and bytes with compression and sub-protocol, also below TLS', async () => {
  for (const { origin } of [plain, secure]) {
    const socket = new WebSocket(origin.replace('http', 'ws'), ['chat.v2'], trust);
    await once(socket, 'open');
    assert.equal(socket.protocol, 'chat.v2');
    assert.equal(socket.extensions, 'permessage-deflate');
    socket.send('hello');
    const [back, binary] = (await once(socket, 'message')) as [Buffer, boolean];
    assert.equal(back.toString(), 'hello');
    assert.equal(binary, false);
    socket.terminate();
  }
});

test('a duplex HTTP/2 call is echoed message by message and ends with trailers', async () => {
  const session = connectH2(secure.origin, trust);
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/pkg.Service/Call',
      'content-type': 'application/grpc',
    });
    let trailers: Readonly<Record<string, unknown>> = {};
    stream.on('trailers', (last) => {
      trailers = last;
    });
    for (const message of ['one', 'two']) {
      stream.write(message);
      const [back] = (await once(stream, 'data')) as [Buffer];
      assert.equal(back.toString(), message, 'the answer comes while the request is open');
    }
    stream.end();
    await once(stream, 'close');
    assert.equal(trailers['grpc-status'], '0');
  } finally {
    session.destroy();
  }
});

test('the simulated provider upgrades below TLS as well', async () => {
  const provider = await new SimulatedProvider({ tls: { key, cert: chain } }).listen();
  try {
    const socket = new WebSocket(`${provider.origin.replace('http', 'ws')}/v1/responses`, {
      ...trust,
      headers: { authorization: 'Bearer sim' },
    });
    await once(socket, 'open');
    socket.terminate();
    await provider.waitFor((request) => request.kind === 'websocket' && request.leftAt !== undefined);
  } finally {
    await provider.close();
  }
});

/** How a bare connection that sends something ends: an error's code, or `fin`. */
function endOf(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('x'));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.on('end', () => resolve('fin'));
    socket.resume();
  });
}

test('the faulty hop passes, refuses, resets, cuts, drips and swallows', async () => {
  const hop = await new FaultyTcp(plain.port).listen();
  const url = `http://127.0.0.1:${hop.port}/bytes?n=5000`;
  try {
    assert.equal((await send({ url })).body.length, 5000);
    await hop.become({ kind: 'refuse' });
    await assert.rejects(send({ url }), { code: 'ECONNREFUSED' });
    await hop.become({ kind: 'reset' });
    assert.equal(await endOf(hop.port), 'ECONNRESET');
    await hop.become({ kind: 'cut', bytes: 1000 });
    const cut = await send({ url });
    assert.notEqual(cut.end, 'clean');
    assert.ok(cut.body.length > 0 && cut.body.length < 1000);
    await hop.become({ kind: 'slow', bytes: 1000, gap: 1 });
    const slow = await send({ url });
    assert.equal(slow.body.length, 5000);
    assert.ok(slow.chunks >= 4, `${slow.chunks} chunks`);
    await hop.become({ kind: 'blackhole' });
    const before = hop.connections;
    const socket = connect(hop.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    let answered = false;
    socket.on('data', () => {
      answered = true;
    });
    await once(socket, 'connect');
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await hop.become({ kind: 'pass' }, true);
    await closed;
    assert.equal(answered, false);
    assert.equal(hop.connections, before + 1);
    assert.equal((await send({ url })).body.length, 5000);
  } finally {
    await hop.close();
  }
});
