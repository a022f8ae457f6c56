// SPDX-License-Identifier: Apache-2.0
// What goes and what stays at a real database: rows by age, held rows, rows that an export has still to read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAdminLog } from '../../src/control-plane/admin-log/read.ts';
import { DAY_MS, dayOf, listDays } from '../../src/control-plane/ingest/day-partitions.ts';
import { storeBatch } from '../../src/control-plane/ingest/store-batch.ts';
import { applyRetention } from '../../src/control-plane/retention/delete-old.ts';
import { listHolds, placeHold, releaseHold } from '../../src/control-plane/retention/holds.ts';
import { verifyStored } from '../../src/control-plane/search/chain-state.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { DeviceLog } from '../fakes/device-log.ts';
import { type Stage, stage } from '../fakes/ingest-stage.ts';
import { turnsDuring } from '../fakes/turns.ts';

const ADA = { name: 'user:ada', role: 'auditor' };

interface Plan extends Stage {
  /** Numbers of stored rows by device name. */
  left(): Promise<Readonly<Record<string, readonly number[]>>>;
}

/** Ten rows a day on three days, of two devices of `acme` (365 days) and one of `brief` (10 days). */
async function threeDays(
  test: Parameters<typeof stage>[0],
  url: string,
): Promise<Plan & { readonly logs: readonly DeviceLog[] }> {
  const one = await stage(test, url);
  await one.addOrg('brief', { settings: '{"retention":{"metadata_days":10}}' });
  const devices = [
    one.device,
    await one.addDevice('acme', { name: 'laptop-2' }),
    await one.addDevice('brief', { name: 'laptop-3' }),
  ];
  const logs = devices.map(() => DeviceLog.begin().fill(9));
  for (let day = 0; day < 3; day += 1) {
    for (const [index, device] of devices.entries()) {
      const log = logs[index] ?? assert.fail('no log');
      if (day > 0) log.fill(10);
      assert.ok((await storeBatch(one.ctx, device, log.batch(day * 10 + 1))).ok);
    }
    one.clock.jumpWall(DAY_MS);
  }
  const names = new Map(devices.map(({ id, name }) => [id, name]));
  return {
    ...one,
    logs,
    left: async () => {
      const rows = await one.ctx.db.query.selectFrom('audit').select(['device', 'seq']).orderBy('seq').execute();
      const ids = [...new Set(rows.map(({ device }) => device))];
      const ofDevice = (id: string) => rows.filter(({ device }) => device === id).map(({ seq }) => seq);
      return Object.fromEntries(ids.map((id) => [names.get(id), ofDevice(id)]));
    },
  };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

onEachDatabase((freshUrl, kind) => {
  test('rows go when their organisation keeps them no longer, not before and no others', async (t) => {
    const one = await threeDays(t, await freshUrl());
    // Day 3 it is. The first day is ten whole days old on day 11.
    one.clock.jumpWall(7 * DAY_MS);
    assert.deepEqual(await applyRetention(one.ctx), { rows: 0, days: 0 });
    one.clock.jumpWall(DAY_MS);
    assert.deepEqual(await applyRetention(one.ctx), { rows: 10, days: 0 });
    assert.deepEqual(await one.left(), {
      'laptop-1': numbers(1, 30),
      'laptop-2': numbers(1, 30),
      'laptop-3': numbers(11, 30),
    });
    const { rows } = await readAdminLog(one.ctx, 'brief', {}, { limit: 1 });
    assert.deepEqual([rows[0]?.actor, rows[0]?.action], ['system', 'retention.delete']);
    assert.deepEqual(JSON.parse(rows[0]?.body ?? '').detail.rows, 10);
    one.clock.jumpWall(DAY_MS);
    await applyRetention(one.ctx);
    assert.deepEqual((await one.left())['laptop-3'], numbers(21, 30));
    one.clock.jumpWall(354 * DAY_MS);
    await applyRetention(one.ctx);
    assert.deepEqual(await one.left(), { 'laptop-1': numbers(11, 30), 'laptop-2': numbers(11, 30) });
  });

  test('what was deleted is known to a repeat and is not stored again', async (t) => {
    const one = await threeDays(t, await freshUrl());
    one.clock.jumpWall(363 * DAY_MS);
    await applyRetention(one.ctx);
    const [log] = one.logs;
    assert.ok(log !== undefined);
    const result = await one.send(log.batch(1, 15));
    assert.deepEqual(result.ok && result.ack, log.end);
    assert.deepEqual((await one.left())['laptop-1'], numbers(11, 30));
    assert.deepEqual(await verifyStored(one.ctx, 'acme', one.device.id, log.epoch), {
      rows: 20,
      quarantined: 0,
      holes: [{ from: 1, to: 10 }],
      broken: undefined,
    });
    assert.deepEqual(await one.alarms(), []);
  });

  test('rows that a wrong clock of the server put into other days keep no others', async (t) => {
    const one = await stage(t, await freshUrl());
    const send = async (log: DeviceLog) => assert.ok((await one.send(log.batch(1))).ok);
    for (const days of [1_000, 100, -500]) {
      one.clock.jumpWall(days * DAY_MS);
      await send(DeviceLog.begin());
      one.clock.jumpWall(-days * DAY_MS);
    }
    await send(DeviceLog.begin().fill(4));
    await applyRetention(one.ctx);
    assert.equal((await one.rows()).length, 7);
    // The row of day 100 is of today's past by now, and stays.
    one.clock.jumpWall(400 * DAY_MS);
    await applyRetention(one.ctx);
    assert.deepEqual(
      (await one.rows()).map(({ seq }) => seq),
      [1, 1],
    );
    one.clock.jumpWall(66 * DAY_MS);
    await applyRetention(one.ctx);
    assert.equal((await one.rows()).length, 1);
  });

  if (kind === 'sqlite') {
    test('others have a turn between slices, also where all rows are held', async (t) => {
      const one = await stage(t, await freshUrl());
      const log = DeviceLog.begin().fill(1_999);
      for (let from = 1; from < log.rows.length; from += 500)
        assert.ok((await one.send(log.batch(from, from + 499))).ok);
      one.clock.jumpWall(400 * DAY_MS);
      const hold = { from: 0, to: one.clock.now(), reason: 'a case' };
      const id = await placeHold(one.ctx, 'acme', hold, ADA);
      assert.ok((await turnsDuring(() => applyRetention(one.ctx))) >= 2);
      assert.equal((await one.rows()).length, 2_000);
      await releaseHold(one.ctx, 'acme', id, ADA);
      assert.ok((await turnsDuring(() => applyRetention(one.ctx))) >= 2);
      assert.equal((await one.rows()).length, 0);
    });
  }

  if (kind === 'postgres') {
    test('a day that nobody keeps is dropped as a whole', async (t) => {
      const one = await threeDays(t, await freshUrl());
      const first = dayOf(one.clock.now()) - 3;
      one.clock.jumpWall(363 * DAY_MS);
      const before = await listDays(one.ctx.db.query);
      assert.deepEqual(await applyRetention(one.ctx), { rows: 20, days: 1 });
      assert.deepEqual(
        await listDays(one.ctx.db.query),
        before.filter((day) => day !== first),
      );
      for (const org of ['acme', 'brief']) {
        const { rows } = await readAdminLog(one.ctx, org, { action: 'retention.delete' }, { limit: 9 });
        assert.ok(
          rows.some(({ body }) => JSON.parse(body).detail.day === first),
          org,
        );
      }
    });

    test('a day that is in use just now is dropped the next time', async (t) => {
      const one = await threeDays(t, await freshUrl());
      one.clock.jumpWall(363 * DAY_MS);
      await one.ctx.db.transaction(async (tx) => {
        await tx.selectFrom('audit').select('id').limit(1).execute();
        assert.equal((await applyRetention(one.ctx)).days, 0);
      });
      assert.deepEqual((await one.left())['laptop-1'], numbers(11, 30));
      assert.equal((await applyRetention(one.ctx)).days, 1);
    });
  }

  test('held rows stay until they are released: of one device, or all, by either time', async (t) => {
    const one = await threeDays(t, await freshUrl());
    const start = one.clock.now() - 3 * DAY_MS;
    const [log] = one.logs;
    assert.ok(log !== undefined);
    const at = (seq: number) => log.rows[seq - 1]?.at ?? assert.fail('no row');
    const reason = 'case 17';
    const place = (hold: { device?: string; from: number; to: number }) =>
      placeHold(one.ctx, 'acme', { ...hold, reason }, ADA);
    const byTime = await place({ device: one.device.id, from: at(4), to: at(6) });
    // The third device's organisation is another one: its rows of that day go.
    const byArrival = await place({ from: start + DAY_MS, to: start + DAY_MS });
    one.clock.jumpWall(400 * DAY_MS);
    await applyRetention(one.ctx);
    const held = { 'laptop-1': [4, 5, 6, ...numbers(11, 20)], 'laptop-2': numbers(11, 20) };
    assert.deepEqual(await one.left(), held);
    await applyRetention(one.ctx);
    assert.deepEqual(await one.left(), held);
    await assert.rejects(releaseHold(one.ctx, 'brief', byTime, ADA), { why: 'missing' });
    await releaseHold(one.ctx, 'acme', byTime, ADA);
    await assert.rejects(releaseHold(one.ctx, 'acme', byTime, ADA), { why: 'missing' });
    await applyRetention(one.ctx);
    assert.deepEqual(await one.left(), { 'laptop-1': numbers(11, 20), 'laptop-2': numbers(11, 20) });
    await releaseHold(one.ctx, 'acme', byArrival, ADA);
    await applyRetention(one.ctx);
    assert.deepEqual(await one.left(), {});
    if (kind === 'postgres')
      assert.deepEqual(
        (await listDays(one.ctx.db.query)).filter((day) => day <= dayOf(start) + 2),
        [],
      );
    assert.deepEqual(
      (await listHolds(one.ctx, 'acme')).map(({ reason, released }) => [reason, released !== null]),
      [
        [reason, true],
        [reason, true],
      ],
    );
    assert.deepEqual(await listHolds(one.ctx, 'brief'), []);
    const { rows } = await readAdminLog(one.ctx, 'acme', { actor: ADA.name }, { limit: 9 });
    assert.deepEqual(
      rows.map(({ action }) => action),
      ['hold.release', 'hold.release', 'hold.place', 'hold.place'],
    );
  });

  test('a hold without a reason, a range or a known device is refused', async (t) => {
    const one = await threeDays(t, await freshUrl());
    const good = { from: 1, to: 2, reason: 'case 17' };
    await assert.rejects(placeHold(one.ctx, 'acme', { ...good, reason: '' }, ADA), { why: 'invalid' });
    await assert.rejects(placeHold(one.ctx, 'acme', { ...good, to: 0 }, ADA), { why: 'invalid' });
    await assert.rejects(placeHold(one.ctx, 'brief', { ...good, device: one.device.id }, ADA), { why: 'missing' });
    assert.deepEqual(await listHolds(one.ctx, 'acme'), []);
  });

  test('rows that an export has still to read stay', async (t) => {
    const one = await threeDays(t, await freshUrl());
    const rows = await one.ctx.db.query
      .selectFrom('audit')
      .select('id')
      .where('org', '=', 'acme')
      .orderBy('id')
      .execute();
    const read = rows[14]?.id ?? assert.fail('no row');
    one.clock.jumpWall(400 * DAY_MS);
    await applyRetention(one.ctx, { exportedUpTo: async (org) => (org === 'acme' ? read : undefined) });
    assert.deepEqual(await one.left(), { 'laptop-1': numbers(11, 30), 'laptop-2': numbers(6, 30) });
  });

  test('more rows than are deleted at a time', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin().fill(2_499);
    for (let from = 1; from < 2_500; from += 500) assert.ok((await one.send(log.batch(from, from + 499))).ok);
    await placeHold(one.ctx, 'acme', { from: log.rows[0]?.at ?? 0, to: log.rows[9]?.at ?? 0, reason: 'case 17' }, ADA);
    one.clock.jumpWall(400 * DAY_MS);
    assert.equal((await applyRetention(one.ctx)).rows, 2_490);
    assert.equal((await one.rows()).length, 10);
  });
});
