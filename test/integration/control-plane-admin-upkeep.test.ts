// SPDX-License-Identifier: Apache-2.0
// What happens by itself, with several processes of one control plane.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { changeSettings } from '../../src/control-plane/admin/org-settings.ts';
import { oneAtATime } from '../../src/control-plane/db/one-at-a-time.ts';
import { dayOf, listDays } from '../../src/control-plane/ingest/day-partitions.ts';
import { saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { publish } from '../../src/control-plane/policies/publish.ts';
import { readVersion } from '../../src/control-plane/policies/version.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { signedIn } from '../fakes/control-plane-admin-client.ts';
import { config } from '../fakes/control-plane-admin-world.ts';
import { onEachDatabase } from '../fakes/databases.ts';

onEachDatabase((freshUrl, kind) => {
  const clock = new FakeClock();
  let plane: ControlPlane;
  let beside: ControlPlane;

  before(async () => {
    plane = await startControlPlane({ database: await freshUrl(), clock });
    beside = kind === 'postgres' ? await startControlPlane({ beside: plane, clock }) : plane;
  });
  after(async () => {
    if (beside !== plane) await beside.server.stop();
    await plane.close();
  });

  const locks = { skip: kind === 'sqlite' ? 'SQLite has one process' : false };

  test('of two processes one does the work; the other leaves it, and may when it is done', locks, async () => {
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let begun = () => {};
    const isBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const first = oneAtATime(plane.ctx.db, 'work', async () => {
      begun();
      await finished;
    });
    await isBegun;
    const done: string[] = [];
    const other = (name: string) => oneAtATime(beside.ctx.db, name, async () => void done.push(name));
    assert.equal(await other('work'), false);
    assert.equal(await other('other work'), true);
    finish();
    assert.equal(await first, true);
    assert.equal(await other('work'), true);
    assert.deepEqual(done, ['other work', 'work']);
    await assert.rejects(
      oneAtATime(plane.ctx.db, 'work', async () => {
        throw new Error('it failed');
      }),
      /it failed/,
    );
    assert.equal(await other('work'), true, 'also after it failed');
  });

  test('a server serves while a bucket does not answer, and rows may come', async () => {
    const asked = Promise.withResolvers<Socket>();
    const hole = createServer((socket) => asked.resolve(socket)).listen(0, '127.0.0.1');
    await once(hole, 'listening');
    const { port } = hole.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/digests`;
    const digest_bucket = { url, region: 'eu', access_key_id: 'A', secret_access_key: 's' };
    await changeSettings(plane.ctx, plane.org, TESTER, { settings: { digest_bucket } });
    const third = await startControlPlane({ beside: plane, clock });
    try {
      const socket = await asked.promise;
      const device = await third.enrolled();
      await third.ctx.db.query.updateTable('device').set({ state: 'revoked' }).where('id', '=', device.id).execute();
      if (kind === 'postgres') assert.ok((await listDays(third.ctx.db.query)).includes(dayOf(clock.now())));
      await changeSettings(plane.ctx, plane.org, TESTER, { settings: {} });
      socket.destroy();
    } finally {
      hole.close();
      await third.server.stop();
    }
  });

  test('a bad version is halted once, within a minute, whichever process looks', async () => {
    const { ctx, org } = plane;
    const save = (name: string) => saveDraft(ctx, org, TESTER, { config: config(name), files: {}, note: '' });
    const good = await save('good');
    await publish(ctx, org, TESTER, good, { stage: 100 });
    const bad = await save('bad');
    const device = await plane.enrolled();
    await publish(ctx, org, TESTER, bad, { stage: 50 });
    const refuses = { ring: 'r1', policy_version: good, refused_version: bad };
    await ctx.db.query.updateTable('device').set(refuses).where('id', '=', device.id).execute();
    const admin = await signedIn(plane, org, ['admin']);
    const isHalted = async () => (await readVersion(ctx.db.query, org, bad)).state === 'halted';
    // A round is started by the clock, and ends when it ends.
    clock.advance(60_000);
    while (!(await isHalted())) await clock.advanceAsync(0);
    const { rows } = await admin.ok('adminLog', { query: { action: 'policy.halt' } });
    assert.equal(rows.length, 1);
    assert.equal(rows[0]?.actor, 'system');
    const { alarms } = await admin.ok('alarms');
    assert.deepEqual(
      alarms.map(({ kind: what, count }) => [what, count]),
      [['rollout-halted', 1]],
    );
  });

  test('sessions that are over are forgotten', async () => {
    const who = await signedIn(plane, plane.org, ['viewer']);
    const left = async () => (await plane.ctx.db.query.selectFrom('session').select('hash').execute()).length;
    assert.ok((await left()) > 0);
    clock.advance(61 * 60_000);
    while ((await left()) > 0) await clock.advanceAsync(60_000);
    assert.equal(await who.no('session'), '401 signed-out');
  });

  test('a silent device raises one alarm, counted once', async () => {
    const { query } = plane.ctx.db;
    const silent = () => query.selectFrom('alarm').selectAll().where('kind', '=', 'silent').execute();
    clock.advance(4 * 86_400_000);
    while ((await silent()).length === 0) await clock.advanceAsync(300_000);
    for (let rounds = 0; rounds < 3; rounds++) await clock.advanceAsync(300_000);
    assert.deepEqual(
      (await silent()).map(({ count }) => count),
      [1],
    );
  });
});
