// SPDX-License-Identifier: Apache-2.0
// What the HTTP/1.1 adapter promises the exchange (exchange/call.ts), seen from a real client over TLS.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { sayToSocket } from '../../src/proxy/exchange/answer.ts';
import type { HandleCall, RawHeaders, UpgradeCall } from '../../src/proxy/exchange/call.ts';
import { FakeClock } from '../fakes/clock.ts';
import {
  drain,
  GOVERNED,
  kitFor,
  kitWith,
  nextChunk,
  openTls,
  openTunnel,
  postHead,
  readAll,
  startKit,
  talk,
  until,
} from './intercept-kit.ts';

test('h1: names, order, case and duplicates of headers both ways; nothing added but framing', async (t) => {
  const answered = ['X-Zeta', '1', 'x-alpha', '2', 'X-ZETA', '3', 'Set-Cookie', 'a=1', 'set-cookie', 'b=2'];
  const kit = await kitWith(t, (call) => {
    call.reply.head(200, [...answered, 'Content-Length', '2']);
    call.reply.write(Buffer.from('ok'));
    call.reply.end();
  });
  const secure = await openTls(kit);
  secure.write(
    `GET /a/../b?q=%20 HTTP/1.1\r\nzz: 1\r\nHOST: ${GOVERNED}\r\nAccept: a\r\naccept: b\r\nCookie: c\r\n\r\n`,
  );
  const text = String(await nextChunk(secure));
  const wanted = 'X-Zeta: 1\r\nx-alpha: 2\r\nX-ZETA: 3\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 2\r\n';
  assert.equal(text, `HTTP/1.1 200 OK\r\n${wanted}\r\nok`);
  const [call] = kit.calls;
  assert.deepEqual(call?.headers, ['zz', '1', 'HOST', GOVERNED, 'Accept', 'a', 'accept', 'b', 'Cookie', 'c']);
  assert.equal(call?.target, '/a/../b?q=%20');
  secure.destroy();
});

test('h1: a body without length is chunked, with its trailers; requests bring trailers as well', async (t) => {
  let trailers: RawHeaders = [];
  const kit = await kitWith(t, async (call) => {
    await readAll(call.body);
    trailers = call.requestTrailers();
    call.reply.head(200, ['Trailer', 'X-Sum']);
    call.reply.write(Buffer.from('one'));
    call.reply.end(['X-Sum', '42']);
  });
  const secure = await openTls(kit);
  const text = await talk(
    secure,
    `${postHead('Transfer-Encoding: chunked\r\nConnection: close\r\n')}3\r\nabc\r\n0\r\nX-Trail: yes\r\n\r\n`,
  );
  assert.match(text, /Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nX-Sum: 42\r\n\r\n$/);
  assert.deepEqual(trailers, ['X-Trail', 'yes']);
});

test('h1: 100 is sent when the body is first read, and not before', async (t) => {
  let read: () => void = () => undefined;
  const kit = await kitWith(t, async (call) => {
    await new Promise<void>((resolve) => {
      read = resolve;
    });
    const body = await readAll(call.body);
    call.reply.head(200, ['Content-Length', String(body.length)]);
    call.reply.write(body);
    call.reply.end();
  });
  const secure = await openTls(kit);
  let seen = '';
  secure.on('data', (chunk) => {
    seen += chunk;
  });
  secure.write(postHead('Content-Length: 4\r\nExpect: 100-continue\r\n'));
  await until(() => kit.calls.length === 1, 'the call is there');
  assert.equal(seen, '');
  read();
  await until(() => seen.length > 0, '100 Continue');
  assert.equal(seen, 'HTTP/1.1 100 Continue\r\n\r\n');
  secure.write('body');
  await until(() => seen.endsWith('body'), 'the answer');
  secure.destroy();
});

test('h1: refused before 100, the connection closes, because a body may or may not follow', async (t) => {
  const kit = await kitWith(t, (call) => {
    call.reply.head(400, ['Content-Length', '0']);
    call.reply.end();
  });
  const text = await talk(await openTls(kit), postHead('Content-Length: 4\r\nExpect: 100-continue\r\n'));
  assert.match(text, /^HTTP\/1\.1 400 .*\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$/);
});

