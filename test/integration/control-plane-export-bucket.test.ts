// SPDX-License-Identifier: Apache-2.0
// Digests in an S3-compatible bucket: signed requests, put once, never written over, the same bytes as in the folder.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { digestPlaces } from '../../src/control-plane/exports/bucket.ts';
import { checkDigests } from '../../src/control-plane/retention/check-digests.ts';
import { writeDigest } from '../../src/control-plane/retention/digest.ts';
import { digestFolder, readDigests } from '../../src/control-plane/retention/digest-folder.ts';
import { startUpkeep } from '../../src/control-plane/retention/upkeep.ts';
import { ORG } from '../fakes/control-plane-org.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { type ExportWorld, openExportWorld } from '../fakes/export-world.ts';
import { type S3Bucket, startS3Bucket } from '../fakes/s3-bucket.ts';

const HOUR = 3_600_000;

interface Stage {
  readonly world: ExportWorld;
  readonly bucket: S3Bucket;
  readonly folder: string;
  /** Rows come, an hour passes, the digest is made. */
  hour(): Promise<void>;
  write(): Promise<void>;
}

async function stage(t: TestContext, url: string, more: object = {}): Promise<Stage> {
  const world = await openExportWorld(url, t);
  const bucket = await startS3Bucket(t, () => world.clock.now());
  const { receiver, keys } = bucket;
  await world.set([], {
    digest_bucket: {
      url: `${receiver.url}/audit/outpost/`,
      region: keys.region,
      access_key_id: keys.id,
      secret_access_key: keys.secret,
      ca: receiver.ca,
      ...more,
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'outpost-digests-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const place = digestPlaces(world.ctx, digestFolder(world.ctx, folder));
  const write = async (): Promise<void> => {
    await writeDigest(world.ctx, ORG, (await place(ORG)) ?? assert.fail('no place'));
  };
  const hour = async (): Promise<void> => {
    await world.events(2);
    world.clock.jumpWall(HOUR);
    await write();
  };
  return { world, bucket, folder, hour, write };
}

const names = ({ objects }: S3Bucket): readonly string[] => [...objects.keys()].toSorted();

onEachDatabase((freshUrl) => {
  test('each digest lies in the bucket as it lies in the folder', async (t) => {
    const { bucket, folder, hour, write, world } = await stage(t, await freshUrl());
    for (let count = 0; count < 3; count += 1) await hour();
    // Within the hour there is nothing to do.
    await write();
    assert.deepEqual(bucket.problems, []);
    const files = readdirSync(join(folder, ORG)).toSorted();
    assert.equal(files.length, 3);
    assert.deepEqual(
      names(bucket),
      files.map((file) => `/audit/outpost/${ORG}/${file}`),
    );
    for (const file of files) {
      const stored = bucket.objects.get(`/audit/outpost/${ORG}/${file}`);
      assert.deepEqual(stored?.bytes, readFileSync(join(folder, ORG, file)));
      assert.equal(stored?.headers['x-amz-object-lock-mode'], undefined);
    }
    const { findings, digests } = await checkDigests(world.ctx, ORG, readDigests(folder, ORG));
    assert.deepEqual([findings, digests], [[], 3]);
  });

  test('a lock is asked for where it is wanted', async (t) => {
    const { bucket, hour, world } = await stage(t, await freshUrl(), { lock_days: 400 });
    await hour();
    const [stored] = bucket.objects.values();
    assert.equal(stored?.headers['x-amz-object-lock-mode'], 'COMPLIANCE');
    const until = new Date(world.clock.now() + 400 * 24 * HOUR).toISOString();
    assert.equal(stored?.headers['x-amz-object-lock-retain-until-date'], until);
    assert.deepEqual(bucket.problems, []);
  });

  test('a digest that could not be put is put later, before any other', async (t) => {
    const { bucket, folder, hour, write } = await stage(t, await freshUrl());
    await hour();
    for (const fault of [
      { status: 503 },
      { fault: 'reset' },
      { status: 307, headers: { location: 'http://127.0.0.1:1' } },
    ] as const) {
      bucket.faults.push(fault);
      await assert.rejects(hour(), fault === undefined ? /./ : /bucket answers|ECONNRESET/);
    }
    assert.equal(bucket.objects.size, 1);
    await write();
    assert.deepEqual(
      names(bucket),
      readdirSync(join(folder, ORG))
        .toSorted()
        .map((file) => `/audit/outpost/${ORG}/${file}`),
    );
  });

  test('an answer that is lost, and a store without conditional writes, end with one digest', async (t) => {
    const { bucket, hour, write } = await stage(t, await freshUrl());
    bucket.lost.push({ fault: 'reset' });
    await assert.rejects(hour());
    assert.equal(bucket.objects.size, 1);
    await write();
    // The store hides what is there from whoever may not list it, and knows what it has when it is asked to write over it.
    bucket.faults.push({ status: 403 });
    await hour();
    assert.equal(bucket.objects.size, 2);
    bucket.lost.push({ status: 412 });
    await hour();
    assert.equal(bucket.objects.size, 3);
  });

  test('a digest of many devices, of which the answer was lost, is known again', async (t) => {
    const { world, bucket } = await stage(t, await freshUrl());
    const put = (await digestPlaces(world.ctx, undefined)(ORG)) ?? assert.fail('no place');
    const bytes = Buffer.alloc(1_200_000, 'x');
    bucket.lost.push({ status: 500 });
    await assert.rejects(put(ORG, '2030-01-31T05.json', bytes), /bucket answers 500/);
    await put(ORG, '2030-01-31T05.json', bytes);
    assert.equal(bucket.objects.size, 1);
    await assert.rejects(put(ORG, '2030-01-31T05.json', bytes.fill('y')), /another digest lies at/);
  });

  test('something else under the name is never written over', async (t) => {
    const { bucket, hour, write } = await stage(t, await freshUrl());
    await hour();
    const [[path, stored] = assert.fail()] = bucket.objects;
    const next = path.replace(/T\d\d/, (text) => `T${String(Number(text.slice(1)) + 1).padStart(2, '0')}`);
    bucket.objects.set(next, { ...stored, bytes: Buffer.from('{}') });
    await assert.rejects(hour(), /another digest lies at/);
    await assert.rejects(write(), /another digest lies at/);
    assert.equal(String(bucket.objects.get(next)?.bytes), '{}');
  });

  test('wrong keys put nothing, and the key is in no error', async (t) => {
    const { bucket, hour } = await stage(t, await freshUrl(), { secret_access_key: 'wrong-not-to-be-seen' });
    await assert.rejects(hour(), (error: Error) => {
      assert.match(error.message, /the bucket answers 403 to a digest/);
      assert.doesNotMatch(error.stack ?? '', /not-to-be-seen/);
      return true;
    });
    assert.equal(bucket.objects.size, 0);
    assert.deepEqual(new Set(bucket.problems), new Set(['the signature']));
  });

  test('a bucket alone is a place; that it is away for long is an alarm; without folder and bucket no digest is made', async (t) => {
    const { world, bucket } = await stage(t, await freshUrl());
    const upkeep = startUpkeep(world.ctx, { digestPlace: digestPlaces(world.ctx, undefined) });
    t.after(() => upkeep.close());
    world.clock.jumpWall(HOUR);
    await upkeep.run();
    assert.equal(bucket.objects.size, 1);
    bucket.faults.push({ status: 503 }, { status: 503 });
    for (const [hours, alarms] of [
      [1, []],
      [7, ['digest-late']],
      [1, []],
    ] as const) {
      world.clock.jumpWall(hours * HOUR);
      await upkeep.run();
      assert.deepEqual(await world.alarms('digest-'), alarms);
    }
    await world.set([]);
    world.clock.jumpWall(HOUR);
    const before = await world.ctx.db.query.selectFrom('cursor').selectAll().execute();
    await upkeep.run();
    assert.deepEqual(await world.ctx.db.query.selectFrom('cursor').selectAll().execute(), before);
  });
});
