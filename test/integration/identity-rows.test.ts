// SPDX-License-Identifier: Apache-2.0
// The kernel's socket monitor and its tables are asked about the same real connections.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

test('the tables are asked only about what the monitor does not name', { skip }, async (t) => {
  const [pair] = await pairs(t, '127.0.0.1', '127.0.0.1', 4, 1);
  assert.ok(pair !== undefined);
  const nobody = { ...pair.peer, localPort: 1 };
  const asked: (readonly Peer[])[] = [];
  const found = { uid: 4, inode: '5' };
  const rows = await diag((peers) => {
    asked.push(peers);
    return peers.map(() => found);
  });
  assert.equal(rows([pair.peer])[0]?.uid, process.getuid?.());
  assert.deepEqual(asked, []);
  const [first, second, third] = rows([nobody, pair.peer, nobody]);
  assert.deepEqual([first, second?.uid, third], [found, process.getuid?.(), found]);
  assert.deepEqual(asked, [[nobody, nobody]]);
});

test('a socket that its program has bound to the loopback device is named as well', {
  skip: skip || (spawnSync('python3', ['-V']).status === 0 ? false : 'python3 is missing'),
}, async (t) => {
  for (const [listen, family] of [
    ['127.0.0.1', 4],
    ['::1', 6],
  ] as const) {
    const server = createServer((socket) => void socket.on('error', () => undefined));
    server.listen(0, listen);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const script = `import socket, sys
s = socket.socket(socket.AF_INET${family === 6 ? '6' : ''}, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
s.connect(("${listen}", ${port}))
print(s.getsockname()[1], flush=True)
sys.stdin.read()`;
    const client = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => {
      client.stdin.end();
      server.close();
    });
    const [line] = (await once(client.stdout, 'data')) as [Buffer];
    const peer: Peer = { family, localPort: port, remotePort: Number(line) };
    const rows = (await diag(none))([peer]);
    assert.match(rows[0]?.inode ?? '', /^\d+$/);
    assert.deepEqual(rows, openTableRows()([peer]));
  }
});

test('where the monitor is forbidden, lacking, silent or broken, the tables answer', { skip }, async (t) => {
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
  /** The row of somebody else, in the form of an answer about this connection. */
  const stranger: Libc['recv'] = (_fd, bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint32(0, 88, true);
    view.setUint16(4, 20, true);
    view.setUint16(20, pair.peer.remotePort);
    view.setUint16(22, pair.peer.localPort);
    view.setUint32(84, 4_000_000_000, true);
    return 88;
  };
  let asked = 0;
  const broken = () => {
    throw new Error('no such function');
  };
  for (const [name, part] of Object.entries({
    forbidden: { socket: () => -1 },
    unsent: { send: () => -1 },
    cut: { send: (_fd, _bytes, length) => length - 1, recv: stranger },
    silent: { recv: () => -1 },
    refused: failing(-1),
    lacking: failing(-2),
    broken: { recv: broken },
    // The answer to a later question must not be taken for that to an earlier one.
    'silent at first': {
      socket: () => {
        asked = 0;
        return 9;
      },
      recv: (...args) => (asked++ === 0 ? -1 : stranger(...args)),
    },
  } satisfies Record<string, Partial<Libc>>)) {
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
        open += fd < 0 ? 0 : 1;
        return fd;
      },
      close: (fd) => {
        open -= 1;
        return libc.close(fd);
      },
    };
    const rows = diagRows(counted, openTableRows());
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(
        rows([pair.peer, pair.peer]).map((row) => row?.inode),
        [inode, inode],
        name,
      );
    }
    assert.equal(open, 0, name);
  }
});

test('tables that are missing are empty, and each is closed again', { skip }, async (t) => {
  const [pair] = await pairs(t, '127.0.0.1', '127.0.0.1', 4, 1);
  assert.ok(pair !== undefined);
  const folder = mkdtempSync(join(tmpdir(), 'outpost-tables-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const rows = openTableRows(folder);
  assert.deepEqual(rows([pair.peer]), [undefined]);
  // As on a machine without IPv6.
  const table = readFileSync('/proc/net/tcp');
  writeFileSync(join(folder, 'tcp'), table);
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  for (let i = 0; i < 20; i++) {
    const [found, missing] = rows([pair.peer, { ...pair.peer, localPort: 1 }]);
    assert.deepEqual([found, missing], [openTableRows()([pair.peer])[0], undefined]);
  }
  assert.equal(open(), before);
});
