// SPDX-License-Identifier: Apache-2.0
// Alarms at a real database: what a device's history gives away (an old disk, a removed file, a gap), what people do with alarms, and
// devices that went silent.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditBatch } from '../../src/contract/sync/messages.ts';
import { readAdminLog } from '../../src/control-plane/admin-log/read.ts';
import { acknowledgeAlarm, closeAlarm, listAlarms } from '../../src/control-plane/alarms/handle.ts';
import { raiseAlarm } from '../../src/control-plane/alarms/raise.ts';
import { findSilent } from '../../src/control-plane/alarms/silent.ts';
import { noteClaimed } from '../../src/control-plane/ingest/claimed.ts';
import { storeBatch } from '../../src/control-plane/ingest/store-batch.ts';
import { verifyStored } from '../../src/control-plane/search/chain-state.ts';
import { openControlPlane } from '../fakes/control-plane-context.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { DeviceLog } from '../fakes/device-log.ts';
import { type Stage, stage } from '../fakes/ingest-stage.ts';

const DAY_MS = 86_400_000;

/** A device of which 80 rows are stored. */
async function withHistory(one: Stage): Promise<DeviceLog> {
  const log = DeviceLog.begin().fill(79);
  assert.ok((await one.send(log.batch(1))).ok);
  return log;
}

async function detailOf(one: Stage, kind: string): Promise<unknown> {
  const { detail } = await one.ctx.db.query
    .selectFrom('alarm')
    .select('detail')
    .where('kind', '=', kind)
    .executeTakeFirstOrThrow();
  return JSON.parse(detail);
}

