// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '../owner.ts';
import { findRow, findRows, readRow, searchesFor } from './net-table.ts';

const peer: Peer = { family: 4, localPort: 8080, remotePort: 41_000 };
const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const OTHER =
  '   0: 0100007F:1F90 0100007F:A028 01 00000000:00000000 00:00000000 00000000     0        0 111 1 0 20 4 30 10 -1\n';
const OURS =
  '   1: 0100007F:A028 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 98765 1 0 20 4 30 10 -1\n';

/** Searches a table that comes in pieces of at most `piece` bytes. */
function find(text: string, piece: number, size = 4096) {
  const bytes = Buffer.from(text, 'latin1');
  let at = 0;
  const buffer = Buffer.alloc(size);
  const [search] = searchesFor(peer, true);
  return findRow(search?.needle ?? '', buffer, (offset, length) => {
    const count = Math.min(piece, length, bytes.length - at);
    bytes.copy(buffer, offset, at, at + count);
    at += count;
    return count;
  });
}

test('the client’s end of the connection is found, not ours', () => {
  assert.deepEqual(find(HEAD + OTHER + OURS, 4096), { uid: 1000, inode: '98765' });
  assert.equal(find(HEAD + OTHER, 4096), undefined);
  assert.equal(find('', 10), undefined);
});

test('the row is found however the table is cut', () => {
  for (let piece = 1; piece < 400; piece++) {
    assert.deepEqual(find(HEAD + OTHER + OURS + OTHER, piece), { uid: 1000, inode: '98765' }, `${piece}`);
  }
});

test('the row is found in a table larger than the buffer, and reading stops at it', () => {
  const text = HEAD + OTHER.repeat(200) + OURS + OTHER.repeat(200);
  const bytes = Buffer.from(text, 'latin1');
  const buffer = Buffer.alloc(1024);
  let at = 0;
  const row = findRow(searchesFor(peer, true)[0]?.needle ?? '', buffer, (offset, length) => {
    const count = Math.min(length, bytes.length - at);
    bytes.copy(buffer, offset, at, at + count);
    at += count;
    return count;
  });
  assert.equal(row?.inode, '98765');
  assert.ok(at < bytes.length - 100 * OTHER.length);
});

test('a socket that its owner has closed says nothing: the kernel prints uid 0 for it', () => {
  assert.equal(
    readRow('0100007F:A028 0100007F:1F90 06 00000000:00000000 03:00000176 00000000     0        0 0 3 0'),
    undefined,
  );
  assert.equal(readRow('garbage'), undefined);
});

test('addresses are written in the machine’s byte order; IPv4 is also looked for as a mapped address', () => {
  assert.deepEqual(searchesFor(peer, true), [
    { file: 'tcp', needle: '0100007F:A028 0100007F:1F90 ' },
    { file: 'tcp6', needle: '0000000000000000FFFF00000100007F:A028 0000000000000000FFFF00000100007F:1F90 ' },
  ]);
  assert.equal(searchesFor(peer, false)[0]?.needle, '7F000001:A028 7F000001:1F90 ');
  assert.deepEqual(searchesFor({ ...peer, family: 6 }, true), [
    { file: 'tcp6', needle: '00000000000000000000000001000000:A028 00000000000000000000000001000000:1F90 ' },
  ]);
});

test('another loopback address is not searched for: its ports may be those of someone else’s connection', () => {
  assert.deepEqual(searchesFor({ ...peer, remoteAddress: '127.0.0.5' }, true), []);
  assert.equal(searchesFor({ ...peer, remoteAddress: '127.0.0.1' }, true).length, 2);
  assert.deepEqual(searchesFor({ ...peer, family: 6, remoteAddress: 'fe80::1' }, true), []);
});

/** A table of `count` client ends with ports from 41000 up, each followed by a stranger's row. */
function crowd(count: number) {
  const needles: string[] = [];
  let text = HEAD;
  for (let i = 0; i < count; i++) {
    const needle = searchesFor({ ...peer, remotePort: 41_000 + i }, true)[0]?.needle ?? '';
    needles.push(needle);
    text += `${String(i).padStart(4)}: ${needle}01 00000000:00000000 00:00000000 00000000  1000        0 ${5_000 + i} 1 0 20 4\n${OTHER}`;
  }
  return { needles, bytes: Buffer.from(text, 'latin1') };
}

/** How much of it was read, and what was found. */
function findMany(needles: readonly string[], bytes: Buffer, piece: number, size = 4096) {
  let at = 0;
  const buffer = Buffer.alloc(size);
  const rows = findRows(needles, buffer, (offset, length) => {
    const count = Math.min(piece, length, bytes.length - at);
    bytes.copy(buffer, offset, at, at + count);
    at += count;
    return count;
  });
  return { rows, at };
}

test('many rows are found in one pass, however the table is cut', () => {
  const { needles, bytes } = crowd(60);
  for (const piece of [1, 7, 150, 151, 152, 300, 1_000, 4_096]) {
    const { rows } = findMany([...needles, 'missing'], bytes, piece);
    assert.equal(rows.size, 60, `${piece}`);
    for (const [i, needle] of needles.entries()) {
      assert.deepEqual(rows.get(needle), { uid: 1000, inode: String(5_000 + i) });
    }
  }
});

test('the pass ends when all are found, and where there is no table', () => {
  const { needles, bytes } = crowd(200);
  const { rows, at } = findMany(needles.slice(0, 20), bytes, 4_096);
  assert.equal(rows.size, 20);
  assert.ok(at < bytes.length / 2, `${at}`);
  assert.equal(findMany(['x'], Buffer.alloc(10_000, 'x'), 4_096, 512).rows.size, 0);
  assert.equal(findMany(['x'], Buffer.alloc(0), 4_096).rows.size, 0);
});
