// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectH2 } from 'node:http2';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
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
