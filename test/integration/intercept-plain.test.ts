// SPDX-License-Identifier: Apache-2.0
// Plain HTTP through the proxy, and what the proxy refuses to be (mitm.md section 5, point 7).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp, type RequestListener, request, type Server } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import type { UpgradeCall } from '../../src/proxy/exchange/call.ts';
import {
  type Ending,
  GOVERNED,
  kitFor,
  nextChunk,
  openTls,
  openTunnel,
  readAll,
  responseOf,
  startKit,
  startTcp,
  talk,
  toLoopback,
  until,
} from './intercept-kit.ts';

async function startHttp(t: Ending, listener: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createHttp(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

async function say(port: number, text: string, host = '127.0.0.1'): Promise<string> {
  const socket = connect(port, host);
  socket.on('error', () => undefined);
  return talk(socket, text);
}

test('a host that is not governed gets the request as it was, without what belongs to the hop', async (t) => {
  let seen: readonly string[] = [];
  let url: string | undefined;
  const { port } = await startHttp(t, (req, res) => {
    seen = req.rawHeaders;
    url = req.url;
    res.sendDate = false;
    res.writeHead(201, 'Fine', [
      'X-Up',
      '1',
      'x-up',
      '2',
      'Content-Length',
      '2',
      'Connection',
      'keep-alive, X-Hop',
      'X-Hop',
      'h',
    ]);
    res.end('ok');
  });
  const kit = await kitFor(t);
  const host = `plain.example.test:${port}`;
  const text = await say(
    kit.port,
    `GET http://${host}/a/../b?c HTTP/1.1\r\nHost: ${host}\r\nZ-a: 1\r\nX-B: 2\r\nz-A: 3\r\nProxy-Authorization: Basic c2VjcmV0\r\nProxy-Connection: keep-alive\r\nConnection: close, X-Named\r\nX-Named: n\r\nTE: trailers\r\n\r\n`,
  );
  assert.equal(url, '/a/../b?c');
  assert.deepEqual(seen.slice(0, 8), ['Host', host, 'Z-a', '1', 'X-B', '2', 'z-A', '3']);
  assert.deepEqual(seen.slice(8), ['Connection', 'keep-alive'], 'nothing else but our own hop');
  assert.equal(text, 'HTTP/1.1 201 Fine\r\nX-Up: 1\r\nx-up: 2\r\nContent-Length: 2\r\n\r\nok');
  assert.deepEqual(kit.calls, []);
});

test('bodies stream both ways, chunked, with trailers and 100-continue', async (t) => {
  const { port } = await startHttp(t, (req, res) => {
    res.writeHead(200, { Trailer: 'X-End' });
    req.pipe(res, { end: false });
    req.on('end', () => {
      res.addTrailers({ 'X-End': 'yes' });
      res.end();
    });
  });
  const kit = await kitFor(t);
  const req = request({
    port: kit.port,
    method: 'PUT',
    path: `http://echo.example.test:${port}/`,
    headers: { Host: `echo.example.test:${port}`, 'Transfer-Encoding': 'chunked', Expect: '100-continue' },
    agent: false,
  });
  await once(req, 'continue');
  req.write('one ');
  const res = await responseOf(req);
  assert.equal(String(await nextChunk(res as never)), 'one ', 'before the request has ended');
  req.end('two');
  assert.equal(String(await readAll(res)), 'two');
  assert.deepEqual(res.rawTrailers, ['X-End', 'yes']);
});

test('a client that leaves is gone upstream; an upstream that breaks is no clean end', async (t) => {
  let left = false;
  const { port } = await startHttp(t, (req, res) => {
    res.on('close', () => {
      left = true;
    });
    res.writeHead(200, { 'Content-Length': '100' });
    res.write('part');
    if (req.url === '/break') setImmediate(() => res.destroy());
  });
  const kit = await kitFor(t);
  const host = `cut.example.test:${port}`;
  const socket = connect(kit.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await nextChunk(socket);
  socket.destroy();
  await until(() => left, 'the upstream knows');
  const req = request({ port: kit.port, path: `http://${host}/break`, headers: { Host: host }, agent: false });
  req.on('error', () => undefined);
  req.end();
  await assert.rejects(readAll(await responseOf(req)));
});

test('WebSockets of hosts that are not governed pass as they are', async (t) => {
  const { server, port } = await startHttp(t, (_req, res) => res.end());
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'chat', perMessageDeflate: true });
  sockets.on('connection', (ws) => ws.on('message', (data) => ws.send(data)));
  const kit = await kitFor(t);
  const host = `ws.example.test:${port}`;
  const ws = new WebSocket(`ws://127.0.0.1:${kit.port}/`, ['chat'], {
    finishRequest: (req) => {
      req.path = `http://${host}/socket`;
      req.setHeader('Host', host);
      req.end();
    },
  });
  await once(ws, 'open');
  assert.equal(ws.protocol, 'chat');
  assert.match(ws.extensions, /permessage-deflate/);
  ws.send('x'.repeat(5_000));
  const [data] = await once(ws, 'message');
  assert.equal(String(data).length, 5_000);
  ws.terminate();
  sockets.close();
  assert.deepEqual(kit.calls, []);
});

test('a governed host over plain HTTP is a call with scheme http; its upgrade is one too', async (t) => {
  const kit = await kitFor(t);
  const text = await say(
    kit.port,
    `POST http://${GOVERNED}/v1/x HTTP/1.1\r\nHost: ${GOVERNED}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody`,
  );
  const seen = JSON.parse(text.slice(text.indexOf('{')));
  assert.deepEqual(
    [seen.scheme, seen.host, seen.port, seen.target, seen.body],
    ['http', GOVERNED, 80, '/v1/x', 'body'],
  );
  await say(
    kit.port,
    `GET ws://${GOVERNED}/v1/realtime HTTP/1.1\r\nHost: ${GOVERNED}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  );
  const call = kit.calls[1] as UpgradeCall;
  assert.deepEqual([call.kind, call.scheme, call.target], ['upgrade', 'http', '/v1/realtime']);
});

test('what is not a proxy request is refused in a plain sentence', async (t) => {
  const kit = await kitFor(t);
  for (const [line, host] of [
    ['GET / HTTP/1.1', `127.0.0.1:${kit.port}`],
    ['GET / HTTP/1.1', 'evil.example.test'],
    ['GET / HTTP/1.1', GOVERNED],
    ['GET //evil.example.test/ HTTP/1.1', 'evil.example.test'],
    [`GET https://${GOVERNED}/ HTTP/1.1`, GOVERNED],
    ['GET ftp://evil.example.test/ HTTP/1.1', 'evil.example.test'],
    ['OPTIONS * HTTP/1.1', 'evil.example.test'],
  ]) {
    const text = await say(kit.port, `${line}\r\nHost: ${host}\r\n\r\n`);
    assert.match(text, /^HTTP\/1\.1 421 [\s\S]*Connection: close[\s\S]*This is an HTTP proxy of Outpost/, line);
  }
  const upgrade = await say(
    kit.port,
    `GET / HTTP/1.1\r\nHost: ${GOVERNED}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  );
  assert.match(upgrade, /^HTTP\/1\.1 421 /);
  assert.deepEqual(kit.calls, []);
});

test('URL and Host that differ: 421; two Hosts, user info, bad ports: 400', async (t) => {
  const kit = await kitFor(t);
  const ask = (target: string, hosts: readonly string[]) =>
    say(kit.port, `GET ${target} HTTP/1.1\r\n${hosts.map((host) => `Host: ${host}\r\n`).join('')}\r\n`);
  assert.match(await ask(`http://${GOVERNED}/`, ['other.example.test']), /^HTTP\/1\.1 421 /);
  assert.match(await ask('http://other.example.test/', [GOVERNED]), /^HTTP\/1\.1 421 /);
  assert.match(await ask('http://a.example.test:81/', ['a.example.test']), /^HTTP\/1\.1 421 /);
  for (const target of ['http://user@a.example.test/', 'http://a.example.test:99999/', 'http://a b/', 'http://[::1/']) {
    assert.match(await ask(target, ['a.example.test']), /^HTTP\/1\.1 400 /, target);
  }
  assert.match(await ask('http://a.example.test/', ['a.example.test', 'a.example.test']), /^HTTP\/1\.1 400 /);
  assert.deepEqual(kit.calls, []);
});

test('neither CONNECT nor a URL reaches the agent itself, this machine or metadata, by any spelling or name', async (t) => {
  let reached = 0;
  const tcp = await startTcp((socket) => {
    reached += 1;
    socket.destroy();
  });
  t.after(() => tcp.close());
  const kit = await kitFor(t, {
    network: { allowPrivate: [] },
    resolve: (name, options, done) =>
      name.startsWith('mixed')
        ? done(null, [
            { address: '169.254.169.254', family: 4 },
            { address: '::1', family: 6 },
          ])
        : toLoopback(name, options, done),
  });
  const hosts = [
    '127.0.0.1',
    '[::1]',
    '0.0.0.0',
    '[::]',
    '[::ffff:127.0.0.1]',
    'localhost',
    'app.localhost',
    'LOCALHOST.',
    '169.254.169.254',
    '[fe80::1]',
    'rebound.example.test',
    'mixed.example.test',
  ];
  for (const host of hosts) {
    for (const port of [tcp.port, kit.port]) {
      const { status } = await openTunnel(kit.port, `${host}:${port}`);
      assert.equal(status, 403, `CONNECT ${host}:${port}`);
      const text = await say(kit.port, `GET http://${host}:${port}/ HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`);
      assert.match(text, /^HTTP\/1\.1 403 [\s\S]*OUT_FORBIDDEN_TARGET/, `${host}:${port}`);
    }
  }
  for (const host of ['127.1', '0x7f.1', '2130706433']) {
    assert.equal((await openTunnel(kit.port, `${host}:${tcp.port}`)).status, 400, host);
  }
  assert.equal(reached, 0);
});

test('the agent’s own ports are closed even where loopback is allowed', async (t) => {
  const api = await startTcp((socket) => socket.destroy());
  t.after(() => api.close());
  const kit = await kitFor(t, { ownPorts: [api.port] });
  for (const port of [kit.port, api.port]) {
    for (const host of ['127.0.0.1', 'localhost', 'rebound.example.test']) {
      assert.equal((await openTunnel(kit.port, `${host}:${port}`)).status, 403, `${host}:${port}`);
    }
  }
});

test('ports outside network.connect_ports are refused', async (t) => {
  const kit = await kitFor(t, { network: { connectPorts: [[443, 443]] } });
  assert.equal((await openTunnel(kit.port, 'a.example.test:22')).status, 403);
  assert.equal((await openTunnel(kit.port, `${GOVERNED}:8443`)).status, 403);
  const secure = await openTls(kit);
  secure.destroy();
});

test('only loopback listens', async (t) => {
  const kit = await kitFor(t);
  const outside = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid);
  for (const { address } of outside) {
    const socket = connect(kit.port, address);
    await assert.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' }, address);
  }
});

