// SPDX-License-Identifier: Apache-2.0
// Malformed and ambiguous framing (mitm.md section 5, point 8): refused before anybody could read it in two ways.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { answerClientError } from '../../src/proxy/intercept/h1-server.ts';
import { FakeClock } from '../fakes/clock.ts';
import {
  drain,
  GOVERNED,
  kitFor,
  nextChunk,
  openTls,
  openTunnel,
  readAll,
  startKit,
  talk,
  until,
} from './intercept-kit.ts';
import { framesIn, rawH2 } from './intercept-raw-h2.ts';

const HOST = `Host: ${GOVERNED}\r\n`;

const MALFORMED: readonly (readonly [string, string])[] = [
  [
    'transfer-encoding and content-length',
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
  ],
  [
    'content-length and transfer-encoding',
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['two different content-lengths', `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
  ['two equal content-lengths', `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`],
  ['a content-length list', `POST / HTTP/1.1\r\n${HOST}Content-Length: 3, 3\r\n\r\nabc`],
  ['a signed content-length', `POST / HTTP/1.1\r\n${HOST}Content-Length: +3\r\n\r\nabc`],
  ['chunked that is not last', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`],
  ['an unknown transfer-encoding', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['a space before the colon', `GET / HTTP/1.1\r\n${HOST}X-A : b\r\n\r\n`],
  ['bare LF line ends', `GET / HTTP/1.1\nHost: ${GOVERNED}\n\n`],
  ['a bare CR in a value', `GET / HTTP/1.1\r\n${HOST}X: a\rb\r\n\r\n`],
  ['a NUL in a value', `GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`],
  ['a folded header', `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`],
  ['a space in the target', `GET /a b HTTP/1.1\r\n${HOST}\r\n`],
  ['an unknown version', `GET / HTTP/3.7\r\n${HOST}\r\n`],
  ['a bad chunk size', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nZZ\r\n`],
  ['a bare LF after a chunk size', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n`],
  ['no HTTP at all', 'hello there\r\n\r\n'],
];

test('malformed HTTP/1.1 is answered 400 and closed; nothing of it reaches an upstream', async (t) => {
  for (const [why, bytes] of MALFORMED) {
    const kit = await kitFor(t);
    const secure = await openTls(kit);
    const text = await talk(secure, bytes);
    secure.destroy();
    const [first] = text.match(/HTTP\/1\.1 \d+/g) ?? [];
    assert.equal(first, 'HTTP/1.1 400', why);
    assert.equal(text.match(/HTTP\/1\.1 /g)?.length, 1, `${why}: one answer`);
    assert.match(text, /Connection: close/, why);
    // A body can only be found broken after its head was let in; then it must not have ended well.
    for (const call of kit.calls) assert.ok(call.kind === 'http' && !call.body.readableEnded, why);
    await until(() => kit.intercept.stats().connections === 0, `${why}: closed`);
  }
});

test('the same on the proxy’s own port', async (t) => {
  const kit = await kitFor(t);
  for (const [why, bytes] of MALFORMED) {
    const absolute = bytes.replace(' / ', ` http://${GOVERNED}/ `);
    const raw = connect(kit.port, '127.0.0.1');
    raw.on('error', () => undefined);
    assert.match(await talk(raw, absolute), /^HTTP\/1\.1 400 /, why);
  }
});

test('too many header bytes or fields: 431 or 400, and closed', async (t) => {
  const kit = await kitFor(t);
  const big = await talk(await openTls(kit), `GET / HTTP/1.1\r\n${HOST}X: ${'a'.repeat(70_000)}\r\n\r\n`);
  assert.match(big, /^HTTP\/1\.1 431 /);
  const many = await talk(await openTls(kit), `GET / HTTP/1.1\r\n${HOST}${'a: b\r\n'.repeat(600)}\r\n`);
  assert.match(many, /^HTTP\/1\.1 400 /);
  const fits = `GET / HTTP/1.1\r\n${HOST}Connection: close\r\nX: ${'a'.repeat(60_000)}\r\n\r\n`;
  assert.match(await talk(await openTls(kit), fits), /^HTTP\/1\.1 200 /);
  assert.equal(kit.calls.length, 1);
});

test('the answer to a head that is far too large arrives, whatever of it was still to be read', async (t) => {
  const kit = await kitFor(t);
  const big = `GET / HTTP/1.1\r\n${HOST}X: ${'a'.repeat(1_000_000)}\r\n\r\n`;
  assert.match(await talk(await openTls(kit), big), /^HTTP\/1\.1 431 [\s\S]*OUT_BAD_REQUEST/);
  assert.match(await talk(connect(kit.port, '127.0.0.1'), big), /^HTTP\/1\.1 431 /);
  const extension = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5;${'x'.repeat(1_000_000)}\r\nabcde\r\n`;
  assert.match(await talk(await openTls(kit), extension), /^HTTP\/1\.1 413 /);
});

test('a malformed request behind a good one on the same connection is answered 400 as well', async (t) => {
  const kit = await kitFor(t);
  for (const [why, bytes] of MALFORMED) {
    const secure = await openTls(kit);
    secure.write(`GET /first HTTP/1.1\r\n${HOST}\r\n`);
    assert.match(String(await nextChunk(secure)), /^HTTP\/1\.1 200 /);
    assert.match(await talk(secure, bytes), /^HTTP\/1\.1 400 /, why);
    secure.destroy();
  }
});

test('a body that turns out to be malformed ends its call at once, although the client stays', async (t) => {
  let outcome = '';
  const kit = await startKit({
    clock: new FakeClock(),
    handle: async (call) => {
      if (call.kind !== 'http') return;
      outcome = await readAll(call.body).then(
        () => 'ended',
        () => 'broken',
      );
    },
  });
  t.after(() => void kit.close());
  const { socket } = await openTunnel(kit.port, `${GOVERNED}:80`);
  t.after(() => socket.destroy());
  const bytes = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\nZZ\r\n`;
  assert.match(await talk(socket, bytes), /^HTTP\/1\.1 400 /);
  await until(() => outcome !== '', 'the call has ended');
  assert.equal(outcome, 'broken');
});

test('a head that came too slowly is answered 408, and cannot be completed afterwards', async (t) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const tooSlow = Object.assign(new Error('too slow'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    answerClientError({ answering: new WeakMap(), clock: new FakeClock() })(tooSlow, socket);
    socket.once('close', () => server.close());
  });
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.after(() => socket.destroy());
  const closed = once(server, 'close');
  assert.match(await drain(socket), /^HTTP\/1\.1 408 /);
  await closed;
});

type Fields = readonly (readonly [string, string])[];
const START: Fields = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':authority', GOVERNED],
  [':path', '/'],
];

