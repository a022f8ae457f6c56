// SPDX-License-Identifier: Apache-2.0
// Real servers; only the answer for ::1 is made up, because whether a port is free there is the machine's business.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type LoopbackHost, openLoopback, stopAccepting } from './loopback.ts';

/** Opens on 127.0.0.1 for real. ::1 fails with the next code; once there is none it opens too, on a port of the other family. */
function opener(t: TestContext, failures: string[]) {
  const opened: Server[] = [];
  t.after(() => stopAccepting(opened));
  const open = async (host: LoopbackHost, port: number): Promise<Server> => {
    const code = host === '::1' ? failures.shift() : undefined;
    if (code !== undefined) throw Object.assign(new Error(code), { code });
    const server = createServer().listen(host === '::1' ? 0 : port, '127.0.0.1');
    opened.push(server);
    await once(server, 'listening');
    return server;
  };
  return { opened, open };
}

test('a free port that is taken on ::1 is given back and another one asked for', async (t) => {
  const { opened, open } = opener(t, ['EADDRINUSE', 'EADDRINUSE']);
  const { ipv6, port, servers } = await openLoopback(0, open);
  assert.equal(ipv6, true);
  assert.deepEqual(servers, opened.slice(2));
  assert.deepEqual(
    opened.map(({ listening }) => listening),
    [false, false, true, true],
  );
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
});

test('a chosen port that is taken on ::1 is an error, and so is a machine where none is free', async (t) => {
  for (const [port, failures, attempts] of [
    [await freePort(), ['EADDRINUSE'], 1],
    [0, new Array<string>(5).fill('EADDRINUSE'), 5],
  ] as const) {
    const { opened, open } = opener(t, [...failures]);
    await assert.rejects(openLoopback(port, open), { code: 'EADDRINUSE' });
    assert.equal(opened.length, attempts);
    assert.ok(opened.every(({ listening }) => !listening));
  }
});

test('a machine without ::1 is served on 127.0.0.1 alone', async (t) => {
  for (const code of ['EADDRNOTAVAIL', 'EAFNOSUPPORT']) {
    const { ipv6, servers } = await openLoopback(0, opener(t, [code]).open);
    assert.deepEqual([ipv6, servers.length, servers[0]?.listening], [false, 1, true]);
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await stopAccepting([server]);
  return typeof address === 'object' && address !== null ? address.port : 0;
}
