// SPDX-License-Identifier: Apache-2.0
// The signed hourly digests: one an hour whoever makes it, never lost, and every way of changing digests or what they vouch for shows.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { RootOperationNode } from 'kysely';
import { recordAdmin } from '../../src/control-plane/admin-log/record.ts';
import type { Context } from '../../src/control-plane/context.ts';
import { storeBatch } from '../../src/control-plane/ingest/store-batch.ts';
import { checkDigests } from '../../src/control-plane/retention/check-digests.ts';
import { writeDigest } from '../../src/control-plane/retention/digest.ts';
import { digestFolder, readDigests } from '../../src/control-plane/retention/digest-folder.ts';
import { startUpkeep } from '../../src/control-plane/retention/upkeep.ts';
import { verifyDigests } from '../../src/control-plane/retention/verify-digests.ts';
import { FakeClock } from '../fakes/clock.ts';
import { newSigner, openControlPlane } from '../fakes/control-plane-context.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { DeviceLog } from '../fakes/device-log.ts';
import { type Stage, stage } from '../fakes/ingest-stage.ts';

const HOUR_MS = 3_600_000;

interface Kept extends Stage {
  readonly folder: string;
  readonly log: DeviceLog;
  /** Kinds of what is wrong with the files alone. */
  verify(): Promise<readonly string[]>;
  /** The same with what is stored. */
  check(): Promise<readonly string[]>;
  path(index: number): string;
}