/** What a client sees: a reset stream, our 400, the end of the connection, or (nghttp2) the unsafe field left out of the call. */
type Outcome = 'reset' | 'answered 400' | 'closed' | 'left out';

test('HTTP/2 that an HTTP/1.1 upstream could misread never becomes a call with that in it', async (t) => {
  const cases: readonly (readonly [string, Outcome, Fields, Buffer?])[] = [
    ['CR LF in a value', 'left out', [...START, ['x', 'a\r\nInjected: b']]],
    ['NUL in a value', 'left out', [...START, ['x', 'a\0']]],
    ['a colon in a name', 'left out', [...START, ['x:y', 'c']]],
    ['CR LF in the path', 'reset', [...START.slice(0, 3), [':path', '/ HTTP/1.1\r\nx: y']]],
    ['an upper-case name', 'reset', [...START, ['X-A', 'b']]],
    ['transfer-encoding', 'reset', [...START, ['transfer-encoding', 'chunked']]],
    ['connection', 'reset', [...START, ['connection', 'keep-alive']]],
    ['te other than trailers', 'reset', [...START, ['te', 'gzip']]],
    ['host against :authority', 'answered 400', [...START, ['host', 'other.example.test']]],
    ['two hosts', 'reset', [...START, ['host', GOVERNED], ['host', GOVERNED]]],
    ['more content than content-length', 'closed', [...START, ['content-length', '1']], Buffer.from('abc')],
    ['less content than content-length', 'reset', [...START, ['content-length', '9']], Buffer.from('abc')],
    ['two content-lengths', 'reset', [...START, ['content-length', '3'], ['content-length', '4']], Buffer.from('abc')],
    ['extended CONNECT', 'reset', [[':method', 'CONNECT'], [':protocol', 'websocket'], ...START.slice(1)]],
    [
      'CONNECT',
      'answered 400',
      [
        [':method', 'CONNECT'],
        [':authority', 'bank.example.test:443'],
      ],
    ],
  ];
  for (const [why, wanted, fields, body] of cases) {
    const kit = await kitFor(t);
    const secure = await openTls(kit, `${GOVERNED}:443`, { ALPNProtocols: ['h2'] });
    const parts: Buffer[] = [];
    secure.on('data', (chunk) => parts.push(chunk));
    secure.resume();
    secure.write(Buffer.concat([rawH2.preface, rawH2.settings()]));
    secure.write(rawH2.headers(1, rawH2.headerBlock(fields), body === undefined ? 5 : 4));
    if (body !== undefined) secure.write(rawH2.data(1, body, 1));
    const outcome = (): Outcome | undefined => {
      const said = framesIn(Buffer.concat(parts)).find(
        ({ type, stream }) => (type === 3 || type === 1) && stream === 1,
      );
      if (said?.type === 3) return 'reset';
      // Indexed field 12 of HPACK's static table is `:status: 400`.
      if (said?.type === 1) return said.payload[0] === (0x80 | 12) ? 'answered 400' : 'left out';
      return secure.readableEnded || secure.destroyed ? 'closed' : undefined;
    };
    await until(() => outcome() !== undefined, why);
    assert.equal(outcome(), wanted, why);
    for (const call of kit.calls) {
      assert.doesNotMatch(call.headers.join(''), /[\r\n\0]|Injected|x:y/, why);
      assert.ok(
        wanted === 'left out' || (call.kind === 'http' && !call.body.readableEnded),
        `${why}: its body ended well`,
      );
    }
    assert.ok(kit.calls.length === 0 || wanted === 'left out' || body !== undefined, why);
    secure.destroy();
  }
});
