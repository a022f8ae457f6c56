// SPDX-License-Identifier: Apache-2.0
// A device that enrols again is another one to the control plane: its history goes on all the same, with nothing stored twice, nothing
// missed and no false alarm. Both real ends.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { requestReenrolment } from '../../src/control-plane/devices/acts.ts';
import { verifyStored } from '../../src/control-plane/search/chain-state.ts';
import { listQueueFiles } from '../../src/proxy/audit/folder.ts';
import { readAcknowledged } from '../../src/proxy/upload/acknowledged.ts';
import { RECEIVER_SERIAL, type RealReceiver, startControlPlaneReceiver } from '../fakes/audit-control-plane.ts';
import { FakeClock } from '../fakes/clock.ts';
import { TESTER } from '../fakes/control-plane.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { assertAcknowledged, type Rig, rowsOnDisk, startRig, writeEvents } from './upload-kit.ts';

onEachDatabase((freshUrl) => {
  /** A device that has sent three files, the last of them not full. */
  async function start(t: TestContext): Promise<{ readonly receiver: RealReceiver; readonly rig: Rig }> {
    const clock = new FakeClock();
    const receiver = await startControlPlaneReceiver(await freshUrl(), { clock });
    t.after(() => receiver.close());
    const rig = await startRig(t, { receiver, clock, log: { fileBytes: 64 * 1024 } });
    while (rowsOnDisk(rig.auditDir).size < 3) await writeEvents(rig, 100, 'a');
    await rig.flush();
    return { receiver, rig };
  }

  /** The administrator asks for it; the machine is known again by its serial number, unless another one is given. */
  async function enrolAgain({ plane, device }: RealReceiver, rig: Rig, serial = RECEIVER_SERIAL): Promise<string> {
    await requestReenrolment(plane.ctx, plane.org, device, TESTER);
    const again = await plane.enrolled({ facts: { serial } });
    assert.ok(rig.target !== undefined);
    rig.target = { ...rig.target, device: again.id, key: again.keys.sign, keyid: again.keys.kid };
    return again.id;
  }

  /** Devices of each stored row, by epoch and seq. */
  async function stored({ plane }: RealReceiver): Promise<ReadonlyMap<string, readonly string[]>> {
    const rows = await plane.ctx.db.query.selectFrom('audit').select(['device', 'epoch', 'seq']).execute();
    const by = Map.groupBy(rows, ({ epoch, seq }) => `${epoch} ${seq}`);
    return new Map([...by].map(([key, found]) => [key, found.map(({ device }) => device)]));
  }

  const onDisk = (rig: Rig): readonly string[] =>
    [...rowsOnDisk(rig.auditDir)].flatMap(([epoch, rows]) => rows.map(({ seq }) => `${epoch} ${seq}`));

  async function alarms({ plane }: RealReceiver): Promise<readonly string[]> {
    const raised = await plane.ctx.db.query.selectFrom('alarm').select('kind').orderBy('kind').execute();
    return raised.map(({ kind }) => kind);
  }

  test('it goes on behind what is stored of the device that it was, in the same epoch and in the next', async (t) => {
    const { receiver, rig } = await start(t);
    const before = await stored(receiver);
    // The oldest file is past its retention.
    const [oldest] = listQueueFiles(rig.auditDir);
    for (const end of ['', '-wal', '-shm']) rmSync(`${oldest?.path}${end}`, { force: true });
    const again = await enrolAgain(receiver, rig);
    const files = rowsOnDisk(rig.auditDir).size;
    while (rowsOnDisk(rig.auditDir).size < files + 2) await writeEvents(rig, 100, 'b');
    await rig.flush();
    const after = await stored(receiver);
    for (const row of onDisk(rig)) {
      assert.deepEqual(after.get(row), before.has(row) ? [receiver.device] : [again], `${row} is stored once`);
    }
    assert.deepEqual(await alarms(receiver), []);
    assert.deepEqual(rig.events, []);
    assertAcknowledged(rig);
    assert.ok([...(readAcknowledged(rig.orgDir) ?? [])].every(([, { device }]) => device === again));
    const { ctx, org } = receiver.plane;
    for (const epoch of rowsOnDisk(rig.auditDir).keys()) {
      assert.equal((await verifyStored(ctx, org, again, epoch))?.broken, undefined);
    }
  });

  test('it does so without a word of what was acknowledged, and twice over', async (t) => {
    const { receiver, rig } = await start(t);
    const before = await stored(receiver);
    await enrolAgain(receiver, rig);
    const again = await enrolAgain({ ...receiver, device: rig.target?.device ?? '' }, rig);
    rmSync(join(rig.orgDir, 'upload.json'));
    await rig.restart();
    await writeEvents(rig, 5, 'b');
    await rig.flush();
    const after = await stored(receiver);
    for (const row of onDisk(rig)) {
      assert.deepEqual(after.get(row), before.has(row) ? [receiver.device] : [again], `${row} is stored once`);
    }
    assert.deepEqual(await alarms(receiver), []);
    assertAcknowledged(rig);
  });

  test('a machine that is not known again sends all that it has, as the new device', async (t) => {
    const { receiver, rig } = await start(t);
    const again = await enrolAgain(receiver, rig, 'ANOTHER');
    await writeEvents(rig, 5, 'b');
    await rig.flush();
    const after = await stored(receiver);
    for (const row of onDisk(rig)) assert.ok(after.get(row)?.includes(again), row);
    assert.deepEqual(await alarms(receiver), []);
    assertAcknowledged(rig);
  });
});
