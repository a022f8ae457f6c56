// SPDX-License-Identifier: Apache-2.0
// Which connections are decrypted, tunnelled or refused (mitm.md section 5, point 6).

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect as h2Connect } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { FakeClock } from '../fakes/clock.ts';
import { makeTestCa } from '../fakes/pki.ts';
import {
  BLOCKED,
  closeAtOnce,
  GOVERNED,
  getOver,
  kitFor,
  OTHER_GOVERNED,
  openTls,
  openTunnel,
  readAll,
  startKit,
  startTcp,
  talk,
  until,
} from './intercept-kit.ts';

const ORIGIN_CA = makeTestCa({ commonName: 'the origin’s own CA' });

test('a governed name is decrypted under that name, on any port', async (t) => {
  const kit = await kitFor(t);
  for (const [authority, host] of [
    [`${GOVERNED}:443`, GOVERNED],
    [`${GOVERNED.toUpperCase()}.:443`, GOVERNED],
    [`${GOVERNED}:8443`, `${GOVERNED}:8443`],
  ] as const) {
    const secure = await openTls(kit, authority, { servername: GOVERNED });
    assert.equal((await getOver(secure, host, '/v1/models')).statusCode, 200, authority);
  }
  assert.deepEqual(kit.minted, [GOVERNED]);
});

test('CONNECT to an address with a governed SNI is decrypted, even if nobody lives there', async (t) => {
  const kit = await kitFor(t);
  for (const address of ['127.0.0.1:1', '192.0.2.1:443', '[::1]:1']) {
    const secure = await openTls(kit, address, { servername: GOVERNED });
    const port = Number(address.split(':').at(-1));
    const res = await getOver(secure, port === 443 ? GOVERNED : `${GOVERNED}:${port}`, '/v1/x');
    assert.equal(res.statusCode, 200, address);
    assert.equal(JSON.parse(String(await readAll(res))).host, GOVERNED);
  }
});

test('CONNECT to a name that is not governed with a governed SNI: decrypted and answered 421, h1 and h2', async (t) => {
  let bytes = 0;
  const tcp = await startTcp((socket) => socket.on('data', (chunk) => (bytes += chunk.length)));
  t.after(() => tcp.close());
  const kit = await kitFor(t);
  const secure = await openTls(kit, `front.example.test:${tcp.port}`, { servername: GOVERNED });
  // Host is as right as it can be: nothing but the other name in CONNECT is wrong.
  const host = `${GOVERNED}:${tcp.port}`;
  const res = await getOver(secure, host, '/v1/x');
  assert.equal(res.statusCode, 421);
  assert.equal(JSON.parse(String(await readAll(res))).error.code, 'OUT_MISDIRECTED');
  const second = await openTls(kit, `front.example.test:${tcp.port}`, { servername: GOVERNED, ALPNProtocols: ['h2'] });
  const session = h2Connect(`https://${GOVERNED}`, { createConnection: () => second });
  const stream = session.request({ ':path': '/', ':authority': host });
  const [headers] = await once(stream, 'response');
  assert.equal(headers[':status'], 421);
  session.destroy();
  assert.deepEqual(kit.calls, []);
  assert.equal(bytes, 0, 'not one byte reached the other host');
});

test('CONNECT to a governed name with another governed SNI: answered 421', async (t) => {
  const kit = await kitFor(t);
  for (const host of [GOVERNED, OTHER_GOVERNED]) {
    const secure = await openTls(kit, `${GOVERNED}:443`, { servername: OTHER_GOVERNED });
    assert.equal((await getOver(secure, host)).statusCode, 421);
  }
  assert.deepEqual(kit.calls, []);
});

test('CONNECT to a governed name with a foreign SNI or none: alert unrecognized_name', async (t) => {
  const kit = await kitFor(t);
  for (const servername of ['bank.example.test', '']) {
    await assert.rejects(openTls(kit, `${GOVERNED}:443`, { servername }), /unrecognized name/i);
  }
  assert.deepEqual(kit.minted, []);
  assert.equal(kit.intercept.stats().refused, 2);
});

