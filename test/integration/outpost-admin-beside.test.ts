// SPDX-License-Identifier: Apache-2.0
// What the real command changes reaches devices that are connected to a running server, on each database: nobody has to tell the server.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freshPayload } from '../../src/contract/sync/objects.ts';
import { type AdminInput, runAdmin } from '../fakes/admin-command.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane } from '../fakes/control-plane.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import type { FakeDevice } from '../fakes/device.ts';
import { openStream } from '../fakes/event-stream-reader.ts';

/** Milliseconds; a hang, not a measure. */
const HANG = { timeout: 120_000 };

onEachDatabase((freshUrl, kind) => {
  // The command has the system's clock.
  const clock = new FakeClock(Date.now());
  let plane: ControlPlane;
  let device: FakeDevice;

  before(async () => {
    plane = await startControlPlane({ database: await freshUrl(), clock });
    device = await plane.enrolled();
  });
  after(() => plane.close());

  async function admin(args: readonly string[], input: AdminInput = {}): Promise<string> {
    const env = { OUTPOST_DATABASE_URL: plane.database };
    const { code, stdout, stderr } = await runAdmin([...args, '--keys', plane.keysDir], { ...input, env });
    assert.equal(code, 0, stderr);
    return stdout;
  }

  /** The stream of a device that is connected. */
  async function connected(which: FakeDevice) {
    const stream = await openStream(which);
    assert.equal(await stream.next(), ':');
    return stream;
  }

  /** What comes next once the command has ended: PostgreSQL tells the server, which looks once a second on SQLite. */
  async function next(stream: Awaited<ReturnType<typeof connected>>): Promise<string | undefined> {
    if (kind === 'sqlite') clock.advance(1_000);
    return await stream.next();
  }

  const fresh = async (which: FakeDevice) => {
    const { payload } = (await which.get(which.freshPath())).json<{ payload: string }>();
    return freshPayload.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
  };

  const NUDGE = /^event: fresh\ndata: \{"seq":\d+,"spread_s":\d+\}$/;

  test('a version that is published', HANG, async () => {
    const file = join(plane.folder, 'outpost.yaml');
    writeFileSync(file, 'hosts:\n  - host: ai.example.com\n    action: block\n');
    await admin(['policy', 'draft', file]);
    const stream = await connected(device);
    assert.equal((await fresh(device)).bundle, null);
    await admin(['policy', 'publish', '1', '--stage', '100']);
    assert.match((await next(stream)) ?? '', NUDGE);
    assert.equal((await fresh(device)).bundle?.version, 1);
    stream.close();
  });

  test('one that is halted and put back', HANG, async () => {
    const file = join(plane.folder, 'outpost.yaml');
    writeFileSync(file, 'hosts:\n  - host: other.example.com\n    action: block\n');
    const stream = await connected(device);
    await admin(['policy', 'draft', file]);
    await admin(['policy', 'publish', '2', '--stage', '100']);
    assert.match((await next(stream)) ?? '', NUDGE);
    assert.equal((await fresh(device)).bundle?.version, 2);
    await admin(['policy', 'halt', '2', '--reason', 'blocks the build']);
    assert.match((await next(stream)) ?? '', NUDGE);
    assert.equal((await fresh(device)).bundle?.version, 3);
    stream.close();
  });

  test('an order, without delay for the devices', HANG, async () => {
    const stream = await connected(device);
    await admin(['kill', 'issue', 'block-all-ai', '--for', '30m', '--reason', 'drill']);
    assert.match((await next(stream)) ?? '', /^event: fresh\ndata: \{"seq":\d+,"spread_s":0\}$/);
    assert.equal((await fresh(device)).kill.length, 1);
    stream.close();
  });

  test('a secret', HANG, async () => {
    const stream = await connected(device);
    const before = (await fresh(device)).secrets;
    await admin(['secret', 'set', 'openai'], { stdin: 'sk-1\n' });
    assert.match((await next(stream)) ?? '', NUDGE);
    assert.equal((await fresh(device)).secrets, before + 1);
    stream.close();
  });

  test('a device that is revoked loses its stream', HANG, async () => {
    const other = await plane.enrolled();
    const stream = await connected(other);
    await admin(['device', 'revoke', other.id, '--reason', 'lost']);
    assert.match((await next(stream)) ?? '', NUDGE);
    assert.equal(await stream.next(), undefined);
    assert.equal((await other.get('/v1/secrets')).status, 401);
  });
});
