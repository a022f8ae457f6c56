// SPDX-License-Identifier: Apache-2.0
// Connections that are broken off at any moment: each is closed for good, and the process holds nothing of it.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { TLSSocket, connect as tlsConnect } from 'node:tls';
import { resetConnection } from '../../src/proxy/intercept/outflow.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { kitFor, openTunnel, startTcp, until } from './intercept-kit.ts';

const LEAF = makeTestCa().issue({ names: ['localhost'] });

/** Sockets of this process that the system has open. */
const open = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

/** When, after the FIN was asked for. */
const MOMENTS: Readonly<Record<string, (run: () => void) => unknown>> = {
  'at once': (run) => run(),
  'a tick later': (run) => process.nextTick(run),
  'a turn later': (run) => setImmediate(run),
  'when it is out': (run) => setTimeout(run, 5),
};

for (const [moment, then] of Object.entries(MOMENTS)) {
  for (const secure of [false, true]) {
    test(`a reset ${moment} after a FIN ${secure ? 'in TLS ' : ''}leaves no socket open`, async (t) => {
      const before = open();
      let closed = 0;
      const errors: unknown[] = [];
      const server = await startTcp((raw: Socket) => {
        raw.on('close', () => {
          closed += 1;
        });
        raw.on('error', (error) => errors.push(error));
        const over = secure ? new TLSSocket(raw, { isServer: true, key: LEAF.key, cert: LEAF.chain }) : raw;
        if (over !== raw) over.on('error', () => undefined);
        over.once('data', () => {
          over.end('hello');
          then(() => {
            resetConnection(raw, over);
            over.destroy();
          });
        });
      });
      t.after(() => server.close());
      for (let n = 1; n <= 10; n++) {
        const place = { host: '127.0.0.1', port: server.port };
        const client = secure ? tlsConnect({ ...place, rejectUnauthorized: false }) : connect(place);
        client.on('error', () => undefined);
        client.once(secure ? 'secureConnect' : 'connect', () => client.write('x'));
        client.resume();
        await until(() => closed === n && client.closed, `connection ${n} is closed`);
      }
      assert.deepEqual(errors, []);
      await until(() => open() === before, 'nothing is held');
    });
  }
}

test('a reset says so to the peer, who cannot take what it got for complete', async (t) => {
  const server = await startTcp((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write('hello');
      setImmediate(() => resetConnection(socket));
    });
  });
  t.after(() => server.close());
  const client = connect({ host: '127.0.0.1', port: server.port });
  client.once('connect', () => client.write('x'));
  const errors: (string | undefined)[] = [];
  client.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code));
  client.resume();
  await until(() => client.closed, 'closed');
  assert.deepEqual(errors, ['ECONNRESET']);
});

test('tunnels whose two ends go in any order and manner leave nothing open', async (t) => {
  const leave: readonly ((socket: Socket) => void)[] = [
    (socket) => socket.destroy(),
    (socket) => socket.resetAndDestroy(),
    (socket) => void socket.end('bye'),
    (socket) => {
      socket.end('bye');
      setImmediate(() => socket.resetAndDestroy());
    },
    (socket) => {
      socket.write(Buffer.alloc(300_000));
      setTimeout(() => socket.resetAndDestroy(), 3);
    },
  ];
  const kit = await kitFor(t);
  const far = new Set<Socket>();
  const server = await startTcp((socket) => {
    far.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => far.delete(socket));
    socket.once('data', (manner) => leave[manner[0] ?? 0]?.(socket));
  });
  t.after(() => server.close());
  const before = open();
  for (let round = 0; round < 4; round++) {
    const near: Socket[] = [];
    for (let manner = 0; manner < leave.length; manner++) {
      for (const go of leave) {
        const { socket } = await openTunnel(kit.port, `any.example.test:${server.port}`);
        near.push(socket);
        socket.on('error', () => undefined);
        socket.write(Buffer.of(manner));
        socket.resume();
        MOMENTS[Object.keys(MOMENTS)[round] ?? '']?.(() => go(socket));
      }
    }
    // Who only ended one way waits for the other: that is a half-closed tunnel, and no leak.
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const socket of [...near, ...far]) socket.destroy();
    await until(() => kit.intercept.stats().tunnels.open === 0, 'no tunnel is counted as open');
  }
  await until(() => open() <= before, 'nothing is held');
});
