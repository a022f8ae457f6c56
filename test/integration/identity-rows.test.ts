// SPDX-License-Identifier: Apache-2.0
// The kernel's socket monitor and its tables are asked about the same real connections.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { diagRows, type Libc, openSockDiag } from '../../src/proxy/identity/linux/sock-diag.ts';
import { openTableRows, type RowsOf } from '../../src/proxy/identity/linux/table-rows.ts';
import type { Peer } from '../../src/proxy/identity/owner.ts';

const skip = process.platform === 'linux' ? false : 'asks the Linux kernel';

interface Pair {
  readonly peer: Peer;
  readonly client: Socket;
}

async function pairs(t: TestContext, listen: string, to: string, family: 4 | 6, count: number): Promise<Pair[]> {
  const accepted: Socket[] = [];
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    accepted.push(socket);
  });
  server.listen(0, listen);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const opened: Pair[] = [];
  t.after(() => {
    for (const socket of [...accepted, ...opened.map(({ client }) => client)]) socket.destroy();
    server.close();
  });
  for (let i = 0; i < count; i++) {
    const client = connect(port, to);
    await once(client, 'connect');
    opened.push({ client, peer: { family, localPort: port, remotePort: client.localPort ?? 0 } });
  }
  return opened;
}

const none: RowsOf = (peers) => peers.map(() => undefined);

async function diag(tables: RowsOf): Promise<RowsOf> {
  const rows = await openSockDiag(tables);
  assert.ok(rows !== undefined, 'koffi is installed with the project');
  return rows;
}

for (const [name, listen, to, family] of [
  ['IPv4', '127.0.0.1', '127.0.0.1', 4],
  ['IPv6', '::1', '::1', 6],
  ['IPv4 from a dual-stack socket', '127.0.0.1', '::ffff:127.0.0.1', 4],
] as const) {
  test(`monitor and tables name the same sockets (${name})`, { skip }, async (t) => {
    const peers = (await pairs(t, listen, to, family, 20)).map(({ peer }) => peer);
    // Without the help of the tables: what it names is its own.
    const rows = (await diag(none))(peers);
    assert.equal(new Set(rows.map((row) => row?.inode)).size, 20);
    assert.ok(rows.every((row) => row?.uid === process.getuid?.()));
    assert.deepEqual(rows, openTableRows()(peers));
  });
}

test('a connection that is closed, or never was, is nobody’s', { skip }, async (t) => {
  const [gone, kept] = await pairs(t, '127.0.0.1', '127.0.0.1', 4, 2);
  assert.ok(gone !== undefined && kept !== undefined);
  gone.client.destroy();
  await once(gone.client, 'close');
  const rows = (await diag(none))([gone.peer, kept.peer, { ...kept.peer, localPort: 1 }]);
  assert.deepEqual(
    rows.map((row) => row !== undefined),
    [false, true, false],
  );
});

test('the tables are read until the monitor has named a socket, and never after', { skip }, async (t) => {
  const [pair] = await pairs(t, '127.0.0.1', '127.0.0.1', 4, 1);
  assert.ok(pair !== undefined);
  const nobody = { ...pair.peer, localPort: 1 };
  let reads = 0;
  const tables = openTableRows();
  const rows = await diag((peers) => {
    reads += 1;
    return tables(peers);
  });
  assert.deepEqual([rows([nobody]), reads], [[undefined], 1]);
  assert.deepEqual([rows([pair.peer])[0]?.uid, reads], [process.getuid?.(), 1]);
  assert.deepEqual([rows([nobody]), reads], [[undefined], 1]);
});

test('where the monitor is forbidden, lacking or silent, the tables answer, and it is not asked again', {
  skip,
}, async (t) => {
  const [pair] = await pairs(t, '127.0.0.1', '127.0.0.1', 4, 1);
  assert.ok(pair !== undefined);
  const inode = openTableRows()([pair.peer])[0]?.inode;
  assert.match(inode ?? '', /^\d+$/);
  /** An answer of the kernel's: an error with this number. */
  const failing = (error: number): Partial<Libc> => ({
    recv: (_fd, bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      view.setUint16(4, 2, true);
      view.setInt32(16, error, true);
      return 36;
    },
  });
  for (const [name, part] of Object.entries({
    forbidden: { socket: () => -1 },
    unsent: { send: () => -1 },
    silent: { recv: () => -1 },
    refused: failing(-1),
    lacking: failing(-2),
  } satisfies Record<string, Partial<Libc>>)) {
    let opened = 0;
    let open = 0;
    const libc: Libc = {
      socket: () => 9,
      send: (_fd, _bytes, length) => length,
      recv: () => -1,
      close: () => 0,
      ...part,
    };
    const counted: Libc = {
      ...libc,
      socket: (...args) => {
        const fd = libc.socket(...args);
        opened += 1;
        open += fd < 0 ? 0 : 1;
        return fd;
      },
      close: (fd) => {
        open -= 1;
        return libc.close(fd);
      },
    };
    const rows = diagRows(counted, openTableRows());
    for (let i = 0; i < 3; i++) assert.equal(rows([pair.peer])[0]?.inode, inode, name);
    assert.deepEqual([opened, open], [1, 0], name);
  }
});
