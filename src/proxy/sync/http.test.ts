// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { makeTestCa } from '../../../test/fakes/pki.ts';
import { splitTarget, thumbprint, verifyRequest } from '../../protocol/http-signature.ts';
import { type Asked, createHttp, type Http, type Reply } from './http.ts';

const pair = generateKeyPairSync('ed25519');
const CREATED = 1_900_000_000;
const signer = () => ({ kid: thumbprint(pair.publicKey), key: pair.privateKey, created: CREATED });

async function listening(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Opened {
  readonly http: Http;
  readonly clock: FakeClock;
  readonly port: number;
}

async function opened(t: TestContext, listener: RequestListener, path = ''): Promise<Opened> {
  const port = await listening(t, createServer(listener));
  const clock = new FakeClock();
  const http = createHttp({ url: `http://127.0.0.1:${port}${path}`, roots: async () => [], version: '1.2.3', clock });
  t.after(() => http.close());
  return { http, clock, port };
}

const GET: Asked = { method: 'GET', path: 'v1/x', most: 1000, ms: 30_000 };

/** `200 text`, or why there was no answer. */
const short = (reply: Reply): string => (reply.kind === 'none' ? reply.why : `${reply.status} ${reply.body}`);

test('a signed request is signed for exactly what is sent, with a nonce of its own', async (t) => {
  const seen: { readonly nonce: string; readonly ok: boolean; readonly url: string | undefined }[] = [];
  const { http } = await opened(
    t,
    async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const verified = verifyRequest({
        method: request.method ?? '',
        authority: request.headers.host ?? '',
        scheme: 'http',
        ...splitTarget(request.url ?? ''),
        headers: request.headers,
        body: Buffer.concat(chunks),
        publicKey: createPublicKey(pair.privateKey),
      });
      seen.push({ nonce: verified.ok ? verified.nonce : '', ok: verified.ok, url: request.url });
      assert.equal(request.headers['outpost-sync'], 'outpost-sync/1');
      assert.equal(request.headers['user-agent'], 'outpost/1.2.3');
      response.end('fine');
    },
    '/below/',
  );
  assert.equal(short(await http.ask({ ...GET, signer })), '200 fine');
  assert.equal(short(await http.ask({ ...GET, method: 'POST', body: { ä: 1 }, signer })), '200 fine');
  assert.deepEqual(
    seen.map(({ ok, url }) => [ok, url]),
    [
      [true, '/below/v1/x'],
      [true, '/below/v1/x'],
    ],
  );
  assert.notEqual(seen[0]?.nonce, seen[1]?.nonce);
});

test('a request that is not signed says nothing of the device', async (t) => {
  let names: readonly string[] = [];
  const { http } = await opened(t, (request, response) => {
    names = Object.keys(request.headers);
    response.end();
  });
  await http.ask(GET);
  assert.deepEqual(names.toSorted(), ['accept-encoding', 'connection', 'host', 'outpost-sync', 'user-agent']);
});

test('more than is allowed is not read, announced or not', async (t) => {
  const { http } = await opened(t, (request, response) => {
    if (request.url === '/v1/said') response.writeHead(200, { 'content-length': 1001 });
    response.write(Buffer.alloc(1000));
    response.end('.');
  });
  assert.equal(short(await http.ask({ ...GET, path: 'v1/said' })), 'too-large');
  assert.equal(short(await http.ask(GET)), 'too-large');
  const exact = await http.ask({ ...GET, most: 1001 });
  assert.ok(exact.kind === 'answer' && exact.body.length === 1001);
});

test('an answer that is cut off is none', async (t) => {
  const { http } = await opened(t, (request, response) => {
    if (request.url === '/v1/chunked') response.write('half');
    else response.writeHead(200, { 'content-length': 8 }).write('half');
    setImmediate(() => response.destroy());
  });
  assert.equal(short(await http.ask(GET)), 'ECONNRESET');
  assert.equal(short(await http.ask({ ...GET, path: 'v1/chunked' })), 'ECONNRESET');
});

test('an answer whose end cannot be told from a break, or that is compressed, is none', async (t) => {
  const { http } = await opened(t, (request, response) => {
    if (request.url === '/v1/zip') return void response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
    response.socket?.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nwhole?');
  });
  assert.equal(short(await http.ask(GET)), 'undelimited');
  assert.equal(short(await http.ask({ ...GET, path: 'v1/zip' })), 'encoded');
});

test('a redirect leads nowhere', async (t) => {
  const { http } = await opened(t, (_request, response) =>
    response.writeHead(302, { location: 'https://elsewhere.example/' }).end(),
  );
  assert.equal(short(await http.ask({ ...GET, signer })), '302 ');
});

test('one deadline holds for all of it, to the last byte', async (t) => {
  const reached = Promise.withResolvers<void>();
  const { http, clock } = await opened(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 8 }).write('half');
    reached.resolve();
  });
  const asked = http.ask(GET);
  await reached.promise;
  clock.advance(29_999);
  let over = false;
  void asked.then(() => {
    over = true;
  });
  await clock.advanceAsync(0);
  assert.equal(over, false);
  clock.advance(1);
  assert.equal(short(await asked), 'deadline');
});

test('a server that is not there, and one that is closed on', async (t) => {
  const { http, port, clock } = await opened(t, () => undefined);
  const nobody = createHttp({ url: `http://127.0.0.1:${await unused()}`, roots: async () => [], version: '1', clock });
  t.after(() => nobody.close());
  assert.equal(short(await nobody.ask(GET)), 'ECONNREFUSED');
  const asked = http.ask(GET);
  http.close();
  assert.equal(short(await asked), 'closed');
  assert.equal(short(await http.ask(GET)), 'closed');
  assert.ok(port > 0);
});

async function unused(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('a kept connection that the server has closed is no failure', async (t) => {
  const sockets: Socket[] = [];
  let requests = 0;
  const { http } = await opened(t, (request, response) => {
    requests += 1;
    sockets.push(request.socket);
    // The second request comes on the connection of the first, which breaks just then.
    if (requests === 2) return void request.socket.resetAndDestroy();
    response.end(String(requests));
  });
  assert.equal(short(await http.ask({ ...GET, signer })), '200 1');
  assert.equal(short(await http.ask({ ...GET, signer })), '200 3');
  assert.equal(sockets[0], sockets[1]);
});

const ca = makeTestCa();

async function secure(t: TestContext, host: string, roots: readonly string[]): Promise<string> {
  const { chain, key } = ca.issue({ names: [host] });
  const server = createHttpsServer({ cert: chain, key }, (_request, response) => response.end('safe'));
  const port = await listening(t, server);
  const clock = new FakeClock();
  const http = createHttp({ url: `https://localhost:${port}`, roots: async () => roots, version: '1', clock });
  t.after(() => http.close());
  return short(await http.ask({ ...GET, signer }));
}

test('only the roots that are given are trusted, and only for the name of the server', async (t) => {
  assert.equal(await secure(t, 'localhost', [ca.cert]), '200 safe');
  assert.equal(await secure(t, 'localhost', []), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  assert.equal(await secure(t, 'other.example', [ca.cert]), 'ERR_TLS_CERT_ALTNAME_INVALID');
});

test('what the environment allows does not count', async (t) => {
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  t.after(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  });
  assert.equal(await secure(t, 'localhost', []), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});
