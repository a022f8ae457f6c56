// SPDX-License-Identifier: Apache-2.0
// The base-URL gateway over real sockets: who gets in, and what the exchange is given.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants, connect as h2Connect } from 'node:http2';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { systemClock } from '../../src/proxy/clock.ts';
import type { HandleCall, HttpCall } from '../../src/proxy/exchange/call.ts';
import { type Gateway, type GatewayDeps, startGateway } from '../../src/proxy/gateway/gateway.ts';
import type { Attribution, Identity, Owner } from '../../src/proxy/identity/owner.ts';
import { FakeClock } from '../fakes/clock.ts';
import { closeAtOnce, echo, identityOf, memoryLog, nextChunk, talk, until } from './intercept-kit.ts';
import { rawH2 } from './intercept-raw-h2.ts';

const OWNER: Owner = {
  pid: 7,
  uid: 1000,
  name: 'tool',
  exe: '/bin/tool',
  script: undefined,
  started: '1',
  app: 'tool',
};
const OWN: Attribution = { uid: 1000, owner: OWNER };

interface Started {
  readonly gateway: Gateway;
  readonly port: number;
  readonly calls: HttpCall[];
  readonly lines: string[];
}

async function start(
  t: { after(fn: () => void): void },
  {
    identity = identityOf(OWN),
    allowedOrigins = [],
    requireToken = false,
    handle = echo,
    ...rest
  }: Partial<GatewayDeps> & {
    readonly allowedOrigins?: readonly string[];
    readonly requireToken?: boolean;
  } = {},
): Promise<Started> {
  const calls: HttpCall[] = [];
  const lines: string[] = [];
  const gateway = await startGateway({
    port: 0,
    handle: async (call) => {
      if (call.kind === 'http') calls.push(call);
      await handle(call);
    },
    settings: () => ({ gateway: { allowedOrigins, requireToken } }),
    identity,
    ownUid: 1000,
    token: 'the-token',
    clock: systemClock,
    log: memoryLog(lines),
    ...rest,
  });
  t.after(() => closeAtOnce(gateway, rest.clock));
  return { gateway, port: gateway.port, calls, lines };
}

async function ask(port: number, path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  const res = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers });
  return { status: res.status, headers: res.headers, body: await res.text() };
}

async function raw(port: number, host: string, path = '/openai/v1/models'): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  return talk(socket, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
}

test('a call carries provider, target, owner and the caller’s own headers', async (t) => {
  const { port, calls } = await start(t);
  const { status, body } = await ask(port, '/openai/v1/chat/completions?x=1', { Authorization: 'Bearer sk-x' }, 'POST');
  assert.equal(status, 200);
  const seen = JSON.parse(body);
  assert.deepEqual(
    [seen.provider, seen.target, seen.host, seen.scheme, seen.protocol],
    ['openai', '/v1/chat/completions?x=1', '', 'http', 'http/1.1'],
  );
  assert.ok(seen.headers.includes('Bearer sk-x'));
  assert.equal(calls[0]?.entrance, 'gateway');
  assert.deepEqual(await calls[0]?.connection.owner(), OWNER);
});

test('an unknown provider is passed on: the exchange words that answer', async (t) => {
  const { port, calls } = await start(t);
  await ask(port, '/nobody/v1/models');
  assert.equal(calls[0]?.provider, 'nobody');
});

test('a rebound Host, a foreign Origin and a page’s no-cors request are refused', async (t) => {
  const { port, calls, gateway, lines } = await start(t);
  for (const host of [
    'evil.test',
    `evil.test:${port}`,
    '127.0.0.1',
    `127.0.0.1:${port + 1}`,
    `localhost.evil.test:${port}`,
  ]) {
    assert.match(await raw(port, host), /^HTTP\/1\.1 403 [\s\S]*OUT_FORBIDDEN_CLIENT/, host);
  }
  assert.match(await raw(port, `localhost:${port}`), /^HTTP\/1\.1 200/);
  assert.equal((await ask(port, '/openai/v1/models', { Origin: 'https://evil.test' })).status, 403);
  assert.equal((await ask(port, '/openai/v1/models', { 'Sec-Fetch-Site': 'cross-site' })).status, 403);
  assert.equal(calls.length, 1);
  assert.equal(gateway.stats().refused, 7);
  assert.equal(lines.filter((line) => line.includes('gateway.refused')).length, 7);
});

test('an allowed origin gets its preflight and its header on every answer', async (t) => {
  const { port } = await start(t, { allowedOrigins: ['https://app.test'] });
  const origin = { Origin: 'https://app.test' };
  const preflight = await ask(port, '/openai/v1/x', { ...origin, 'Access-Control-Request-Method': 'POST' }, 'OPTIONS');
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://app.test');
  const answer = await ask(port, '/openai/v1/x', origin, 'POST');
  assert.equal(answer.headers.get('access-control-allow-origin'), 'https://app.test');
});

test('another local user is refused; an unknown one needs the token', async (t) => {
  const other = await start(t, { identity: identityOf({ uid: 1001, owner: undefined }) });
  assert.equal((await ask(other.port, '/openai/v1', { 'x-outpost-token': 'the-token' })).status, 403);
  const unknown = await start(t, { identity: identityOf({ uid: undefined, owner: undefined }, false) });
  assert.equal((await ask(unknown.port, '/openai/v1')).status, 403);
  assert.equal((await ask(unknown.port, '/openai/v1', { 'x-outpost-token': 'the-token' })).status, 200);
  assert.equal((await ask(unknown.port, '/t/the-token/openai/v1')).status, 200);
  assert.doesNotMatch(JSON.stringify(unknown.calls.map(({ headers, target }) => [headers, target])), /the-token/);
  assert.doesNotMatch(unknown.lines.join(), /the-token/);
});