onEachDatabase((freshUrl) => {
  test('fork: an old copy of the file that is written on', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = await withHistory(one);
    const copy = log.copyAt(50).add({ kind: 'event', event: 'stopped' }).fill(40);
    assert.deepEqual(await one.send(copy.batch(41, 60)), { ok: false, error: 'fork', seq: 51 });
    assert.deepEqual(await one.send(copy.batch(71, 75)), { ok: false, error: 'fork', seq: 70 }, 'by the row before it');
    assert.deepEqual(await one.send(copy.batch(81)), { ok: false, error: 'fork', seq: 80 }, 'by the head');
    assert.deepEqual(await one.alarms(), ['fork']);
    assert.deepEqual(await detailOf(one, 'fork'), { epoch: log.epoch, seq: 80, stored: 80 });
    assert.equal((await one.rows()).length, 80);
  });

  test('fork: an old copy under the keys of a device that enrolled again, whose rows are then all its own', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = await withHistory(one);
    const again = await one.addDevice('acme', { replaces: one.device.id });
    const send = (batch: AuditBatch) => storeBatch(one.ctx, again, batch);
    const copy = log.copyAt(50).add({ kind: 'event', event: 'stopped' }).fill(40);
    const nothing = { seq: 0, hash: '0'.repeat(64) };
    assert.deepEqual(await send(copy.batch(71, 75)), { ok: false, error: 'behind', ack: nothing });
    assert.deepEqual(await one.alarms(), ['fork']);
    assert.ok((await send(copy.batch(1, 40))).ok);
    const last = await send(copy.batch(41));
    assert.ok(last.ok && last.ack.seq === 91);
    const { rows } = (await verifyStored(one.ctx, 'acme', again.id, log.epoch)) ?? {};
    assert.deepEqual([rows, (await one.rows()).length], [91, 80]);
  });

  test('restored and missing rows are told of a device that enrolled again, too', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = await withHistory(one);
    const again = await one.addDevice('acme', { replaces: one.device.id });
    const send = (batch: AuditBatch) => storeBatch(one.ctx, again, batch);
    assert.ok((await send(DeviceLog.begin(log.copyAt(50).end).fill(3).batch(1))).ok);
    assert.deepEqual(await one.alarms(), ['restored']);
    assert.ok((await send(DeviceLog.begin(log.fill(5).end).fill(3).batch(1))).ok);
    assert.deepEqual(await one.alarms(), ['missing-rows', 'restored']);
    assert.deepEqual(await detailOf(one, 'missing-rows').then((detail) => (detail as { from: number }).from), 81);
  });

  test('nobody goes on with the history of a device of another organisation, nor of one that it does not replace', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = await withHistory(one);
    await one.addOrg('other');
    const foreign = await one.addDevice('other', { replaces: one.device.id });
    const beside = await one.addDevice('acme');
    for (const device of [foreign, beside]) {
      const answer = await storeBatch(one.ctx, device, log.batch(80));
      assert.deepEqual(answer, { ok: false, error: 'behind', ack: { seq: 0, hash: '0'.repeat(64) } });
    }
  });

  test('epoch reset: the folder was emptied', async (t) => {
    const one = await stage(t, await freshUrl());
    await withHistory(one);
    assert.ok((await one.send(DeviceLog.begin().fill(3).batch(1))).ok);
    assert.deepEqual(await one.alarms(), ['epoch-reset']);
  });

  test('epoch reset: a first row that is none', async (t) => {
    const one = await stage(t, await freshUrl());
    await withHistory(one);
    assert.ok((await one.send(new DeviceLog().fill(3).batch(1))).ok);
    assert.deepEqual(await one.alarms(), ['epoch-reset']);
  });

  test('restored: an old file was put back, and a new one begun behind it', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = await withHistory(one);
    assert.ok((await one.send(DeviceLog.begin(log.copyAt(50).end).batch(1))).ok);
    assert.deepEqual(await one.alarms(), ['restored']);
  });

  test('restored: the end of the old file is another row', async (t) => {
    const one = await stage(t, await freshUrl());
    const { hash: _, ...end } = (await withHistory(one)).end;
    assert.ok((await one.send(DeviceLog.begin({ ...end, hash: 'f'.repeat(64) }).batch(1))).ok);
    assert.deepEqual(await one.alarms(), ['restored']);
  });

  test('restored: a whole disk from before the newest file', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = await withHistory(one);
    const next = DeviceLog.begin(log.end).fill(20);
    assert.ok((await one.send(next.batch(1))).ok);
    assert.deepEqual(await one.alarms(), []);
    assert.ok((await one.send(DeviceLog.begin(log.end).fill(5).batch(1))).ok);
    assert.deepEqual(await one.alarms(), ['restored']);
  });

  test('missing rows: the file was deleted before its end was uploaded', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().fill(79);
    assert.ok((await one.send(log.batch(1, 60))).ok);
    const next = DeviceLog.begin(log.end, 'missing');
    assert.ok((await one.send(next.batch(1))).ok);
    assert.deepEqual(await one.alarms(), ['missing-rows']);
    assert.deepEqual(await detailOf(one, 'missing-rows'), {
      epoch: next.epoch,
      previous: log.epoch,
      said: 80,
      stored: 60,
      from: 61,
      to: 80,
    });
  });

  test('missing rows: a whole file of which nothing came', async (t) => {
    const one = await stage(t, await freshUrl());
    assert.ok((await one.send(DeviceLog.begin(DeviceLog.begin().fill(3).end).batch(1))).ok);
    assert.deepEqual(await one.alarms(), ['missing-rows']);
  });

  test('a device that behaves raises nothing: files that follow each other, and old ones that it removed after their upload', async (t) => {
    const one = await stage(t, await freshUrl());
    const first = await withHistory(one);
    const second = DeviceLog.begin(first.end).fill(10);
    assert.ok((await one.send(second.batch(1))).ok);
    const gone = { kind: 'gap', reason: 'retention', epoch: first.epoch, from_seq: 1, to_seq: 80, count: 80 };
    const third = DeviceLog.begin(second.end).add(gone).fill(2);
    assert.ok((await one.send(third.batch(1))).ok);
    assert.ok((await one.send(third.batch(1))).ok, 'and its repeat');
    assert.deepEqual(await one.alarms(), []);
    // But not one that says of more rows than came that they were removed as planned.
    assert.ok((await one.send(third.add({ ...gone, to_seq: 81 }).batch(5))).ok);
    assert.deepEqual(await one.alarms(), ['gap']);
  });

  test('a gap that the device tells of', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().add({ kind: 'gap', reason: 'disk-full', count: 17 });
    assert.ok((await one.send(log.batch(1))).ok);
    assert.deepEqual(await one.alarms(), ['gap']);
    assert.deepEqual(await detailOf(one, 'gap'), { epoch: log.epoch, seq: 2, reason: 'disk-full', rows: 17 });
  });

  test('rolled back: a status that knows of fewer rows than are stored', async (t) => {
    const one = await stage(t, await freshUrl());
    const { epoch } = await withHistory(one);
    const note = (seq: number) => one.ctx.db.transaction((tx) => noteClaimed(tx, one.ctx, one.device, { epoch, seq }));
    await note(70);
    assert.deepEqual(await one.alarms(), [], 'it may have been under way while rows came');
    one.clock.jumpWall(3_600_000);
    await note(80);
    await note(95);
    assert.deepEqual(await one.alarms(), []);
    const { claimed } = await one.ctx.db.query.selectFrom('epoch').select('claimed').executeTakeFirstOrThrow();
    assert.equal(claimed, 95);
    await note(79);
    assert.deepEqual(await one.alarms(), ['rolled-back']);
  });

  test('the same trouble is one alarm that counts, until it is closed; each act is in the log', async (t) => {
    const { ctx, clock, addOrg } = await openControlPlane(await freshUrl(), { test: t });
    await addOrg('acme');
    await addOrg('other');
    const raise = (org: string, n: number) =>
      ctx.db.transaction((tx) =>
        raiseAlarm(tx, ctx, { org, kind: 'gap', device: null, key: 'gap:x', detail: { n, text: 'a\0b' } }),
      );
    const alarms = async () => (await listAlarms(ctx, 'acme', {}, { limit: 10 })).alarms;
    await raise('acme', 1);
    await raise('other', 1);
    clock.jumpWall(1_000);
    await raise('acme', 2);
    const [first] = await alarms();
    assert.deepEqual(
      [first?.count, first?.detail, (first?.last ?? 0) - (first?.first ?? 0), first?.state],
      [2, '{"n":2,"text":"a\ufffdb"}', 1_000, 'open'],
    );
    const id = first?.id ?? assert.fail('no alarm');
    const asker = { name: 'user:ada', role: 'auditor' };
    await assert.rejects(acknowledgeAlarm(ctx, 'other', id, asker), { why: 'missing' });
    await acknowledgeAlarm(ctx, 'acme', id, asker);
    await assert.rejects(acknowledgeAlarm(ctx, 'acme', id, asker), { why: 'conflict' });
    await raise('acme', 3);
    assert.deepEqual(
      (await alarms()).map(({ state, count, handled_by }) => [state, count, handled_by]),
      [['acknowledged', 3, 'user:ada']],
    );
    await closeAlarm(ctx, 'acme', id, asker);
    await assert.rejects(closeAlarm(ctx, 'acme', id, asker), { why: 'conflict' });
    clock.jumpWall(1_000);
    await raise('acme', 4);
    assert.deepEqual(
      (await alarms()).map(({ state, count }) => [state, count]),
      [
        ['open', 1],
        ['closed', 3],
      ],
    );
    const { rows } = await readAdminLog(ctx, 'acme', {}, { limit: 10 });
    assert.deepEqual(
      rows.map(({ actor, action, target }) => [actor, action, target]),
      [
        ['user:ada', 'alarm.close', `alarm:${id}`],
        ['user:ada', 'alarm.acknowledge', `alarm:${id}`],
        ['system', 'log.begin', 'org:acme'],
      ],
    );
  });

  test('alarms are listed page by page, newest first, of one organisation only', async (t) => {
    const { ctx, clock, addOrg } = await openControlPlane(await freshUrl(), { test: t });
    await addOrg('acme');
    for (let n = 0; n < 7; n += 1) {
      // Two at a time have the same time.
      if (n % 2 === 0) clock.jumpWall(1_000);
      for (const org of ['acme', 'other']) {
        const alarm = { org, kind: n === 3 ? 'fork' : 'gap', device: `d-${n}`, key: `k:${n}`, detail: {} } as const;
        await ctx.db.transaction((tx) => raiseAlarm(tx, ctx, alarm));
      }
    }
    const seen: (string | null)[] = [];
    let before: string | undefined;
    do {
      const page = await listAlarms(ctx, 'acme', {}, { before, limit: 3 });
      seen.push(...page.alarms.map(({ device }) => device));
      before = page.next;
    } while (before !== undefined);
    assert.equal(seen[0], 'd-6');
    assert.deepEqual([...seen].sort(), ['d-0', 'd-1', 'd-2', 'd-3', 'd-4', 'd-5', 'd-6']);
    const forks = await listAlarms(ctx, 'acme', { kind: 'fork', state: 'open' }, { limit: 3 });
    assert.deepEqual(
      forks.alarms.map(({ device, org }) => [device, org]),
      [['d-3', 'acme']],
    );
    await assert.rejects(listAlarms(ctx, 'acme', {}, { before: "1.a' OR 1=1", limit: 3 }), { why: 'invalid' });
  });

  test('a silent device raises one alarm, which closes by itself when it is back', async (t) => {
    const { ctx, clock, addOrg, addDevice } = await openControlPlane(await freshUrl(), { test: t });
    await addOrg('acme');
    await addOrg('patient', { settings: '{"silent_days":30}' });
    const [quiet, back, gone] = [await addDevice('acme'), await addDevice('acme'), await addDevice('acme')];
    await addDevice('patient');
    await addDevice('acme', { state: 'revoked' });
    const states = async () => {
      const rows = await ctx.db.query.selectFrom('alarm').select(['device', 'state', 'count', 'kind']).execute();
      assert.ok(rows.every(({ kind, count }) => kind === 'silent' && count === 1));
      return Object.fromEntries(rows.map(({ device, state }) => [device, state]));
    };
    const see = (device: string, change: object) =>
      ctx.db.query.updateTable('device').set(change).where('id', '=', device).execute();
    clock.jumpWall(3 * DAY_MS);
    await findSilent(ctx);
    assert.deepEqual(await states(), {});
    clock.jumpWall(1);
    await findSilent(ctx);
    await findSilent(ctx);
    assert.deepEqual(await states(), { [quiet.id]: 'open', [back.id]: 'open', [gone.id]: 'open' });
    await see(back.id, { last_seen: clock.now() });
    await see(gone.id, { state: 'replaced' });
    await findSilent(ctx);
    assert.deepEqual(await states(), { [quiet.id]: 'open', [back.id]: 'closed', [gone.id]: 'closed' });
  });
});
