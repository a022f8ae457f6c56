// SPDX-License-Identifier: Apache-2.0
// The upload endpoint over HTTP: signed batches in each coding, and what a device is told when one cannot be taken.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { auditAnswer, type ErrorAnswer } from '../../src/contract/sync/messages.ts';
import { LIMITS } from '../../src/contract/sync/words.ts';
import { createDeviceLookup } from '../../src/control-plane/devices/lookup.ts';
import { createApp } from '../../src/control-plane/http/app.ts';
import { createDeviceDoor } from '../../src/control-plane/http/device-auth.ts';
import { prepareSyncScope } from '../../src/control-plane/http/sync-scope.ts';
import { ingestRoutes } from '../../src/control-plane/ingest/routes.ts';
import { intentBody } from '../fakes/audit-rows.ts';
import { openControlPlane, type TestControlPlane } from '../fakes/control-plane-context.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { type Answer, type Call, deviceKeys, FakeDevice } from '../fakes/device.ts';
import { DeviceLog } from '../fakes/device-log.ts';

interface Served extends TestControlPlane {
  readonly device: FakeDevice;
  post(body: unknown, coding?: Call['coding']): Promise<Answer>;
  count(): Promise<number>;
}

async function serve(t: TestContext, url: string): Promise<Served> {
  const plane = await openControlPlane(url);
  const { ctx, clock } = plane;
  const app = await createApp(ctx, { tls: undefined, trustProxy: [], requestsPerMinute: 1_000_000 });
  const devices = createDeviceLookup(ctx);
  t.after(async () => {
    await app.close();
    devices.close();
    await plane.close();
  });
  const door = createDeviceDoor(ctx, { publicUrl: undefined, devices, seen: () => undefined });
  await app.register(async (scope) => {
    prepareSyncScope(scope);
    ingestRoutes(scope, ctx, door.auth);
  });
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  const keys = deviceKeys();
  await plane.addOrg('acme');
  const { id } = await plane.addDevice('acme', { kid: keys.kid, sign_key: JSON.stringify(keys.public.sign) });
  const device = new FakeDevice({ url: origin, org: 'acme', clock, keys });
  device.id = id;
  return {
    ...plane,
    device,
    post: async (body, coding) =>
      await device.call({ method: 'POST', path: '/v1/audit', body, ...(coding === undefined ? {} : { coding }) }),
    count: async () => (await ctx.db.query.selectFrom('audit').select('id').execute()).length,
  };
}

const told = (answer: Answer) => {
  const { message: _, ...rest } = answer.json<ErrorAnswer>();
  return [answer.status, rest];
};

onEachDatabase((freshUrl) => {
  test('a signed batch is taken in each coding, and its repeat answered alike', async (t) => {
    const one = await serve(t, await freshUrl());
    const log = DeviceLog.begin().fill(8);
    for (const [from, coding] of [
      [1, undefined],
      [4, 'gzip'],
      [7, 'zstd'],
    ] as const) {
      for (let n = 0; n < 2; n += 1) {
        const answer = await one.post(log.batch(from, from + 2), coding);
        assert.equal(answer.status, 200, answer.body.toString());
        const { seq, hash } = log.copyAt(from + 2).end;
        assert.deepEqual(auditAnswer.parse(answer.json()).ack, { epoch: log.epoch, seq, hash });
      }
    }
    assert.equal(await one.count(), 9);
  });

  test('what cannot be taken is said in the words of the protocol', async (t) => {
    const one = await serve(t, await freshUrl());
    const log = DeviceLog.begin().fill(5);
    assert.equal((await one.post(log.batch(1, 3))).status, 200);
    const { seq, hash } = log.copyAt(3).end;
    assert.deepEqual(told(await one.post(log.batch(5))), [409, { error: 'behind', ack: { seq, hash } }]);
    assert.deepEqual(told(await one.post(log.copyAt(2).fill(9).batch(3))), [409, { error: 'fork', seq: 3 }]);
    const bad = log.copyAt(3).addText('{');
    assert.deepEqual(told(await one.post(bad.batch(4))), [422, { error: 'row', seq: 4 }]);
    assert.equal(await one.count(), 3);
  });

  test('what is no batch is malformed, what is too large is said to be', async (t) => {
    const one = await serve(t, await freshUrl());
    const batch = DeviceLog.begin().fill(9).batch(1);
    const malformed = [
      {},
      { ...batch, v: 2 },
      { ...batch, more: 1 },
      { ...batch, rows: [] },
      { ...batch, rows: batch.rows.toSpliced(4, 1) },
      { ...batch, epoch: '../' },
      DeviceLog.begin().fill(500).batch(1),
      Buffer.from('{"v":1'),
      Buffer.from([0xff, 0xfe]),
    ];
    for (const body of malformed) assert.deepEqual(told(await one.post(body)), [400, { error: 'malformed' }]);
    const large = Buffer.alloc(LIMITS.batchText + 1, 0x20);
    assert.deepEqual(told(await one.post(large, 'zstd')), [413, { error: 'too-large' }]);
    const raw = Buffer.alloc(LIMITS.batch + 1, 0x20);
    assert.deepEqual(told(await one.post(raw)), [413, { error: 'too-large' }]);
    assert.equal(await one.count(), 0);
  });

  test('the largest batch there may be is taken', async (t) => {
    const one = await serve(t, await freshUrl());
    const log = DeviceLog.begin();
    while (log.rows.length < 500) log.add(intentBody(`r${log.rows.length}`, { path: '/'.padEnd(15_000, 'x') }));
    assert.equal((await one.post(log.batch(1), 'zstd')).status, 200);
    assert.equal(await one.count(), 500);
  });

  test('a device writes its own history, whatever another one has', async (t) => {
    const one = await serve(t, await freshUrl());
    const keys = deviceKeys();
    await one.addDevice('acme', { kid: keys.kid, sign_key: JSON.stringify(keys.public.sign) });
    const stranger = new FakeDevice({ url: one.device.url, org: 'acme', clock: one.clock, keys });
    const log = DeviceLog.begin().fill(2);
    assert.equal((await one.post(log.batch(1))).status, 200);
    const answer = await stranger.call({ method: 'POST', path: '/v1/audit', body: log.copyAt(1).fill(1).batch(2) });
    assert.deepEqual(told(answer), [409, { error: 'behind', ack: { seq: 0, hash: '0'.repeat(64) } }]);
    assert.equal((await stranger.call({ method: 'POST', path: '/v1/audit', body: log.batch(1) })).status, 200);
    assert.equal(await one.count(), 6);
    const unknown = new FakeDevice({ url: one.device.url, org: 'acme', clock: one.clock });
    assert.equal((await unknown.call({ method: 'POST', path: '/v1/audit', body: log.batch(1) })).status, 401);
  });
});
