// SPDX-License-Identifier: Apache-2.0
// What a server may rightly answer to a batch, and what the uploader makes of it: rows go on, wait or stop.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { startMemoryReceiver } from '../fakes/audit-receiver.ts';
import { FakeClock } from '../fakes/clock.ts';
import {
  assertAcknowledged,
  assertAllArrived,
  type Rig,
  rowsOnDisk,
  runOnce,
  startInMemory,
  startRig,
} from './upload-kit.ts';

test('a row that the server cannot store stays here with its body; its place and all rows behind it go', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  receiver.poison = ({ seq }) => seq === 5 || seq === 9;
  await rig.write(20);
  await rig.flush();
  const [[epoch, rows] = ['', []]] = rowsOnDisk(rig.auditDir);
  assert.deepEqual(
    await receiver.stored(epoch),
    rows.map((row) => (row.seq === 5 || row.seq === 9 ? { ...row, body: null } : row)),
  );
  assert.deepEqual(rig.events, [
    { kind: 'quarantined', epoch, seq: 5 },
    { kind: 'quarantined', epoch, seq: 9 },
  ]);
  assert.equal(rig.uploader.status().quarantined, 2);
  await rig.restart();
  await rig.write(3);
  await rig.flush();
  assert.equal(rig.uploader.status().quarantined, 2, 'counted once, and after a restart');
});

test('a server that refuses every body gets the chain', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  receiver.poison = () => true;
  await rig.write(30);
  await rig.flush();
  const [epoch = ''] = rowsOnDisk(rig.auditDir).keys();
  const stored = await receiver.stored(epoch);
  assert.deepEqual([stored.length, stored.filter(({ body }) => body !== null).length], [31, 0]);
});

test('a server that names no row of the batch, or the same row again, does not keep us busy', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  await rig.write(5);
  for (const seq of [99, 3]) {
    receiver.instead = () => ({ status: 422, body: { error: 'row', message: '', seq } });
    await runOnce(rig);
    assert.equal(rig.uploader.status().lastError, 'row');
    assert.ok(receiver.batches.length < 10);
  }
  receiver.instead = () => undefined;
  await rig.flush();
  await assertAllArrived(rig.auditDir, receiver);
});

test('batches are halved until they are not too large, and stay so for the run', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  receiver.tooLarge = ({ rows }) => rows.length > 30;
  await rig.write(200);
  await rig.flush();
  await assertAllArrived(rig.auditDir, receiver);
  assert.equal(receiver.errors.filter((error) => error === 'too-large').length, 3, '201 to 101, 51, 26');
});

test('one row that is too large by itself goes without its body', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  await rig.write(2);
  receiver.tooLarge = ({ rows }) => rows.some(({ seq, body }) => seq === 2 && body !== null);
  await rig.flush();
  const [epoch = ''] = rowsOnDisk(rig.auditDir).keys();
  assert.deepEqual(rig.events, [{ kind: 'quarantined', epoch, seq: 2 }]);
  assert.equal(rig.uploader.status().rows, 0);
});

test('a server that lost its newest rows gets them again', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  await rig.write(50);
  await rig.flush();
  const [epoch = ''] = rowsOnDisk(rig.auditDir).keys();
  receiver.forgetBehind(epoch, 20);
  await rig.write(5);
  await rig.flush();
  await assertAllArrived(rig.auditDir, receiver);
  receiver.forgetBehind(epoch, 0);
  await rig.write(1);
  await rig.flush();
  await assertAllArrived(rig.auditDir, receiver);
  assert.deepEqual(receiver.errors, ['behind', 'behind']);
  assert.deepEqual(rig.events, []);
});

test('a server that says "behind" without end is asked with pauses', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  await rig.write(5);
  await rig.flush();
  await rig.write(5);
  const before = receiver.batches.length;
  const zeros = { seq: 0, hash: '0'.repeat(64) };
  receiver.instead = () => ({ status: 409, body: { error: 'behind', message: '', ack: zeros } });
  await runOnce(rig);
  assert.equal(rig.uploader.status().lastError, 'behind');
  assert.equal(receiver.batches.length, before + 2);
});

