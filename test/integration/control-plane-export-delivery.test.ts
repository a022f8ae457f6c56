// SPDX-License-Identifier: Apache-2.0
// What is sent when: rows of transactions that end in another order, servers that are killed or run beside each other, exports that come
// and go.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { changeSettings } from '../../src/control-plane/admin/org-settings.ts';
import type { Context } from '../../src/control-plane/context.ts';
import { createSettled } from '../../src/control-plane/exports/settled.ts';
import { skipRow } from '../../src/control-plane/exports/skip.ts';
import { type Exports, startExports } from '../../src/control-plane/exports/start.ts';
import { DAY_MS, dayOf, ensureDays } from '../../src/control-plane/ingest/day-partitions.ts';
import { FakeClock } from '../fakes/clock.ts';
import { startControlPlane } from '../fakes/control-plane.ts';
import { upload } from '../fakes/control-plane-admin-world.ts';
import { ALICE, ORG } from '../fakes/control-plane-org.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import type { ChildOptions } from '../fakes/export-crash-child.ts';
import type { ExportWorld } from '../fakes/export-world.ts';
import { idsIn, NAME, ocsfWorld, toReceiver } from '../fakes/ocsf-export.ts';
import { startS3Bucket } from '../fakes/s3-bucket.ts';
import { startWebReceiver } from '../fakes/web-receiver.ts';

const CHILD = fileURLToPath(new URL('../fakes/export-crash-child.ts', import.meta.url));

/** Asks again and again until it holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await nextTurn();
}

/** A row as an upload stores it, in somebody's transaction. */
async function insertRow(db: Context['db']['query'], { device, clock }: ExportWorld, seq: number): Promise<void> {
  const [hash, prev] = ['a'.repeat(64), 'b'.repeat(64)];
  const row = {
    day: dayOf(clock.now()),
    org: ORG,
    device: device.id,
    epoch: 'hand',
    seq,
    at: clock.now(),
    received: clock.now(),
    prev,
    hash,
  };
  const nothing = {
    request: null,
    decision: null,
    app: null,
    provider: null,
    model: null,
    host: null,
    what: null,
    rule: null,
    policy: null,
    input_tokens: null,
    output_tokens: null,
  };
  await db
    .insertInto('audit')
    .values({ ...row, ...nothing, kind: 'event', body: '{"event":"started","kind":"event"}' })
    .execute();
}

