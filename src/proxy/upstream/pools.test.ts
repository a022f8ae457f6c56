// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { buildConnector, type Dispatcher } from 'undici';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { makeTestCa } from '../../../test/fakes/pki.ts';
import { createPools, type Pools } from './pools.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

interface Outcome {
  readonly handler: object;
  readonly error: unknown;
  readonly status: number | undefined;
}

/** Sends a call whose connection is free for the next one when it has ended. */
async function call(pools: Pools, origin: string): Promise<Outcome> {
  const pool = pools.pool(origin);
  const outcome = await send(pools, origin);
  while (outcome.error === undefined && pool.stats.free === 0) await new Promise(setImmediate);
  return outcome;
}

/** Sends a request in one segment and tells how it ended. */
function send(pools: Pools, origin: string): Promise<Outcome> {
  return new Promise((resolve) => {
    let status: number | undefined;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {},
      onResponseStart(_controller, code) {
        status = code;
      },
      onResponseData() {},
      onResponseEnd: () => resolve({ handler, error: undefined, status }),
      onResponseError: (_controller, error) => resolve({ handler, error, status }),
    };
    pools.pool(origin).dispatch({ method: 'GET', path: '/' }, handler);
  });
}

/** A server on loopback whose `serve` gets the n-th request of the c-th connection. */
async function serverOf(
  t: TestContext,
  serve: (socket: Socket, request: number, connection: number) => void,
  listen: (onConnection: (socket: Socket) => void) => Server = createServer,
): Promise<{ readonly port: number; readonly connections: () => number }> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = listen((socket) => {
    const connection = ++connections;
    let requests = 0;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => serve(socket, ++requests, connection));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { port: address.port, connections: () => connections };
}

function poolsFor(t: TestContext, connector = buildConnector({}), clock = new FakeClock()): Pools {
  const pools = createPools({ connector, clock });
  t.after(() => pools.close());
  return pools;
}

test('a connection that served and dies without a byte is stale; one that never served is not', async (t) => {
  const { port } = await serverOf(t, (socket, request, connection) => {
    if (connection === 1 && request === 1) socket.write(ANSWER);
    else socket.destroy();
  });
  const pools = poolsFor(t);
  const origin = `http://127.0.0.1:${port}`;
  const first = await call(pools, origin);
  assert.equal(first.status, 200);
  const second = await call(pools, origin);
  assert.ok(second.error !== undefined);
  assert.equal(pools.wasStale(second.handler, second.error), true);
  const fresh = await call(pools, origin);
  assert.ok(fresh.error !== undefined);
  assert.equal(pools.wasStale(fresh.handler, fresh.error), false);
  assert.equal(pools.wasStale({}, fresh.error), false);
});

test('a connection that dies within the answer, or is given up by us, is not stale', async (t) => {
  const { port } = await serverOf(t, (socket, request) => {
    if (request === 1) socket.write(ANSWER);
    else socket.end('HTTP/1.1 200');
  });
  const pools = poolsFor(t);
  const origin = `http://127.0.0.1:${port}`;
  await call(pools, origin);
  const cut = await call(pools, origin);
  assert.ok(cut.error !== undefined && cut.status === undefined);
  assert.equal(pools.wasStale(cut.handler, cut.error), false);
  assert.equal(pools.wasStale(cut.handler, new Error('failed')), false);
});

for (const [ms, stale] of [
  [1_000, true],
  [1_001, false],
  [60_000, false],
] as const) {
  test(`a used connection that dies ${ms} ms after the request is ${stale ? '' : 'not '}stale`, async (t) => {
    const waiting: Socket[] = [];
    const { port } = await serverOf(t, (socket, request) => {
      if (request === 1) socket.write(ANSWER);
      else waiting.push(socket);
    });
    const clock = new FakeClock();
    const pools = poolsFor(t, buildConnector({}), clock);
    const origin = `http://127.0.0.1:${port}`;
    await call(pools, origin);
    // Idle before the request does not count.
    clock.advance(3_000);
    const underWay = send(pools, origin);
    while (waiting.length === 0) await new Promise(setImmediate);
    clock.advance(ms);
    waiting[0]?.resetAndDestroy();
    const { handler, error } = await underWay;
    assert.equal(pools.wasStale(handler, error), stale);
  });
}

test('over TLS, too, only bytes of an answer count', async (t) => {
  const ca = makeTestCa();
  const leaf = ca.issue({ names: ['localhost'] });
  const { port } = await serverOf(
    t,
    (socket, request, connection) => {
      if (request === 1) socket.write(ANSWER);
      else if (connection === 1) socket.destroy();
      // A close_notify, as servers send it that end an idle connection in good order.
      else socket.end();
    },
    (onConnection) => createTlsServer({ key: leaf.key, cert: leaf.cert }, onConnection),
  );
  const pools = poolsFor(t, (target, callback) => {
    const socket = tlsConnect({ host: '127.0.0.1', port: Number(target.port), servername: 'localhost', ca: ca.cert });
    socket.once('secureConnect', () => callback(null, socket));
  });
  const origin = `https://localhost:${port}`;
  for (const how of ['reset', 'end']) {
    assert.equal((await call(pools, origin)).status, 200, how);
    const second = await call(pools, origin);
    assert.equal(pools.wasStale(second.handler, second.error), true, how);
  }
  assert.equal(pools.tls(origin)?.version, 'TLSv1.3');
});

test('after a renewal the next request gets a new connection, and a call under way goes on', async (t) => {
  const waiting: Socket[] = [];
  const { port, connections } = await serverOf(t, (socket, request) => {
    if (request === 1) socket.write(ANSWER);
    else waiting.push(socket);
  });
  const pools = poolsFor(t);
  const origin = `http://127.0.0.1:${port}`;
  await call(pools, origin);
  const underWay = send(pools, origin);
  while (waiting.length === 0) await new Promise(setImmediate);
  pools.reset();
  assert.equal((await call(pools, origin)).status, 200);
  assert.equal(connections(), 2);
  waiting[0]?.write(ANSWER);
  assert.equal((await underWay).status, 200);
});

test('a renewal closes idle connections', async (t) => {
  const ended: Promise<unknown>[] = [];
  const { port } = await serverOf(t, (socket) => {
    ended.push(once(socket, 'close'));
    socket.write(ANSWER);
  });
  const pools = poolsFor(t);
  const origin = `http://127.0.0.1:${port}`;
  await call(pools, origin);
  pools.renew(origin);
  await Promise.all(ended);
  assert.equal(ended.length, 1);
  pools.renew('http://127.0.0.1:1');
});

test('closing ends calls of retired pools too', async (t) => {
  const { port } = await serverOf(t, () => undefined);
  const pools = poolsFor(t);
  const origin = `http://127.0.0.1:${port}`;
  const hanging = send(pools, origin);
  pools.reset();
  await pools.close();
  assert.ok((await hanging).error !== undefined);
});
