// SPDX-License-Identifier: Apache-2.0
// Servers that lie, and answers that are none: nothing is taken for sent that is not, and the daemon does not pay for it.

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { PROTOCOL, PROTOCOL_HEADER } from '../../src/contract/sync/words.ts';
import { readAcknowledged } from '../../src/proxy/upload/acknowledged.ts';
import { type MemoryReceiver, startMemoryReceiver } from '../fakes/audit-receiver.ts';
import { FakeClock } from '../fakes/clock.ts';
import { makeTestCa } from '../fakes/pki.ts';
import {
  assertAllArrived,
  nextStatus,
  POST_MS,
  type Rig,
  rowsOnDisk,
  runOnce,
  startInMemory,
  startRig,
} from './upload-kit.ts';

type Truth = Parameters<MemoryReceiver['instead']>[0];
interface Ack {
  ack: { epoch: string; seq: number; hash: string };
  receipt: unknown;
}

const epochsAcknowledged = (rig: Rig) => [...(readAcknowledged(rig.orgDir)?.values() ?? [])].map(({ seq }) => seq);

const HASH = 'ab'.repeat(32);

for (const [what, change] of [
  ['rows that were never issued', ({ ack }: Ack) => ({ ...ack, seq: 12 })],
  ['far more rows than there are', ({ ack }: Ack) => ({ ...ack, seq: Number.MAX_SAFE_INTEGER })],
  ['fewer rows than before', ({ ack }: Ack) => ({ ...ack, seq: 3 })],
  ['fewer rows, and truly', ({ ack }: Ack, hashOf: (seq: number) => string) => ({ ...ack, seq: 3, hash: hashOf(3) })],
  ['another hash', ({ ack }: Ack) => ({ ...ack, hash: HASH })],
  ['another epoch', ({ ack }: Ack) => ({ ...ack, epoch: '0'.repeat(16) })],
] as const) {
  test(`a server that acknowledges ${what} is not believed`, async (t) => {
    const { receiver, rig } = await startInMemory(t);
    await rig.write(5);
    await rig.flush();
    const [epoch = ''] = rowsOnDisk(rig.auditDir).keys();
    await rig.write(5);
    receiver.instead = ({ status, body }: Truth) => {
      const said = body as Ack;
      const hashOf = (seq: number): string => receiver.epochs.get(epoch)?.rows.get(seq)?.hash ?? '';
      return { status, body: { ...said, ack: change(said, hashOf) } };
    };
    await runOnce(rig);
    assert.deepEqual(epochsAcknowledged(rig), [6]);
    const [event] = rig.events;
    assert.ok(event?.kind === 'receipt-mismatch' && event.epoch === epoch);
    assert.deepEqual(rig.uploader.status().stopped, [epoch]);
    assert.equal(rig.uploader.status().rows, 5);
    const posts = receiver.batches.length;
    receiver.instead = () => undefined;
    await runOnce(rig);
    assert.equal(receiver.batches.length, posts, 'not before somebody has looked');
    await rig.restart();
    await rig.flush();
    await assertAllArrived(rig.auditDir, receiver);
  });
}

test('a server that goes back behind a row that it never had is not believed', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  await rig.write(5);
  await rig.flush();
  await rig.write(5);
  receiver.instead = () => ({ status: 409, body: { error: 'behind', message: '', ack: { seq: 3, hash: HASH } } });
  await runOnce(rig);
  assert.deepEqual(
    rig.events.map(({ kind }) => kind),
    ['receipt-mismatch'],
  );
});

const raw =
  (headers: string, body: string | Buffer, end = true) =>
  (response: ServerResponse): void => {
    const socket = response.socket;
    socket?.write(`HTTP/1.1 200 OK\r\n${PROTOCOL_HEADER}: ${PROTOCOL}\r\n${headers}\r\n`);
    socket?.write(body);
    if (end) socket?.end();
  };
const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));

