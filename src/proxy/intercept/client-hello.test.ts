// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { LARGEST_HELLO, parseClientHello, peekClientHello } from './client-hello.ts';

async function realHello(options: ConnectionOptions): Promise<Buffer> {
  const [near, far] = duplexPair();
  const client = connect({ ...options, socket: near });
  client.on('error', () => undefined);
  const [bytes] = (await once(far, 'data')) as [Buffer];
  client.destroy();
  return bytes;
}

/** The same handshake bytes in records of `size` bytes. */
function resliced(hello: Buffer, size: number): Buffer {
  const body = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

async function socketPair(t: { after(fn: () => void): void }): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const client = tcpConnect({ port: typeof address === 'object' && address ? address.port : 0, noDelay: true });
  const [accepted] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return [client, accepted];
}

test('SNI and ALPN of real clients, TLS 1.2 and 1.3', async () => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const hello = await realHello({ servername: 'API.openai.test', ALPNProtocols: ['h2', 'http/1.1'], maxVersion });
    assert.deepEqual(parseClientHello(hello), { kind: 'hello', sni: 'api.openai.test', alpn: ['h2', 'http/1.1'] });
  }
});

test('a hello without SNI and ALPN', async () => {
  assert.deepEqual(parseClientHello(await realHello({ servername: '' })), { kind: 'hello', sni: undefined, alpn: [] });
});

test('every prefix asks for more, and never for less than it has', async () => {
  const hello = await realHello({ servername: 'a.test' });
  for (let length = 0; length < hello.length; length++) {
    const parsed = parseClientHello(hello.subarray(0, length));
    assert.equal(parsed.kind, 'more');
    assert.ok(parsed.kind === 'more' && parsed.need > length);
  }
});

test('a hello in several records', async () => {
  const hello = await realHello({ servername: 'a.test', ALPNProtocols: ['h2'] });
  for (const size of [40, 100, hello.length]) {
    assert.deepEqual(parseClientHello(resliced(hello, size)), { kind: 'hello', sni: 'a.test', alpn: ['h2'] });
  }
  assert.equal(parseClientHello(resliced(hello, 1)).kind, 'invalid', 'one byte a record is an attack');
});

test('what is not TLS, and what only pretends to be', async () => {
  const hello = await realHello({ servername: 'a.test' });
  assert.equal(parseClientHello(Buffer.from('GET / HTTP/1.1\r\n')).kind, 'not-tls');
  assert.equal(parseClientHello(Buffer.from('SSH-2.0-x\r\n')).kind, 'not-tls');
  assert.equal(parseClientHello(Buffer.from([22, 9])).kind, 'not-tls');
  assert.equal(parseClientHello(Buffer.from([22, 3, 1, 0, 0])).kind, 'invalid');
  assert.equal(parseClientHello(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])).kind, 'invalid', 'a server hello');
  const claimsTooMuch = Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff]);
  assert.equal(parseClientHello(claimsTooMuch).kind, 'invalid');
  // Any damaged byte yields an answer, never an exception.
  const kinds = new Set<string>();
  for (let at = 0; at < hello.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const damaged = Buffer.from(hello);
      damaged[at] = value;
      kinds.add(parseClientHello(damaged).kind);
    }
  }
  assert.deepEqual([...kinds].sort(), ['hello', 'invalid', 'more', 'not-tls']);
});

test('peeking works over any slicing and puts every byte back', async (t) => {
  const hello = await realHello({ servername: 'a.test' });
  const [client, accepted] = await socketPair(t);
  const peeking = peekClientHello(accepted, { clock: new FakeClock(), firstByteMs: 5_000, helloMs: 5_000 });
  for (let at = 0; at < hello.length; at += 100) {
    client.write(hello.subarray(at, at + 100));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal((await peeking).kind, 'hello');
  client.end('after');
  const chunks: Buffer[] = [];
  for await (const chunk of accepted) chunks.push(chunk);
  assert.deepEqual(Buffer.concat(chunks), Buffer.concat([hello, Buffer.from('after')]));
});

test('a silent client times out only where it must speak first; a slow hello always does', async (t) => {
  const clock = new FakeClock();
  const [client, accepted] = await socketPair(t);
  const must = peekClientHello(accepted, { clock, firstByteMs: 5_000, helloMs: 5_000 });
  clock.advance(5_000);
  assert.equal((await must).kind, 'timeout');
  const may = peekClientHello(accepted, { clock, firstByteMs: undefined, helloMs: 5_000 });
  assert.equal(clock.pending, 0);
  client.write(Buffer.from([22, 3]));
  await once(accepted, 'data');
  clock.advance(5_000);
  assert.equal((await may).kind, 'timeout');
});

test('a client that ends first is told apart', async (t) => {
  const [client, accepted] = await socketPair(t);
  client.end(Buffer.from([22]));
  const peeked = await peekClientHello(accepted, { clock: new FakeClock(), firstByteMs: 1, helloMs: 1 });
  assert.deepEqual(peeked, { kind: 'ended', bytes: Buffer.from([22]) });
});

test('a hello that never stops growing is given up', async (t) => {
  const [client, accepted] = await socketPair(t);
  const record = Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0]), Buffer.alloc(0x4000)]);
  record.set([1, 0x00, 0xff, 0xff], 5);
  const peeking = peekClientHello(accepted, { clock: new FakeClock(), firstByteMs: 1, helloMs: 1 });
  const filler = Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0]), Buffer.alloc(0x4000)]);
  client.write(record);
  for (let sent = 0; sent < LARGEST_HELLO; sent += 0x4000) client.write(filler);
  assert.equal((await peeking).kind, 'invalid');
});