test('a taken port is a clear error, and nothing is left open', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  await assert.rejects(startKit({ port }), { code: 'EADDRINUSE' });
  const onlyV6 = createServer().listen(0, '::1');
  const bound = await once(onlyV6, 'listening').then(
    () => true,
    () => false,
  );
  if (!bound) return;
  t.after(() => onlyV6.close());
  const v6Port = (onlyV6.address() as AddressInfo).port;
  await assert.rejects(startKit({ port: v6Port }), { code: 'EADDRINUSE' });
  await until(() => listening() === 2, 'only these two listen');
});

/** Counted here instead of trying a port again: that may have become another program's. */
const listening = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap').length;

test('two entrances may start at once, and the library’s CA is as it was', async (t) => {
  const { CA } = await import('http-mitm-proxy/dist/lib/ca.js');
  const create = CA.create;
  const kits = await Promise.all([startKit(), startKit()]);
  for (const kit of kits) t.after(() => kit.close());
  assert.equal(CA.create, create);
  assert.notEqual(kits[0]?.port, kits[1]?.port);
  assert.match(await say(kits[1]?.port ?? 0, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), /421/);
});

test('bytes that Node’s parser lets in but its writer refuses end in an answer, not in a crash', async (t) => {
  const origin = await startTcp((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 O\x7fK\r\nX: a\x7fb\r\nContent-Length: 0\r\n\r\n'));
  });
  t.after(() => origin.close());
  const kit = await kitFor(t);
  const host = `odd.example.test:${origin.port}`;
  for (const more of ['X: a\x7fb\r\n', 'X: a\xffb\r\n', '']) {
    const text = await say(
      kit.port,
      `GET http://${host}/\xe9 HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`,
    );
    assert.match(text, /^HTTP\/1\.1 (?:200|400|502) /, JSON.stringify(more));
  }
  const call = await say(
    kit.port,
    `GET http://${GOVERNED}/ HTTP/1.1\r\nHost: ${GOVERNED}\r\nConnection: close\r\nX: a\x7fb\r\n\r\n`,
  );
  assert.match(call, /^HTTP\/1\.1 (?:200|400) /);
});
