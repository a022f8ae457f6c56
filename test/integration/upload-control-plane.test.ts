// SPDX-License-Identifier: Apache-2.0
// Invariants A4 and A8 with both real ends: the uploader over an audit log, and the control plane on each of its databases.

import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { receiptPayload } from '../../src/contract/sync/objects.ts';
import { rootInForce } from '../../src/control-plane/orgs/root-store.ts';
import { parsePayload } from '../../src/protocol/payload.ts';
import { verifyObject } from '../../src/protocol/signed-object.ts';
import { listQueueFiles } from '../../src/proxy/audit/folder.ts';
import { readAcknowledged } from '../../src/proxy/upload/acknowledged.ts';
import { type RealReceiver, startControlPlaneReceiver } from '../fakes/audit-control-plane.ts';
import { temporaryFolder } from '../fakes/audit-rows.ts';
import { FakeClock } from '../fakes/clock.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { type Rig, rowsOnDisk, startRig, writeEvents } from './upload-kit.ts';
import { arrivesOnce, NETWORKS, SEEDS } from './upload-networks.ts';

onEachDatabase((freshUrl) => {
  for (const [name, network] of Object.entries(NETWORKS)) {
    for (const seed of SEEDS) {
      test(`${name}: every row arrives exactly once (seed ${seed})`, async (t) => {
        const database = await freshUrl();
        const start = (options: Parameters<typeof startControlPlaneReceiver>[1]) =>
          startControlPlaneReceiver(database, options);
        const { rig, receiver } = await arrivesOnce(t, start, network, seed);
        await assertReceipts(rig, receiver);
        assert.deepEqual(await alarms(receiver), []);
      });
    }
  }

  async function start(t: TestContext): Promise<{ clock: FakeClock; receiver: RealReceiver; dir: string }> {
    const clock = new FakeClock();
    const receiver = await startControlPlaneReceiver(await freshUrl(), { clock });
    t.after(() => receiver.close());
    return { clock, receiver, dir: temporaryFolder(t) };
  }

  test('a disk that was put back to an older state is a fork to both', async (t) => {
    const { clock, receiver, dir } = await start(t);
    const rig = await startRig(t, { receiver, clock, dir });
    await writeEvents(rig, 10, 'a');
    await rig.log.close();
    cpSync(join(dir, 'audit'), join(dir, 'copy'), { recursive: true });
    const next = await startRig(t, { receiver, clock, dir });
    await writeEvents(next, 10, 'b');
    await next.flush();
    await next.uploader.close();
    await next.log.close();
    rmSync(join(dir, 'audit'), { recursive: true });
    cpSync(join(dir, 'copy'), join(dir, 'audit'), { recursive: true });
    const back = await startRig(t, { receiver, clock, dir });
    await writeEvents(back, 15, 'c');
    await back.flush();
    const [epoch = ''] = rowsOnDisk(back.auditDir).keys();
    assert.deepEqual(back.events, [{ kind: 'fork', epoch, seq: 12 }]);
    assert.deepEqual(await alarms(receiver), ['fork']);
  });

  test('a row that was changed on the disk is told to both, and does not hold up the others', async (t) => {
    const { clock, receiver, dir } = await start(t);
    const rig = await startRig(t, { receiver, clock, dir, log: { fileBytes: 64 * 1024 } });
    const { target } = rig;
    rig.target = undefined;
    while (rowsOnDisk(rig.auditDir).size < 2) await writeEvents(rig, 100, 'a');
    const [[epoch, before] = ['', []]] = rowsOnDisk(rig.auditDir);
    onDisk(rig.auditDir, epoch, 'UPDATE rows SET body = \'{"event":"stopped","kind":"event"}\' WHERE seq = 50');
    rig.target = target;
    await rig.flush();
    assert.deepEqual(rig.events, [{ kind: 'quarantined', epoch, seq: 50 }]);
    assert.deepEqual(await alarms(receiver), ['chain-break', 'quarantined']);
    const stored = await receiver.stored(epoch);
    assert.deepEqual(
      stored,
      before.map((row) => (row.seq === 50 ? { ...row, body: null } : row)),
    );
  });

  test('rows that are gone from the disk are an alarm, and those behind them arrive', async (t) => {
    const { clock, receiver, dir } = await start(t);
    const rig = await startRig(t, { receiver, clock, dir, log: { fileBytes: 64 * 1024 } });
    const { target } = rig;
    rig.target = undefined;
    while (rowsOnDisk(rig.auditDir).size < 2) await writeEvents(rig, 100, 'a');
    const [epoch = ''] = rowsOnDisk(rig.auditDir).keys();
    onDisk(rig.auditDir, epoch, 'DELETE FROM rows WHERE seq BETWEEN 20 AND 29');
    rig.target = target;
    await rig.flush();
    assert.deepEqual(rig.events, [{ kind: 'lost', epoch, from: 20, to: 29, reason: 'missing' }]);
    assert.deepEqual(await alarms(receiver), ['gap']);
    assert.deepEqual(await receiver.stored(epoch), rowsOnDisk(rig.auditDir).get(epoch));
  });
});

/** What somebody does to a closed file. */
function onDisk(auditDir: string, epoch: string, sql: string): void {
  const file = listQueueFiles(auditDir).find((one) => one.epoch === epoch);
  const db = new Database(file?.path);
  db.exec(sql);
  db.close();
}

async function alarms({ plane }: RealReceiver): Promise<readonly string[]> {
  const raised = await plane.ctx.db.query.selectFrom('alarm').select('kind').orderBy('kind').execute();
  return raised.map(({ kind }) => kind);
}

/** Each receipt that the device keeps is signed by the organisation, for this device and what it says. */
async function assertReceipts({ orgDir }: Rig, { plane, device }: RealReceiver): Promise<void> {
  const { keys } = await rootInForce(plane.ctx.db.query, plane.org);
  const acknowledged = readAcknowledged(orgDir);
  assert.ok(acknowledged !== undefined && acknowledged.size > 3);
  for (const [epoch, { seq, hash, receipt }] of acknowledged) {
    const verified = await verifyObject('receipt', receipt, keys.receipt);
    assert.ok(verified.ok);
    const payload = parsePayload(receiptPayload, verified.payload);
    assert.deepEqual({ ...payload, at: 0 }, { v: 1, org: plane.org, device, epoch, seq, hash, at: 0 });
  }
}