test('a fork stops its epoch and is told; later epochs go on', async (t) => {
  const { receiver, rig } = await startInMemory(t, { log: { fileBytes: 64 * 1024 } });
  await rig.write(10);
  await rig.flush();
  const [epoch = ''] = rowsOnDisk(rig.auditDir).keys();
  // Somebody sent other rows as this device, as a copy of its disk would.
  const stored = receiver.epochs.get(epoch);
  assert.ok(stored !== undefined);
  stored.rows.set(12, { seq: 12, at: 1, hash: 'f'.repeat(64), body: null });
  stored.seq = 12;
  while (rowsOnDisk(rig.auditDir).size === 1) await rig.write(20);
  await rig.flush();
  assert.deepEqual(rig.events, [{ kind: 'fork', epoch, seq: 12 }]);
  assert.deepEqual(rig.uploader.status().stopped, [epoch]);
  assert.equal(rig.uploader.status().unsentFrom, epoch, 'its file stays');
  const [, [other = '', rows] = []] = rowsOnDisk(rig.auditDir);
  assert.deepEqual(await receiver.stored(other), rows);
  await rig.write(5);
  await rig.flush();
  assert.equal(rig.events.length, 1);
});

test('a clock that is wrong costs one more round trip', async (t) => {
  const clock = new FakeClock();
  const ahead = 7 * 86_400_000;
  const receiver = await startMemoryReceiver({ clock: new FakeClock(clock.now() + ahead) });
  t.after(() => receiver.close());
  const rig: Rig = await startRig(t, {
    receiver,
    clock,
    uploader: {
      onEvent: (event) => {
        rig.events.push(event);
        if (event.kind === 'clock' && rig.target !== undefined) {
          rig.target = { ...rig.target, deltaMs: event.now - clock.now() };
        }
      },
    },
  });
  await rig.write(5);
  await rig.flush();
  await assertAllArrived(rig.auditDir, receiver);
  assert.deepEqual(receiver.errors, ['clock']);
  const [event] = rig.events;
  assert.ok(event?.kind === 'clock' && event.now > ahead && rig.events.length === 1);
});

test('a time that nobody believes is a failure, not a loop', async (t) => {
  const clock = new FakeClock();
  const receiver = await startMemoryReceiver({ clock: new FakeClock(0) });
  t.after(() => receiver.close());
  const rig = await startRig(t, { receiver, clock });
  await rig.write(5);
  await runOnce(rig);
  assert.deepEqual(receiver.errors, ['clock', 'clock']);
  assert.equal(rig.uploader.status().lastError, 'clock');
});

test('a server that does not know the key is left alone until there is another one', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  await rig.write(5);
  const { target } = rig;
  assert.ok(target !== undefined);
  rig.target = { ...target, keyid: 'A'.repeat(43) };
  await runOnce(rig);
  assert.deepEqual([rig.uploader.status().state, rig.events], ['refused', [{ kind: 'reenroll' }]]);
  rig.target = target;
  await rig.flush();
  await assertAllArrived(rig.auditDir, receiver);
});

test('Retry-After is obeyed', async (t) => {
  const { receiver, rig, clock } = await startInMemory(t);
  await rig.write(5);
  receiver.instead = () => ({ status: 429, body: { error: 'rate', message: '' }, headers: { 'retry-after': '100' } });
  await runOnce(rig);
  receiver.instead = () => undefined;
  rig.uploader.flushNow();
  await clock.advanceAsync(79_000);
  assert.equal(receiver.batches.length, 1);
  await rig.until(() => rig.uploader.status().state === 'idle' && rig.uploader.status().rows === 0);
  await assertAllArrived(rig.auditDir, receiver);
});

test('the answer to a batch that was larger than what is sent now is believed', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  await rig.write(400);
  receiver.instead = () => 'lost';
  await runOnce(rig);
  await runOnce(rig);
  receiver.instead = () => undefined;
  const before = receiver.batches.length;
  await rig.flush();
  assert.deepEqual(
    receiver.batches.slice(before).map(({ rows }) => rows.length),
    [125],
    'stored whole at the first try; one smaller batch brings the answer of all',
  );
  assertAcknowledged(rig);
});

test('what was acknowledged and forgotten here is sent again and stored once', async (t) => {
  const { receiver, rig } = await startInMemory(t);
  await rig.write(20);
  await rig.flush();
  writeFileSync(`${rig.orgDir}/upload.json`, '{"v":1,"epochs":{"x"');
  await rig.restart();
  await rig.flush();
  assert.equal(receiver.repeated, 21);
  assertAcknowledged(rig);
});