test('SNI and Host (or :authority) that differ: 421', async (t) => {
  const kit = await kitFor(t);
  for (const host of [OTHER_GOVERNED, 'bank.example.test', `${GOVERNED}:8443`, `${GOVERNED}.evil.test`, '127.0.0.1']) {
    const secure = await openTls(kit);
    assert.equal((await getOver(secure, host)).statusCode, 421, host);
    const second = await openTls(kit, `${GOVERNED}:443`, { ALPNProtocols: ['h2'] });
    const session = h2Connect(`https://${GOVERNED}`, { createConnection: () => second });
    const [headers] = await once(session.request({ ':authority': host }), 'response');
    assert.equal(headers[':status'], 421, host);
    session.destroy();
  }
  assert.deepEqual(kit.calls, []);
});

test('absolute form inside TLS, and two Host headers: 400', async (t) => {
  const kit = await kitFor(t);
  for (const head of [
    `GET https://${GOVERNED}/v1 HTTP/1.1\r\nHost: ${GOVERNED}\r\n`,
    `GET http://bank.example.test/ HTTP/1.1\r\nHost: ${GOVERNED}\r\n`,
    `GET /v1 HTTP/1.1\r\nHost: ${GOVERNED}\r\nHost: ${GOVERNED}\r\n`,
    `GET /v1 HTTP/1.1\r\nHost: ${GOVERNED}\r\nhost: bank.example.test\r\n`,
    `OPTIONS * HTTP/1.1\r\nHost: ${GOVERNED}\r\n`,
    `GET /v1 HTTP/1.1\r\nHost: user@${GOVERNED}\r\n`,
    'GET /v1 HTTP/1.1\r\n',
    'GET /v1 HTTP/1.0\r\n',
    `CONNECT bank.example.test:443 HTTP/1.1\r\nHost: ${GOVERNED}\r\n`,
  ]) {
    const secure = await openTls(kit);
    assert.match(await talk(secure, `${head}\r\n`), /^HTTP\/1\.1 400 /, head);
  }
  assert.deepEqual(kit.calls, []);
});

test('a blocked host is decrypted too, so that its refusal can be read', async (t) => {
  const kit = await kitFor(t);
  const res = await getOver(await openTls(kit, `${BLOCKED}:443`), BLOCKED, '/v1/x');
  assert.equal(res.statusCode, 200, 'the handler’s answer');
  assert.equal(kit.calls[0]?.host, BLOCKED);
});

test('plain HTTP inside a tunnel to a governed name is a call with scheme http', async (t) => {
  const kit = await kitFor(t);
  const { socket } = await openTunnel(kit.port, `${GOVERNED}:80`);
  const text = await talk(socket, `GET /v1 HTTP/1.1\r\nHost: ${GOVERNED}\r\nConnection: close\r\n\r\n`);
  assert.match(text, /^HTTP\/1\.1 200 [\s\S]*"scheme":"http"/);
});

test('a governed client that says nothing, or half a hello, is closed after five seconds', async (t) => {
  const clock = new FakeClock();
  const kit = await startKit({ clock });
  t.after(() => void kit.close());
  for (const first of [Buffer.alloc(0), Buffer.from([22, 3, 1, 2, 0, 1])]) {
    const { socket } = await openTunnel(kit.port, `${GOVERNED}:443`);
    if (first.length > 0) socket.write(first);
    let ended = false;
    socket.once('close', () => {
      ended = true;
    });
    socket.once('end', () => {
      ended = true;
    });
    socket.resume();
    await until(() => {
      clock.advance(1_000);
      return ended;
    }, 'closed');
    socket.destroy();
  }
});

test('a client that pins its own CA is noticed, with the reason', async (t) => {
  // A session is told apart by how soon it ends unused: no time passes here.
  const kit = await kitFor(t, { clock: new FakeClock() });
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    await assert.rejects(openTls(kit, `${GOVERNED}:443`, { ca: ORIGIN_CA.cert, maxVersion }));
  }
  await until(() => kit.distrusts.length === 2, 'both are reported');
  for (const { host, reason } of kit.distrusts) {
    assert.equal(host, GOVERNED);
    assert.match(reason, /^(?:unknown_ca|closed_in_handshake|closed_unused)$/);
  }
});