test('a caller whose user is known only after the cap is waited for, not refused', async (t) => {
  const identity: Identity = {
    ...identityOf(OWN),
    attribute: async () => ({ uid: undefined, owner: undefined }),
  };
  const { port } = await start(t, { identity });
  assert.equal((await ask(port, '/openai/v1')).status, 200);
});

test('one lookup a connection, however many requests', async (t) => {
  const asked: string[] = [];
  const identity: Identity = {
    ...identityOf(OWN),
    attribute: async () => {
      asked.push('owner');
      return OWN;
    },
    uidOf: async () => {
      asked.push('user');
      return OWN.uid;
    },
  };
  const { port, calls } = await start(t, { identity });
  const socket = connect(port, '127.0.0.1');
  const get = (more: string) => `GET /openai/v1 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${more}\r\n`;
  await talk(socket, get('') + get('') + get('Connection: close\r\n'));
  assert.equal(calls.length, 3);
  assert.deepEqual(asked, ['owner', 'user']);
});

test('HTTP/2 with prior knowledge is served on the same port, duplex and trailers included', async (t) => {
  const handle: HandleCall = async (call) => {
    if (call.kind !== 'http') return;
    call.reply.head(200, []);
    call.body.on('data', (chunk: Buffer) => call.reply.write(chunk));
    call.body.on('end', () => call.reply.end(['x-end', 'yes']));
  };
  const { port, calls, gateway } = await start(t, { handle });
  const session = h2Connect(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': '/bedrock/model/x/converse' });
  stream.write('ping');
  assert.equal(String(await nextChunk(stream)), 'ping');
  const trailers = once(stream, 'trailers');
  stream.end();
  stream.resume();
  assert.equal((await trailers)[0]['x-end'], 'yes');
  assert.deepEqual([calls[0]?.protocol, calls[0]?.provider, calls[0]?.target], ['h2', 'bedrock', '/model/x/converse']);
  const foreign = session.request({ ':path': '/bedrock/x', ':authority': 'evil.test' });
  assert.equal((await once(foreign, 'response'))[0][':status'], 403);
  foreign.close(constants.NGHTTP2_CANCEL);
  session.destroy();
  await until(() => gateway.stats().connections === 0, 'the connection is gone');
});

test('the preface is recognised in any slicing; a method that begins like it is not it', async (t) => {
  const { port } = await start(t);
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  for (const byte of rawH2.preface) {
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.write(rawH2.settings());
  // A server's first frame is SETTINGS.
  assert.equal((await nextChunk(socket))?.[3], 4);
  socket.destroy();
  assert.match(await raw(port, `127.0.0.1:${port}`), /^HTTP\/1\.1 200/);
  const propfind = connect(port, '127.0.0.1');
  assert.match(await talk(propfind, `PRI /openai HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`), /^HTTP\/1\.1 400/);
});

test('a WebSocket upgrade is guarded like any request and handed over', async (t) => {
  const upgrades: string[] = [];
  const handle: HandleCall = async (call) => {
    if (call.kind !== 'upgrade') return;
    upgrades.push(`${call.provider} ${call.target}`);
    call.socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
  };
  const { port } = await start(t, { handle });
  for (const [origin, status] of [
    [undefined, 400],
    ['https://evil.test', 403],
  ] as const) {
    const ws = new WebSocket(`ws://127.0.0.1:${port}/openai/v1/responses`, origin === undefined ? {} : { origin });
    ws.on('error', () => undefined);
    const [, res] = await once(ws, 'unexpected-response');
    assert.equal(res.statusCode, status);
    ws.terminate();
  }
  assert.deepEqual(upgrades, ['openai /v1/responses']);
});

test('both loopback families, and a taken port is an error', async (t) => {
  const { gateway, port, calls } = await start(t);
  if (gateway.ipv6) {
    assert.equal((await fetch(`http://[::1]:${port}/openai/v1`)).status, 200);
    assert.equal(calls[0]?.connection.peer.family, 6);
  }
  await assert.rejects(start(t, { port }), { code: 'EADDRINUSE' });
  const still = createServer();
  still.listen(port, '127.0.0.1');
  await assert.rejects(once(still, 'listening'), { code: 'EADDRINUSE' });
});

test('malformed requests are answered 400; the root says what this is', async (t) => {
  const { port } = await start(t);
  const socket = connect(port, '127.0.0.1');
  assert.match(
    await talk(
      socket,
      `POST /openai HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ),
    /^HTTP\/1\.1 400 /,
  );
  const { status, body } = await ask(port, '/');
  assert.equal(status, 200);
  assert.equal(JSON.parse(body).name, 'Outpost gateway');
});

test('stopping ends idle and busy connections in half a second', async (t) => {
  const clock = new FakeClock();
  const { gateway, port, calls } = await start(t, { handle: () => new Promise(() => undefined), clock });
  const idle = connect(port, '127.0.0.1');
  const busy = connect(port, '127.0.0.1');
  for (const socket of [idle, busy]) {
    socket.on('error', () => undefined);
    socket.resume();
  }
  busy.write(`GET /openai HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await until(() => calls.length === 1 && gateway.stats().connections === 2, 'both are there');
  await closeAtOnce(gateway, clock);
  await until(() => idle.destroyed && busy.destroyed, 'both are closed');
});