onEachDatabase((freshUrl, kind) => {
  if (kind === 'postgres') {
    test('a row whose transaction ends after that of a later one is not missed', async (t) => {
      const { world, receiver } = await ocsfWorld(t, await freshUrl());
      const { ctx } = world;
      const settled = createSettled(ctx.db);
      await insertRow(ctx.db.query, world, 1);
      const first = await settled.upTo();
      let commit: () => void = () => assert.fail();
      const gate = new Promise<void>((resolve) => {
        commit = resolve;
      });
      let inserted: () => void = () => assert.fail();
      const begun = new Promise<void>((resolve) => {
        inserted = resolve;
      });
      const slow = ctx.db.transaction(async (tx) => {
        await insertRow(tx, world, 2);
        inserted();
        await gate;
      });
      await begun;
      await insertRow(ctx.db.query, world, 3);
      // The later row is there, and the earlier one is not.
      assert.equal((await world.ids()).length, 2);
      for (let look = 0; look < 3; look += 1) {
        assert.equal(await settled.upTo(), first);
        await world.run(NAME);
      }
      assert.deepEqual(idsIn(receiver.requests), []);
      commit();
      await slow;
      await until(async () => (await settled.upTo()) === first + 2);
      await until(async () => {
        await world.run(NAME);
        return receiver.requests.length > 0;
      });
      assert.deepEqual(
        idsIn(receiver.requests),
        [1, 2, 3].map((seq) => `${world.device.id}/hand/${seq}`),
      );
    });

    test('one that never ends its transaction does not keep back what was there before it', async (t) => {
      const { world } = await ocsfWorld(t, await freshUrl());
      const { ctx } = world;
      const settled = createSettled(ctx.db);
      await insertRow(ctx.db.query, world, 1);
      await ctx.db.transaction(async (tx) => {
        await insertRow(tx, world, 2);
        // Seen by somebody who had not looked before: all that is under way is behind it.
        await settled.upTo();
        await insertRow(ctx.db.query, world, 3);
        assert.equal(await settled.upTo(), 0);
        await insertRow(tx, world, 4);
      });
      await until(async () => (await settled.upTo()) === 4);
    });

    test('two servers send each row once', async (t) => {
      const { world, receiver } = await ocsfWorld(t, await freshUrl());
      const servers: Exports[] = [startExports(world.ctx), startExports(await world.another())];
      t.after(async () => await Promise.all(servers.map((server) => server.close())));
      for (let round = 0; round < 5; round += 1) {
        await world.events(300);
        const count = (await world.ids()).length;
        await until(async () => {
          // Looks of both, at the same moment. Nobody's patience ends: all answers come at once.
          if (world.clock.pending === 4) world.clock.advance(2_000);
          return idsIn(receiver.requests).length >= count;
        });
      }
      await Promise.all(servers.map((server) => server.close()));
      assert.deepEqual(idsIn(receiver.requests), await world.ids());
    });
  }

  test('a server that is killed after the receiver took rows sends them again, as the same events', async (t) => {
    const url = await freshUrl();
    const { world, receiver } = await ocsfWorld(t, url);
    await world.events(600);
    const options: ChildOptions = { url, folder: world.folder, org: ORG, name: NAME };
    const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = once(child, 'exit');
    receiver.answer = async () => {
      // The second delivery has arrived as a whole; its answer never does.
      if (receiver.requests.length < 2) return {};
      child.kill('SIGKILL');
      await ended;
      return {};
    };
    assert.deepEqual((await ended)[1], 'SIGKILL');
    const ids = await world.ids();
    assert.deepEqual(idsIn(receiver.requests), ids);
    assert.ok((await world.cursor(NAME)).position < ids.length);
    receiver.answer = () => ({});
    await world.run(NAME);
    const [first = [], second = [], ...again] = receiver.requests.map((request) => idsIn([request]));
    assert.deepEqual(again.flat(), second);
    assert.deepEqual([...first, ...again.flat()], ids);
    assert.equal((await world.state(NAME)).waiting, 0);
  });

  test('an export begins at the point that was chosen, and ends when it is removed', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    const began = world.clock.now();
    for (let hour = 0; hour < 5; hour += 1) {
      await world.events(20);
      world.clock.jumpWall(3_600_000);
    }
    const ids = await world.ids();
    const sentSince = async (since: string | undefined): Promise<readonly string[]> => {
      receiver.requests.length = 0;
      await world.set([]);
      await world.set([toReceiver(receiver, since === undefined ? {} : { since })]);
      await world.run(NAME);
      return idsIn(receiver.requests);
    };
    const iso = (at: number): string => new Date(at).toISOString();
    assert.deepEqual(await sentSince(undefined), ids);
    assert.deepEqual(await sentSince(iso(0)), ids);
    // Each upload has 21 rows, the epoch's first one included.
    assert.deepEqual(await sentSince(iso(began + 2 * 3_600_000)), ids.slice(42));
    assert.deepEqual(await sentSince(iso(began + 2 * 3_600_000 + 1)), ids.slice(63));
    assert.deepEqual(await sentSince(iso(world.clock.now())), []);
    await world.events(1);
    await world.run(NAME);
    assert.deepEqual(idsIn(receiver.requests), (await world.ids()).slice(105));
    // The same under way: it goes on where it stood, wherever it would begin now.
    await world.set([toReceiver(receiver, { since: iso(0) })]);
    assert.equal(await world.run(NAME), false);
  });

  test('rows that were taken do not bring back the cursor of an export that was removed meanwhile', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    await world.events(2);
    receiver.answer = async () => {
      await world.set([]);
      return {};
    };
    await world.run(NAME);
    const { query } = world.ctx.db;
    const cursors = query.selectFrom('cursor').select('name').where('name', 'like', 'export:%');
    assert.deepEqual(await cursors.execute(), []);
  });

  test('a server carries the exports of all organisations, and stops at once', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    const other = await startWebReceiver(t);
    const { query } = world.ctx.db;
    const org = await query.selectFrom('org').selectAll().executeTakeFirstOrThrow();
    const settings = JSON.stringify({ exports: [{ name: NAME, type: 'ocsf', url: other.url, ca: other.ca }] });
    await query
      .insertInto('org')
      .values({ ...org, id: 'other', settings })
      .execute();
    // Settings that nobody can read must not keep others from theirs.
    await query
      .insertInto('org')
      .values({ ...org, id: 'strange', settings: '{"exports":7}' })
      .execute();
    await world.events(3);
    const server = startExports(world.ctx);
    await until(async () => {
      if (world.clock.pending === 2) world.clock.advance(2_000);
      return receiver.requests.length > 0;
    });
    await until(async () => (await world.state(NAME)).waiting === 0);
    assert.deepEqual(idsIn(receiver.requests), await world.ids());
    receiver.answer = () => ({ fault: 'hang' });
    await world.events(1);
    await until(async () => {
      if (world.clock.pending === 2) world.clock.advance(2_000);
      return receiver.requests.length > 1;
    });
    await server.close();
    assert.equal(world.clock.pending, 0);
    assert.equal(other.requests.length, 0);
  });

  test('a running server sends what devices upload, and puts its digests into the bucket', async (t) => {
    const receiver = await startWebReceiver(t);
    const clock = new FakeClock();
    const bucket = await startS3Bucket(t, () => clock.now());
    const plane = await startControlPlane({ database: await freshUrl(), clock });
    t.after(() => plane.close());
    const { id, secret, region } = bucket.keys;
    const digest_bucket = {
      ...{ url: `${bucket.receiver.url}/b`, region, access_key_id: id, secret_access_key: secret },
      ca: bucket.receiver.ca,
    };
    await changeSettings(plane.ctx, plane.org, ALICE, { settings: { exports: [toReceiver(receiver)], digest_bucket } });
    const device = await plane.enrolled();
    await upload(plane.ctx, plane.org, device.id, [{ kind: 'event', event: 'started' }]);
    await until(async () => {
      clock.advance(2_000);
      for (let turn = 0; turn < 200 && receiver.requests.length === 0; turn += 1) await nextTurn();
      return receiver.requests.length > 0;
    });
    assert.deepEqual(
      idsIn(receiver.requests).map((one) => one.split('/')[0]),
      [device.id, device.id],
    );
    clock.advance(3_600_000);
    await until(async () => bucket.objects.size > 0);
    assert.deepEqual(bucket.problems, []);
  });

  test('a clock that was wrong for a while hides no row', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    for (const days of [0, 400, -400, -5, 9]) {
      world.clock.jumpWall(days * DAY_MS);
      await ensureDays(world.ctx);
      await world.events(1);
      await world.run(NAME);
      assert.deepEqual(idsIn(receiver.requests), await world.ids(), String(days));
      assert.equal((await world.state(NAME)).waiting, 0);
    }
    // Stored by a server whose clock is behind that of the one that sends.
    world.clock.jumpWall(-5 * DAY_MS);
    await world.events(1);
    world.clock.jumpWall(5 * DAY_MS);
    await world.run(NAME);
    assert.deepEqual(idsIn(receiver.requests), await world.ids());
  });

  test('somebody may pass over the row that an export is stuck at, and no other', async (t) => {
    const { world, receiver } = await ocsfWorld(t, await freshUrl());
    await world.events(1);
    await assert.rejects(skipRow(world.ctx, ORG, ALICE, 'nothing'), /there is no export nothing/);
    await assert.rejects(skipRow(world.ctx, ORG, ALICE, NAME), /not stuck/);
    receiver.answer = () => ({ status: 400 });
    await world.run(NAME);
    await skipRow(world.ctx, ORG, ALICE, NAME);
    assert.equal((await world.state(NAME)).waiting, 1);
    const [act] = await world.acts('export.skip');
    assert.deepEqual(
      [act?.['actor'], (act?.['detail'] as { problem?: string } | undefined)?.problem],
      [ALICE.name, 'status 400'],
    );
    receiver.answer = () => ({});
    receiver.requests.length = 0;
    await world.run(NAME);
    assert.deepEqual(idsIn(receiver.requests), (await world.ids()).slice(1));
  });
});