test('a client that says unknown_ca is reported so; one that used its session is not reported', async (t) => {
  const kit = await kitFor(t);
  await new Promise<void>((resolve) => {
    execFile(
      'openssl',
      [
        's_client',
        '-proxy',
        `127.0.0.1:${kit.port}`,
        '-connect',
        `${GOVERNED}:443`,
        '-servername',
        GOVERNED,
        '-verify_return_error',
        '-no-CAfile',
        '-no-CApath',
      ],
      { timeout: 10_000 },
      () => resolve(),
    ).stdin?.end();
  });
  await until(() => kit.distrusts.length === 1, 'reported');
  assert.equal(kit.distrusts[0]?.reason, 'unknown_ca');
  const secure = await openTls(kit);
  await talk(secure, `GET / HTTP/1.1\r\nHost: ${GOVERNED}\r\nConnection: close\r\n\r\n`);
  secure.destroy();
  await until(() => kit.intercept.stats().connections === 0, 'closed');
  assert.equal(kit.distrusts.length, 1);
});

test('TLS 1.1 is refused; an ALPN offer that nobody knows is not', async (t) => {
  const kit = await kitFor(t);
  await assert.rejects(
    openTls(kit, `${GOVERNED}:443`, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  );
  const secure = await openTls(kit, `${GOVERNED}:443`, { ALPNProtocols: ['http 1.1'] });
  assert.equal((await getOver(secure)).statusCode, 200);
});

test('sessions are resumed', async (t) => {
  const kit = await kitFor(t);
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const first = await openTls(kit, `${GOVERNED}:443`, { maxVersion });
    const ticket = once(first, 'session');
    first.write(`HEAD / HTTP/1.1\r\nHost: ${GOVERNED}\r\n\r\n`);
    first.resume();
    const session = maxVersion === 'TLSv1.2' ? first.getSession() : (await ticket)[0];
    assert.ok(session);
    const second = await openTls(kit, `${GOVERNED}:443`, { maxVersion, session });
    assert.equal(second.isSessionReused(), true, maxVersion);
    first.destroy();
    second.destroy();
  }
});

test('both loopback families serve', async (t) => {
  const kit = await kitFor(t);
  if (!kit.intercept.ipv6) return t.skip('this machine has no ::1');
  const secure = await openTls(kit, `${GOVERNED}:443`, { host: '::1' });
  assert.equal((await getOver(secure)).statusCode, 200);
  assert.equal(kit.calls[0]?.connection.peer.family, 6);
});

test('stopping lets nothing hang: tunnels, idle and busy connections end in half a second', async () => {
  const tcp = await startTcp((socket) => socket.resume());
  const clock = new FakeClock();
  const kit = await startKit({ handle: () => new Promise(() => undefined), clock });
  const sockets: Socket[] = [];
  sockets.push((await openTunnel(kit.port, `t.example.test:${tcp.port}`)).socket);
  sockets.push((await openTunnel(kit.port, `${GOVERNED}:443`)).socket);
  const busy = await openTls(kit);
  busy.write(`GET / HTTP/1.1\r\nHost: ${GOVERNED}\r\n\r\n`);
  const idle = connect(kit.port, '127.0.0.1');
  await once(idle, 'connect');
  sockets.push(idle);
  await until(() => kit.calls.length === 1 && kit.intercept.stats().connections === 4, 'all are there');
  const closed = [...sockets, busy].map((socket) => {
    socket.on('error', () => undefined);
    socket.resume();
    return socket.destroyed ? undefined : once(socket, 'close');
  });
  for (const socket of [...sockets, busy]) socket.on('end', () => socket.destroy());
  await closeAtOnce(kit, clock);
  await Promise.all(closed);
  tcp.close();
});