for (const [what, answer, why] of [
  ['is no JSON', { status: 200, body: 'welcome' }, 'http-200'],
  ['is empty', { status: 200, body: '' }, 'http-200'],
  ['has no protocol', { status: 200, body: {}, headers: { [PROTOCOL_HEADER]: 'x' } }, 'http-200'],
  ['leads elsewhere', { status: 307, body: '', headers: { location: '/v1/other' } }, 'http-307'],
  ['is compressed', { status: 200, body: 'x', headers: { 'content-encoding': 'zstd' } }, 'answer-encoded'],
  ['is a bomb', raw(`content-encoding: zstd\r\ncontent-length: ${bomb.length}\r\n`, bomb), 'answer-encoded'],
  ['has no end of its own', raw('', '{"ack":'), 'answer-undelimited'],
  ['is cut off', raw('content-length: 500\r\n', '{"ack":'), 'ECONNRESET'],
  ['is cut off in a chunk', raw('transfer-encoding: chunked\r\n', '100\r\n{"ack":'), 'ECONNRESET'],
  ['is too long', raw('content-length: 1100000\r\n', 'x'.repeat(1_100_000), false), 'answer-too-long'],
  ['is no HTTP', (response: ServerResponse) => void response.socket?.end('SSH-2.0-x\r\n'), 'HPE_INVALID_CONSTANT'],
  [
    'is another protocol',
    (response: ServerResponse) =>
      void response.socket?.end('HTTP/1.1 101 S\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    'cut-off',
  ],
] as const) {
  test(`an answer that ${what} acknowledges nothing`, async (t) => {
    const { receiver, rig } = await startInMemory(t);
    await rig.write(5);
    receiver.instead = () => answer;
    await runOnce(rig);
    assert.deepEqual([rig.uploader.status().lastError, epochsAcknowledged(rig), rig.events], [why, [], []]);
    receiver.instead = () => undefined;
    await rig.flush();
    await assertAllArrived(rig.auditDir, receiver);
  });
}

test('an answer without end is read up to the limit', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  await rig.write(5);
  const stopped = Promise.withResolvers<void>();
  receiver.instead = () => (response) => {
    response.writeHead(200, { [PROTOCOL_HEADER]: PROTOCOL });
    response.on('close', stopped.resolve);
    const more = (): void => {
      if (!response.destroyed) response.write('x'.repeat(65_536), more);
    };
    more();
  };
  await runOnce(rig);
  assert.equal(rig.uploader.status().lastError, 'answer-too-long');
  await stopped.promise;
});

test('a server that takes all and answers nothing is given up at the deadline', async (t) => {
  const { receiver, rig, clock } = await startInMemory(t);
  await rig.write(5);
  const asked = Promise.withResolvers<void>();
  receiver.instead = () => {
    asked.resolve();
    return new Promise(() => undefined);
  };
  rig.uploader.flushNow();
  await asked.promise;
  clock.advance(POST_MS - 1);
  assert.equal(rig.uploader.status().state, 'sending');
  clock.advance(1);
  await nextStatus(rig.uploader);
  assert.equal(rig.uploader.status().lastError, 'deadline');
});

test('one that lets its answer drip is, too', async (t) => {
  const { receiver, rig, clock } = await startInMemory(t);
  await rig.write(5);
  const asked = Promise.withResolvers<void>();
  receiver.instead = () => (response) => {
    response.writeHead(200, { [PROTOCOL_HEADER]: PROTOCOL, 'content-length': 500 });
    response.write('{');
    asked.resolve();
  };
  rig.uploader.flushNow();
  await asked.promise;
  clock.advance(POST_MS);
  await nextStatus(rig.uploader);
  assert.equal(rig.uploader.status().lastError, 'deadline');
});

test('an idle connection that the server has closed is no failure', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  // It closes the connection at the second request: the race that every client loses some day.
  let dropped = 0;
  receiver.instead = (_truth, batch) => {
    if (batch?.rows[0]?.seq !== 1 && dropped === 0) {
      dropped += 1;
      return 'lost';
    }
    return undefined;
  };
  await rig.write(3);
  await rig.flush();
  await rig.write(3);
  await runOnce(rig);
  assert.equal(dropped, 1);
  assert.equal(rig.uploader.status().lastError, undefined);
  await assertAllArrived(rig.auditDir, receiver);
});

test('a server whose certificate is not trusted gets nothing', async (t) => {
  const ca = makeTestCa();
  const clock = new FakeClock();
  const { key, chain: cert } = ca.issue({ names: ['localhost'] });
  const receiver = await startMemoryReceiver({ clock, tls: { key, cert } });
  t.after(() => receiver.close());
  const rig = await startRig(t, { receiver, clock });
  await rig.write(5);
  const { target } = rig;
  assert.ok(target !== undefined);
  const [good, other] = [`https://localhost:${receiver.port}`, `https://127.0.0.1:${receiver.port}`];
  const [roots, others] = [[ca.cert], [makeTestCa().cert]];
  for (const [url, caPems, why] of [
    [good, [], 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [good, others, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [other, roots, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ] as const) {
    rig.target = { ...target, url, caPems };
    await runOnce(rig);
    assert.deepEqual([rig.uploader.status().lastError, receiver.bytes], [why, 0]);
  }
  rig.target = { ...target, url: good, caPems: roots };
  await rig.flush();
  await assertAllArrived(rig.auditDir, receiver);
});
