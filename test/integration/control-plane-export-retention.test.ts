// SPDX-License-Identifier: Apache-2.0
// Rows that retention wants to delete and an export has still to send, and when somebody is told.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportedUpTo, superviseExports } from '../../src/control-plane/exports/waiting.ts';
import { DAY_MS, ensureDays } from '../../src/control-plane/ingest/day-partitions.ts';
import { applyRetention } from '../../src/control-plane/retention/delete-old.ts';
import { ORG } from '../fakes/control-plane-org.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { idsIn, NAME, ocsfWorld, toReceiver } from '../fakes/ocsf-export.ts';

onEachDatabase((freshUrl) => {
  test('rows wait for their export beyond their retention, at most as long again; then it is an alarm', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    const { ctx, clock } = world;
    const days = 10;
    await world.set([toReceiver(receiver)], { retention: { metadata_days: days } });
    receiver.answer = () => ({ status: 503 });
    const retain = async () => await applyRetention(ctx, { exportedUpTo: (org) => exportedUpTo(ctx, org) });
    const pass = async (count: number): Promise<void> => {
      for (let day = 0; day < count; day += 1) {
        clock.jumpWall(DAY_MS);
        await ensureDays(ctx);
      }
    };
    await world.events(9);
    await world.run(NAME);
    await pass(2);
    await superviseExports(ctx);
    assert.deepEqual(await world.alarms(), ['export-behind:lake']);
    await superviseExports(ctx);
    await world.events(4);
    await pass(days - 1);
    await retain();
    assert.equal((await world.ids()).length, 15);
    // One day short of twice as long.
    await pass(days - 1);
    await retain();
    assert.equal((await world.ids()).length, 15);
    await pass(1);
    await retain();
    assert.equal((await world.ids()).length, 5);
    assert.deepEqual(await world.alarms(), ['export-behind:lake', 'export-behind:lake:lost']);
    const lost = ctx.db.query.selectFrom('alarm').select('detail').where('key', '=', 'export-behind:lake:lost');
    assert.equal(JSON.parse((await lost.executeTakeFirstOrThrow()).detail).days, 2 * days);
    receiver.answer = () => ({});
    receiver.requests.length = 0;
    await world.run(NAME);
    assert.deepEqual(idsIn(receiver.requests), await world.ids());
    await superviseExports(ctx);
    assert.deepEqual(await world.alarms(), ['export-behind:lake:lost']);
    await retain();
    assert.equal((await world.ids()).length, 0);
  });

  test('rows that were sent go when their time has come; without an export, too', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    const { ctx } = world;
    const other = toReceiver(receiver, { name: 'few', kinds: ['gap'] });
    await world.set([toReceiver(receiver), other], { retention: { metadata_days: 1 } });
    await world.events(3);
    assert.notEqual(await exportedUpTo(ctx, ORG), undefined);
    await world.run(NAME);
    assert.equal(await exportedUpTo(ctx, ORG), undefined);
    await world.set([], { retention: { metadata_days: 1 } });
    assert.equal(await exportedUpTo(ctx, ORG), undefined);
    world.clock.jumpWall(3 * DAY_MS);
    await applyRetention(ctx, { exportedUpTo: (org) => exportedUpTo(ctx, org) });
    assert.deepEqual(await world.ids(), []);
  });

  test('an export that has just begun with old rows is not behind', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    await world.events(3);
    world.clock.jumpWall(20 * DAY_MS);
    await superviseExports(world.ctx);
    assert.deepEqual(await world.alarms(), []);
    receiver.answer = () => ({ status: 500 });
    await world.run(NAME);
    assert.deepEqual([(await world.state(NAME)).waiting, (await world.state(NAME)).behind_ms], [4, 0]);
    await superviseExports(world.ctx);
    assert.deepEqual(await world.alarms(), []);
    world.clock.jumpWall(DAY_MS + 1);
    await superviseExports(world.ctx);
    assert.deepEqual(await world.alarms(), ['export-behind:lake']);
  });
});