test('h1: requests on one connection, pipelined too, are answered in their order', async (t) => {
  const kit = await kitWith(t, async (call) => {
    if (call.target === '/slow') await until(() => kit.calls.length === 3, 'all are there');
    call.reply.head(200, ['Content-Length', String(call.target.length)]);
    call.reply.write(Buffer.from(call.target));
    call.reply.end();
  });
  const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: ${GOVERNED}\r\n${more}\r\n`;
  const text = await talk(await openTls(kit), get('/slow') + get('/b') + get('/c', 'Connection: close\r\n'));
  assert.deepEqual(text.match(/\/slow$|\/slow(?=HTTP)|\/b(?=HTTP)|\/c$/g), ['/slow', '/b', '/c']);
});

test('h1: an answer with a header that cannot be written breaks instead of splitting', async (t) => {
  const kit = await kitWith(t, (call) => {
    call.reply.head(200, ['X-Bad', 'a\r\nInjected: yes']);
    call.reply.end();
  });
  assert.equal(await talk(await openTls(kit), postHead('Content-Length: 0\r\n')), '');
});

test('h1: HTTP/1.0 is answered and closed', async (t) => {
  const kit = await kitWith(t, (call) => {
    call.reply.head(200, []);
    call.reply.write(Buffer.from('till the end'));
    call.reply.end();
  });
  const text = await talk(await openTls(kit), `GET / HTTP/1.0\r\nHost: ${GOVERNED}\r\nConnection: keep-alive\r\n\r\n`);
  assert.match(text, /^HTTP\/1\.1 200 OK\r\nConnection: close\r\n\r\ntill the end$/);
});

test('h1: an upgrade is handed over whole: socket, early bytes, unanswered', async (t) => {
  let call: UpgradeCall | undefined;
  const handle: HandleCall = async (given) => {
    if (given.kind !== 'upgrade') return;
    call = given;
    given.socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    given.socket.write(given.early);
    given.socket.pipe(given.socket);
  };
  const kit = await kitFor(t, { handle });
  const secure = await openTls(kit);
  secure.write(
    `GET /v1/realtime HTTP/1.1\r\nHost: ${GOVERNED}\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Protocol: realtime\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\nEARLY`,
  );
  let seen = '';
  secure.on('data', (chunk) => {
    seen += chunk;
  });
  secure.resume();
  await until(() => seen.endsWith('EARLY'), 'early bytes');
  secure.write('late');
  await until(() => seen.endsWith('late'), 'both ways');
  assert.equal(call?.upgrade, 'websocket');
  assert.ok(call?.headers.includes('permessage-deflate'));
  assert.equal(call?.gone.aborted, false);
  secure.destroy();
  await until(() => call?.gone.aborted === true, 'gone');
});

test('h1: what was refused on a bare socket closes after two seconds, although its client stays', async (t) => {
  const clock = new FakeClock();
  const kit = await startKit({
    clock,
    handle: async (call) => {
      if (call.kind !== 'upgrade') return;
      sayToSocket(call.socket, { code: 'OUT_UPGRADE_REFUSED', request: 'req_x' }, undefined, clock);
    },
  });
  t.after(() => void kit.close());
  const upgrade = `GET ws://${GOVERNED}/ HTTP/1.1\r\nHost: ${GOVERNED}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  for (const [bytes, status] of [
    [upgrade, 400],
    ['CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n', 403],
    ['no HTTP at all\r\n\r\n', 400],
  ] as const) {
    const socket = connect({ port: kit.port, host: '127.0.0.1', allowHalfOpen: true });
    t.after(() => socket.destroy());
    assert.match(await talk(socket, bytes), new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.equal(kit.intercept.stats().connections, 1, bytes);
    clock.advance(2_000);
    await until(() => kit.intercept.stats().connections === 0, `closed: ${bytes}`);
  }
});

test('h1: an offer of h2c is ignored, and the request is an ordinary one', async (t) => {
  const kit = await kitFor(t);
  const text = await talk(
    await openTls(kit),
    `GET /x HTTP/1.1\r\nHost: ${GOVERNED}\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
  );
  assert.match(text, /^HTTP\/1\.1 200 /);
});

test('h1: the body of a call that is answered early is discarded, and the connection lives on', async (t) => {
  const kit = await kitWith(t, (call) => {
    call.body.on('error', () => undefined);
    call.body.resume();
    call.reply.head(400, ['Content-Length', '0']);
    call.reply.end();
  });
  const secure = await openTls(kit);
  secure.write(postHead('Content-Length: 200000\r\n') + 'x'.repeat(100_000));
  assert.match(String(await nextChunk(secure)), /^HTTP\/1\.1 400 /);
  secure.write('x'.repeat(100_000) + postHead('Content-Length: 0\r\nConnection: close\r\n'));
  assert.match(await drain(secure), /^HTTP\/1\.1 400 /);
  assert.equal(kit.calls.length, 2);
});

test('h1: while the agent stops, running calls end well and new ones are told to come back', async () => {
  let release: () => void = () => undefined;
  const kit = await startKit({
    clock: new FakeClock(),
    handle: async (call) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      if (call.kind === 'http') call.reply.head(200, ['Content-Length', '0']);
      if (call.kind === 'http') call.reply.end();
    },
  });
  const secure = await openTls(kit);
  secure.write(`GET /running HTTP/1.1\r\nHost: ${GOVERNED}\r\n\r\n`);
  await until(() => kit.calls.length === 1, 'the first runs');
  const stopped = kit.close();
  secure.write(`GET /late HTTP/1.1\r\nHost: ${GOVERNED}\r\n\r\n`);
  await until(() => kit.intercept.stats().refused === 1, 'the second is refused');
  release();
  const text = await drain(secure);
  await stopped;
  assert.match(text, /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 503 [\s\S]*OUT_SHUTTING_DOWN/);
  assert.equal(kit.calls.length, 1);
});

test('h1: a client that ends without reading what waits for it is gone as well', async (t) => {
  const kit = await kitWith(t, (call) => {
    call.reply.head(200, []);
    for (let n = 0; n < 256; n++) call.reply.write(Buffer.alloc(64 * 1024));
  });
  const plain = (await openTunnel(kit.port, `${GOVERNED}:80`)).socket;
  for (const [n, socket] of [await openTls(kit), plain].entries()) {
    socket.write(`GET / HTTP/1.1\r\nHost: ${GOVERNED}\r\n\r\n`);
    await nextChunk(socket);
    socket.end();
    await until(() => kit.calls[n]?.gone.aborted === true, 'gone');
    socket.destroy();
  }
});