/** Four digests; the device sent ten rows before each. */
async function fourHours(t: TestContext, url: string): Promise<Kept> {
  const one = await stage(t, url);
  const { ctx } = one;
  const folder = mkdtempSync(join(tmpdir(), 'outpost-digests-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const body = { kind: 'admin', actor: 'cli', action: 'a.b', target: 'x', result: 'done' } as const;
  const log = DeviceLog.begin().fill(9);
  for (let hour = 0; hour < 4; hour += 1) {
    if (hour > 0) log.fill(10);
    assert.ok((await one.send(log.batch(hour * 10 + 1))).ok);
    await ctx.db.transaction((tx) => recordAdmin(tx, ctx, 'acme', body));
    await writeDigest(ctx, 'acme', digestFolder(ctx, folder));
    one.clock.jumpWall(HOUR_MS);
  }
  const files = () => readDigests(folder, 'acme');
  return {
    ...one,
    folder,
    log,
    verify: async () =>
      (await verifyDigests('acme', files(), [one.keys.roles.receipt.jwk])).findings.map(({ kind }) => kind),
    check: async () => (await checkDigests(ctx, 'acme', files())).findings.map(({ kind }) => kind),
    path: (index) => {
      const name = readdirSync(join(folder, 'acme')).sort()[index] ?? assert.fail('no such digest');
      return join(folder, 'acme', name);
    },
  };
}

/** A context in which something else happens once, when its first query of a kind has been answered. */
function interrupted(ctx: Context, kind: RootOperationNode['kind'], happens: () => Promise<void>): Context {
  const asked = new Set<unknown>();
  let done = false;
  const query = ctx.db.query.withPlugin({
    transformQuery: ({ node, queryId }) => {
      if (node.kind === kind) asked.add(queryId);
      return node;
    },
    transformResult: async ({ result, queryId }) => {
      if (!done && asked.has(queryId)) {
        done = true;
        await happens();
      }
      return result;
    },
  });
  return { ...ctx, db: { ...ctx.db, query } };
}

onEachDatabase((freshUrl, kind) => {
  test('a digest an hour, which names the one before and all heads that moved', async (t) => {
    const one = await fourHours(t, await freshUrl());
    assert.deepEqual(readdirSync(join(one.folder, 'acme')).sort(), [
      '2030-01-01T00.json',
      '2030-01-01T01.json',
      '2030-01-01T02.json',
      '2030-01-01T03.json',
    ]);
    assert.equal(statSync(one.path(0)).mode & 0o777, 0o600);
    assert.equal(statSync(join(one.folder, 'acme')).mode & 0o777, 0o700);
    const check = await verifyDigests('acme', readDigests(one.folder, 'acme'), [one.keys.roles.receipt.jwk]);
    assert.deepEqual([check.digests, check.findings], [4, []]);
    assert.deepEqual(check.heads.get(`${one.device.id}/${one.log.epoch}`), { device: one.device.id, ...one.log.end });
    assert.equal([...check.heads.keys()].filter((key) => key.startsWith('control-plane/')).length, 1);
    assert.deepEqual(await one.check(), []);
    assert.deepEqual(await one.alarms(), []);
    // One that did not move for hours is in no further digest, and still vouched for.
    for (let n = 0; n < 2; n += 1) {
      await writeDigest(one.ctx, 'acme', digestFolder(one.ctx, one.folder));
      one.clock.jumpWall(5 * HOUR_MS);
    }
    assert.deepEqual(await one.check(), []);
    const { payload } = JSON.parse(readFileSync(one.path(5), 'utf8'));
    const { heads } = JSON.parse(Buffer.from(payload, 'base64url').toString());
    assert.deepEqual(
      heads.map(({ device }: { device: string }) => device),
      ['control-plane'],
    );
  });

  test('within the hour there is one, also when several processes make it at once', async (t) => {
    const one = await stage(t, await freshUrl());
    const put: string[] = [];
    const write = () =>
      writeDigest(one.ctx, 'acme', async (org, name, bytes) => {
        put.push(`${org} ${name} ${bytes.toString()}`);
      });
    for (let hour = 0; hour < 3; hour += 1) {
      await Promise.all([write(), write(), write()]);
      await write();
      assert.equal(new Set(put).size, hour + 1);
      one.clock.jumpWall(HOUR_MS);
    }
  });

  test('of two processes that make it at once, with other rows, one has made it', async (t) => {
    const url = await freshUrl();
    const one = await fourHours(t, url);
    const two = await openControlPlane(url, { test: t, keys: one.keys, clock: one.clock });
    const put = digestFolder(one.ctx, one.folder);
    // The other one is faster by a whole digest, and a batch comes between the two.
    const slow = interrupted(one.ctx, 'SelectQueryNode', async () => {
      await writeDigest(two.ctx, 'acme', put);
      assert.ok((await storeBatch(two.ctx, one.device, one.log.fill(1).batch(41))).ok);
    });
    await writeDigest(slow, 'acme', put);
    assert.equal(readdirSync(join(one.folder, 'acme')).length, 5);
    assert.deepEqual([await one.check(), await one.alarms()], [[], []]);
  });

  test('a digest that another process has still to put away is not passed over', async (t) => {
    const url = await freshUrl();
    const one = await fourHours(t, url);
    const two = await openControlPlane(url, {
      test: t,
      keys: one.keys,
      clock: new FakeClock(one.clock.now() + HOUR_MS),
    });
    const fails = () => Promise.reject(new Error('the disk is full'));
    await assert.rejects(writeDigest(one.ctx, 'acme', fails));
    one.clock.jumpWall(2 * HOUR_MS);
    const put = digestFolder(one.ctx, one.folder);
    // No sooner is the first one put away than the other one has made the next and cannot put it away.
    const slow = interrupted(one.ctx, 'UpdateQueryNode', async () => {
      await assert.rejects(writeDigest(two.ctx, 'acme', fails));
    });
    await writeDigest(slow, 'acme', put);
    await writeDigest(one.ctx, 'acme', put);
    assert.equal(readdirSync(join(one.folder, 'acme')).length, 7);
    assert.deepEqual(await one.check(), []);
  });

  test('a digest that could not be put away is put away later, with the same bytes, before there is another', async (t) => {
    const one = await fourHours(t, await freshUrl());
    const seen: Buffer[] = [];
    const fails = async (_org: string, _name: string, bytes: Buffer): Promise<void> => {
      seen.push(bytes);
      throw new Error('the disk is full');
    };
    await assert.rejects(writeDigest(one.ctx, 'acme', fails), /disk is full/);
    assert.deepEqual(await one.check(), [], 'it is under way');
    one.clock.jumpWall(2 * HOUR_MS);
    await assert.rejects(writeDigest(one.ctx, 'acme', fails), /disk is full/);
    await writeDigest(one.ctx, 'acme', digestFolder(one.ctx, one.folder));
    assert.equal(readdirSync(join(one.folder, 'acme')).length, 6);
    assert.deepEqual([seen[0], seen[1]], [readFileSync(one.path(4)), readFileSync(one.path(4))]);
    assert.deepEqual(await one.check(), []);
  });

  test('the folder takes the same digest twice and no other under its name', async (t) => {
    const one = await fourHours(t, await freshUrl());
    const put = digestFolder(one.ctx, one.folder);
    const bytes = readFileSync(one.path(1));
    await put('acme', '2030-01-01T01.json', bytes);
    await assert.rejects(put('acme', '2030-01-01T01.json', Buffer.from('{}')), /another digest/);
    assert.deepEqual(readFileSync(one.path(1)), bytes);
    assert.equal(readdirSync(join(one.folder, 'acme')).length, 4);
  });

  test('a digest that was removed shows by the one behind it, the newest by what is stored', async (t) => {
    const one = await fourHours(t, await freshUrl());
    const newest = readFileSync(one.path(3));
    rmSync(one.path(3));
    assert.deepEqual([await one.verify(), await one.check()], [[], ['missing']]);
    writeFileSync(join(one.folder, 'acme', '2030-01-01T03.json'), newest);
    rmSync(one.path(1));
    assert.deepEqual(await one.verify(), ['missing']);
    rmSync(one.path(0));
    assert.deepEqual(await one.verify(), ['missing']);
    assert.deepEqual(await one.alarms(), ['digest-broken']);
  });

  test('a digest that was altered shows, also when it was signed anew by another key', async (t) => {
    const one = await fourHours(t, await freshUrl());
    const text = readFileSync(one.path(1), 'utf8');
    writeFileSync(
      one.path(1),
      text.replace(/"signature":"./, (found) => `${found.slice(0, -1)}${found.endsWith('A') ? 'B' : 'A'}`),
    );
    assert.deepEqual(await one.verify(), ['altered']);
    writeFileSync(one.path(1), '{');
    assert.deepEqual(await one.verify(), ['altered']);
    writeFileSync(one.path(1), text);
    assert.deepEqual(await one.verify(), []);
    const others = await verifyDigests('acme', readDigests(one.folder, 'acme'), [newSigner().jwk]);
    assert.deepEqual(
      others.findings.map(({ kind }) => kind),
      ['altered', 'altered', 'altered', 'altered'],
    );
    const foreign = await verifyDigests('other', readDigests(one.folder, 'acme'), [one.keys.roles.receipt.jwk]);
    assert.equal(foreign.findings.length, 4);
  });

  test('digests in another order show', async (t) => {
    const one = await fourHours(t, await freshUrl());
    const [first, second] = [one.path(1), one.path(2)];
    renameSync(first, `${first}.aside`);
    renameSync(second, first);
    renameSync(`${first}.aside`, second);
    assert.deepEqual(new Set(await one.verify()), new Set(['order', 'missing', 'head-down']));
  });

  test('a history that became shorter, or another, shows', async (t) => {
    const one = await fourHours(t, await freshUrl());
    const { query } = one.ctx.db;
    const write = async () => {
      one.clock.jumpWall(HOUR_MS);
      await query.updateTable('epoch').set({ last_received: one.clock.now() }).execute();
      await writeDigest(one.ctx, 'acme', digestFolder(one.ctx, one.folder));
    };
    await query
      .updateTable('epoch')
      .set({ seq: 39, hash: 'a'.repeat(64) })
      .execute();
    assert.deepEqual(await one.check(), ['head-down'], 'before the next digest');
    await write();
    assert.deepEqual(await one.verify(), ['head-down']);
    await query
      .updateTable('epoch')
      .set({ hash: 'b'.repeat(64) })
      .execute();
    await write();
    assert.deepEqual(await one.verify(), ['head-down', 'head-differs']);
  });

  test('a row that was changed, and an own log that was cut off, show against what is stored', async (t) => {
    const one = await fourHours(t, await freshUrl());
    const { query } = one.ctx.db;
    assert.ok((await one.send(one.log.fill(5).batch(41))).ok);
    await query
      .updateTable('audit')
      .set({ hash: 'c'.repeat(64) })
      .where('seq', '=', 40)
      .execute();
    assert.deepEqual(await one.check(), ['head-differs']);
    await query.deleteFrom('audit').where('seq', '=', 40).execute();
    assert.deepEqual(await one.check(), [], 'retention may have deleted it');
    await query.deleteFrom('admin_log').where('seq', '=', 5).execute();
    assert.deepEqual(await one.check(), ['head-down']);
    const alarm = await query.selectFrom('alarm').selectAll().executeTakeFirstOrThrow();
    assert.deepEqual([alarm.kind, alarm.count, alarm.org], ['digest-broken', 2, 'acme']);
  });

  test('what happens by itself goes on after a fault, one round at a time, and ends', async (t) => {
    const one = await stage(t, await freshUrl());
    await one.addOrg('other');
    const put: string[] = [];
    let full = true;
    const upkeep = startUpkeep(one.ctx, {
      digestPlace: async (org) => async (_, name) => {
        if (full && org === 'acme') throw new Error('the disk is full');
        put.push(`${org} ${name}`);
      },
    });
    await Promise.all([upkeep.run(), upkeep.run()]);
    assert.deepEqual(put, ['other 2030-01-01T00.json']);
    full = false;
    await one.clock.advanceAsync(300_000);
    await upkeep.run();
    assert.deepEqual(put, ['other 2030-01-01T00.json', 'acme 2030-01-01T00.json']);
    await one.clock.advanceAsync(4 * 86_400_000);
    // The round under way may have begun before.
    await upkeep.run();
    await upkeep.run();
    assert.deepEqual(await one.alarms(), ['silent']);
    await upkeep.close();
    assert.equal(one.clock.pending, 0);
  });

  test(`nothing was ever written: there is nothing to find (${kind})`, async (t) => {
    const one = await stage(t, await freshUrl());
    const check = await checkDigests(one.ctx, 'acme', readDigests(tmpdir(), 'no-such-folder'));
    assert.deepEqual([check.digests, check.findings], [0, []]);
  });
});
