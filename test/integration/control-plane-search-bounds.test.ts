// SPDX-License-Identifier: Apache-2.0
// How much one search may take at a real database: how far back it looks, how many search at once, and that others are served meanwhile.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { verifyAdminLog } from '../../src/control-plane/admin-log/read.ts';
import { recordAdmin } from '../../src/control-plane/admin-log/record.ts';
import { DAY_MS } from '../../src/control-plane/ingest/day-partitions.ts';
import { verifyStored } from '../../src/control-plane/search/chain-state.ts';
import { exportRows } from '../../src/control-plane/search/export-rows.ts';
import type { RowFilter } from '../../src/control-plane/search/filter.ts';
import { searchRows } from '../../src/control-plane/search/search-rows.ts';
import { intentBody } from '../fakes/audit-rows.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { DeviceLog } from '../fakes/device-log.ts';
import { stage } from '../fakes/ingest-stage.ts';
import { turnsDuring } from '../fakes/turns.ts';

onEachDatabase((freshUrl, kind) => {
  test('a search without times looks 30 days back and says so; it goes further where it is told to', async (t) => {
    const one = await stage(t, await freshUrl());
    const log = DeviceLog.begin();
    for (const id of ['r1', 'r2', 'r3']) log.add(intentBody(id));
    assert.ok((await one.send(log.batch(1))).ok);
    const arrived = one.clock.now();
    one.clock.jumpWall(31 * DAY_MS);
    assert.ok((await one.send(log.add(intentBody('r9')).batch(log.rows.length))).ok);
    const now = one.clock.now();
    const find = async (filter: RowFilter, before?: string) => {
      const { rows, since } = await searchRows(one.ctx, 'acme', filter, { before, limit: 10 });
      return [rows.map(({ seq }) => seq), since];
    };
    const all = [5, 4, 3, 2, 1];
    assert.deepEqual(await find({}), [[5], now - 30 * DAY_MS]);
    assert.deepEqual(await find({ received_from: 0 }), [all, undefined]);
    assert.deepEqual(await find({ received_from: arrived }), [all, arrived]);
    assert.deepEqual(await find({ received_to: arrived + 1 }), [all.slice(1), arrived + 1 - 30 * DAY_MS]);
    // A device's clock may be ahead by a week.
    const from = log.rows[0]?.at ?? assert.fail('no row');
    assert.deepEqual(await find({ from }), [
      from - 7 * DAY_MS < arrived ? all : [5],
      Math.min(from - 7 * DAY_MS, now - 30 * DAY_MS),
    ]);
    assert.deepEqual(await find({ from: arrived - DAY_MS }), [all, arrived - 8 * DAY_MS]);
    assert.deepEqual((await find({ to: arrived }))[1], arrived - 30 * DAY_MS);
    // What an index finds is found whenever it arrived.
    assert.deepEqual(await find({ request: 'r1' }), [[2], undefined]);
    assert.deepEqual(await find({ decision: 'decision-of-r2' }), [[3], undefined]);
    assert.deepEqual(await find({ request: { prefix: 'r' } }), [[5], now - 30 * DAY_MS]);
  });

  test('a row from before the server’s clock was put right is found by its time of arrival', async (t) => {
    const one = await stage(t, await freshUrl());
    const [early, late] = [DeviceLog.begin().fill(1), DeviceLog.begin().fill(2)];
    one.clock.jumpWall(-400 * DAY_MS);
    assert.ok((await one.send(early.batch(1))).ok);
    one.clock.jumpWall(400 * DAY_MS);
    assert.ok((await one.send(late.batch(1))).ok);
    one.clock.jumpWall(-400 * DAY_MS);
    assert.ok((await one.send(DeviceLog.begin().batch(1))).ok);
    one.clock.jumpWall(400 * DAY_MS);
    const { rows } = await searchRows(one.ctx, 'acme', {}, { limit: 10 });
    assert.deepEqual(
      rows.map(({ epoch }) => epoch),
      [late.epoch, late.epoch, late.epoch],
    );
    assert.equal((await searchRows(one.ctx, 'acme', { received_from: 0 }, { limit: 10 })).rows.length, 6);
  });

  test('two search at once, eight wait, and whoever comes then is told to come again', async (t) => {
    const one = await stage(t, await freshUrl());
    assert.ok((await one.send(DeviceLog.begin().fill(5).batch(1))).ok);
    const searches = Array.from({ length: 11 }, () => searchRows(one.ctx, 'acme', {}, { limit: 10 }));
    const ends = await Promise.allSettled(searches);
    assert.deepEqual(
      ends.map(({ status }) => status),
      [...Array<string>(10).fill('fulfilled'), 'rejected'],
    );
    await assert.rejects(searches[10] ?? assert.fail(), { why: 'rate' });
    assert.equal((await searchRows(one.ctx, 'acme', {}, { limit: 10 })).rows.length, 6);
  });

  if (kind === 'sqlite') {
    test('others have a turn while many rows are searched, exported and checked', async (t) => {
      const one = await stage(t, await freshUrl());
      const log = DeviceLog.begin().fill(1_099);
      for (let from = 1; from < log.rows.length; from += 500) {
        assert.ok((await one.send(log.batch(from, Math.min(log.rows.length, from + 499)))).ok);
      }
      const { query } = one.ctx.db;
      // Numbers of rows are what a query is bounded by, and deleted rows leave holes.
      await query.updateTable('audit').set({ id: 40_000 }).where('seq', '=', 1_100).execute();
      const nothing = { model: 'nothing' };
      assert.ok((await turnsDuring(() => searchRows(one.ctx, 'acme', nothing, { limit: 10 }))) >= 8);
      assert.ok((await turnsDuring(() => Array.fromAsync(exportRows(one.ctx, 'acme', nothing)))) >= 8);
      assert.equal((await searchRows(one.ctx, 'acme', { kind: 'event' }, { limit: 500 })).rows.length, 500);
      assert.equal((await Array.fromAsync(exportRows(one.ctx, 'acme', {}))).join('').split('\n').length, 1_101);
      assert.ok((await turnsDuring(() => verifyStored(one.ctx, 'acme', one.device.id, log.epoch))) >= 3);
      const row = { kind: 'admin', actor: 'cli', action: 'a.b', target: 'x', result: 'done' } as const;
      for (let n = 0; n < 3; n += 1) await one.ctx.db.transaction((tx) => recordAdmin(tx, one.ctx, 'acme', row));
      assert.ok((await turnsDuring(() => verifyAdminLog(one.ctx, 'acme'))) >= 1);
    });
  } else {
    test('a search that takes too long ends, and says what to do', async (t) => {
      const one = await stage(t, await freshUrl());
      assert.ok((await one.send(DeviceLog.begin().fill(5).batch(1))).ok);
      await one.ctx.db.transaction(async (tx) => {
        // Stands for a query that takes long.
        await sql`LOCK TABLE audit IN ACCESS EXCLUSIVE MODE`.execute(tx);
        const search = searchRows(one.ctx, 'acme', {}, { limit: 10, patience: 20 });
        await assert.rejects(search, { why: 'invalid', message: /takes longer than .* shorter time/ });
      });
      assert.equal((await searchRows(one.ctx, 'acme', {}, { limit: 10 })).rows.length, 6);
    });
  }
});
