// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type LookupFunction, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../clock.ts';
import { createDial, dialFor, type Resolve } from './dial.ts';

async function listening(t: TestContext) {
  const accepted: Socket[] = [];
  const server = createServer((socket) => accepted.push(socket.on('error', () => undefined)));
  t.after(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, accepted, port: (server.address() as AddressInfo).port };
}

const dialWith = (resolve: Resolve) =>
  createDial({
    rules: () => ({ allowPrivate: ['127.0.0.0/8'], ownPorts: [] }),
    clock: systemClock,
    connectMs: () => 5_000,
    resolve,
  });

async function openClient(t: TestContext): Promise<Socket> {
  const { port } = await listening(t);
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  return client;
}

const HOST = 'a.example.test';
const FOUND = [{ address: '127.0.0.1', family: 4 }];

test('a client that leaves while its host is looked up: nobody is dialled', async (t) => {
  const upstream = await listening(t);
  const client = await openClient(t);
  const asked = Promise.withResolvers<Parameters<LookupFunction>[2]>();
  const dial = dialWith((_name, _options, done) => asked.resolve(done));
  const dialled = dialFor(client, dial, { host: HOST, port: upstream.port, kind: 'name' });
  const answer = await asked.promise;
  client.destroy();
  assert.deepEqual(await dialled, { kind: 'unreachable' });
  answer(null, FOUND);
  // A connection of before would be accepted ahead of this one.
  await once(connect(upstream.port, '127.0.0.1'), 'connect');
  if (upstream.accepted.length === 0) await once(upstream.server, 'connection');
  assert.equal(upstream.accepted.length, 1);
});

test('a client that had left before is not dialled for in earnest: what connects is closed', async (t) => {
  const upstream = await listening(t);
  const client = await openClient(t);
  client.destroy();
  await once(client, 'close');
  const dial = dialWith((_name, _options, done) => done(null, FOUND));
  const dialled = await dialFor(client, dial, { host: HOST, port: upstream.port, kind: 'name' });
  assert.deepEqual(dialled, { kind: 'unreachable' });
  if (upstream.accepted.length === 0) await once(upstream.server, 'connection');
  const [socket] = upstream.accepted;
  assert.ok(socket !== undefined);
  socket.resume();
  if (!socket.readableEnded) await once(socket, 'end');
});
