// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { StatusRequest } from '../../src/contract/sync/messages.ts';
import type { DeviceTable } from '../../src/control-plane/db/tables.ts';
import { type DeviceFilter, listDevices, readDevice } from '../../src/control-plane/devices/list.ts';
import { Refused } from '../../src/control-plane/refused.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane } from '../fakes/control-plane.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import type { FakeDevice } from '../fakes/device.ts';

const HOUR = 3_600_000;
const EPOCH = '0123456789abcdef';
const sha256 = 'b'.repeat(64);

onEachDatabase((freshUrl) => {
  const clock = new FakeClock();
  let plane: ControlPlane;

  before(async () => {
    const settings = { limits: { enrolments_per_minute: 10_000 } };
    plane = await startControlPlane({ database: await freshUrl(), clock, settings });
  });
  after(() => plane.close());

  const rowOf = async ({ id }: FakeDevice): Promise<DeviceTable> =>
    await plane.ctx.db.query.selectFrom('device').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const report = async (device: FakeDevice, change: Partial<StatusRequest>): Promise<void> => {
    const answer = await device.post('/v1/status', device.status(change));
    assert.equal(answer.status, 200, answer.body.toString('utf8'));
  };
  const active = (version: number): StatusRequest['active'] => ({ version, sha256, since: clock.now() - HOUR });
  const alarms = async ({ id }: FakeDevice): Promise<string[]> => {
    const rows = await plane.ctx.db.query.selectFrom('alarm').selectAll().where('device', '=', id).execute();
    return rows.map(({ kind, detail }) => `${kind} ${detail}`);
  };

  test('a status is kept, in columns and as a whole', async () => {
    const device = await plane.enrolled();
    clock.advance(5_000);
    const errors = [{ message: 'unknown key', line: 3, column: 5, at: 'models.deny' }];
    const status = device.status({
      facts: { ...device.facts, name: 'renamed', agent: '1.2.3' },
      active: active(4),
      freshness: 'stale',
      candidate: { version: 5, sha256, errors },
      root: 2,
      fresh_seq: 17,
      queue: { epoch: EPOCH, seq: 40, rows: 12, bytes: 3_456, oldest: clock.now() - 60_000, quarantined: 1 },
      clock_delta_ms: -1_500,
      coverage: { interception: 'bypass', warnings: ['proxy-not-set'] },
    });
    const answer = await device.post('/v1/status', status);
    assert.deepEqual(answer.json(), { now: clock.now(), ring: device.ring, reenroll: false, user: null });
    const row = await rowOf(device);
    const { name, agent, policy_version, policy_since, freshness, root, fresh_seq, refused_version } = row;
    assert.deepEqual(
      { name, agent, policy_version, policy_since, freshness, root, fresh_seq, refused_version },
      {
        name: 'renamed',
        agent: '1.2.3',
        policy_version: 4,
        policy_since: clock.now() - HOUR,
        freshness: 'stale',
        root: 2,
        fresh_seq: 17,
        refused_version: 5,
      },
    );
    assert.deepEqual([row.queue_rows, row.queue_bytes, row.clock_delta], [12, 3_456, -1_500]);
    assert.deepEqual([row.last_seen, row.status_at], [clock.now(), clock.now()]);
    assert.deepEqual(JSON.parse(row.refused ?? ''), status.candidate);
    assert.deepEqual(JSON.parse(row.coverage), status.coverage);
    assert.deepEqual(JSON.parse(row.status ?? ''), status);
    // What is well again is no longer told.
    await report(device, { active: active(5) });
    const well = await rowOf(device);
    assert.deepEqual([well.refused, well.refused_version, well.policy_version], [null, null, 5]);
  });

  test('a serial is the one that the device enrolled with', async () => {
    const device = await plane.enrolled({ facts: { serial: 'FIRST' } });
    await report(device, { facts: { ...device.facts, serial: 'SECOND' } });
    assert.equal((await rowOf(device)).serial, 'FIRST');
    const unnamed = await plane.enrolled();
    await report(unnamed, { facts: { ...unnamed.facts, serial: 'LATE' } });
    assert.equal((await rowOf(unnamed)).serial, 'LATE');
  });

  test('an older policy than before raises one alarm, a newer one none', async () => {
    const device = await plane.enrolled();
    for (const version of [3, 4, 4, 9]) await report(device, { active: active(version) });
    assert.deepEqual(await alarms(device), []);
    await report(device, { active: active(8) });
    assert.deepEqual(await alarms(device), ['rolled-back {"said":8,"stored":9}']);
    await report(device, { active: active(8) });
    assert.equal((await alarms(device)).length, 1);
    await report(device, { active: null });
    assert.deepEqual((await alarms(device)).at(-1), 'rolled-back {"said":0,"stored":8}');
  });

  test('fewer rows than were stored raise an alarm, once a late status cannot be the reason', async () => {
    const device = await plane.enrolled();
    const queue = { epoch: EPOCH, seq: 50, rows: 0, bytes: 0, oldest: null, quarantined: 0 };
    await plane.ctx.db.query
      .insertInto('epoch')
      .values({
        device: device.id,
        epoch: EPOCH,
        org: plane.org,
        seq: 60,
        hash: 'c'.repeat(64),
        first_received: clock.now(),
        last_received: clock.now(),
        claimed: 0,
        follows: null,
      })
      .execute();
    await report(device, { queue });
    assert.deepEqual(await alarms(device), []);
    clock.advance(HOUR);
    await report(device, { queue: { ...queue, seq: 60 } });
    assert.deepEqual(await alarms(device), []);
    await report(device, { queue });
    assert.equal((await alarms(device)).length, 1);
    const epoch = await plane.ctx.db.query
      .selectFrom('epoch')
      .select('claimed')
      .where('device', '=', device.id)
      .executeTakeFirstOrThrow();
    assert.equal(epoch.claimed, 60);
  });

  test('polls are noticed once a minute, together', async () => {
    const [one, other] = [await plane.enrolled(), await plane.enrolled()];
    const before = clock.now();
    clock.advance(1_000);
    for (const device of [one, other, one, one]) assert.equal((await device.get(device.freshPath())).status, 200);
    assert.equal((await rowOf(one)).last_seen, before);
    await clock.advanceAsync(60_000);
    const seen = async (): Promise<number[]> => [(await rowOf(one)).last_seen, (await rowOf(other)).last_seen];
    for (let round = 0; round < 1_000 && (await seen()).includes(before); round++) await clock.advanceAsync(0);
    assert.ok((await seen()).every((at) => at > before));
  });

  test('the list has pages, filters and the columns that administrators want', async () => {
    const { org, token } = await plane.addOrg('listed');
    const names = ['beta', 'alpha', 'Gamma', 'alpha', 'delta', `100%_of'it\\`];
    const devices: FakeDevice[] = [];
    for (const name of names) {
      const device = plane.device({ org, facts: { name, serial: `SN-${devices.length}` } });
      await device.enrol(token);
      devices.push(device);
      clock.advance(1_000);
    }
    const [first, second] = devices;
    assert.ok(first !== undefined && second !== undefined);
    await report(first, {
      active: active(3),
      facts: { ...first.facts, os: { ...first.facts.os, platform: 'darwin' } },
    });
    for (const app of ['claude', 'codex']) {
      const at = clock.now();
      await plane.ctx.db.query
        .insertInto('device_app')
        .values({ device: first.id, app, org, first_seen: at, last_seen: at })
        .execute();
    }

    const everything = await listDevices(plane.ctx, org, {}, { limit: 100 });
    assert.equal(everything.devices.length, names.length);
    assert.equal(everything.next, undefined);
    for (const [sort, limit] of [
      ['name', 1],
      ['name', 2],
      ['last_seen', 1],
      ['last_seen', 4],
    ] as const) {
      const whole = (await listDevices(plane.ctx, org, {}, { sort, limit: 100 })).devices.map(({ id }) => id);
      const paged: string[] = [];
      let after: string | undefined;
      do {
        const page = await listDevices(plane.ctx, org, {}, { sort, limit, ...(after !== undefined && { after }) });
        paged.push(...page.devices.map(({ id }) => id));
        after = page.next;
      } while (after !== undefined);
      assert.deepEqual(paged, whole, sort);
    }
    const found = async (filter: DeviceFilter): Promise<string[]> =>
      (await listDevices(plane.ctx, org, filter)).devices.map(({ name }) => name).toSorted();
    assert.deepEqual(await found({ search: 'ALPHA' }), ['alpha', 'alpha']);
    assert.deepEqual(await found({ search: 'sn-4' }), ['delta']);
    assert.deepEqual(await found({ search: '%_' }), [`100%_of'it\\`]);
    assert.deepEqual(await found({ search: `'it\\` }), [`100%_of'it\\`]);
    assert.deepEqual(await found({ search: '_' }), [`100%_of'it\\`]);
    assert.deepEqual(await found({ platform: 'darwin' }), ['beta']);
    assert.deepEqual(await found({ policyVersion: 3 }), ['beta']);
    assert.deepEqual(await found({ app: 'codex' }), ['beta']);
    assert.deepEqual(await found({ state: 'revoked' }), []);
    assert.equal((await found({ silentSince: clock.now() })).length, names.length - 1);
    const beta = (await listDevices(plane.ctx, org, { search: 'beta' })).devices[0];
    assert.deepEqual([beta?.apps, beta?.freshness, beta?.serial], [2, 'none', 'SN-0']);
    // Not a column that would help anybody who reads the list over a shoulder.
    assert.ok(!Object.keys(beta ?? {}).some((column) => /key|token|status$/.test(column)));
    for (const after of ['', 'x', Buffer.from('[1,"a"]').toString('base64url')]) {
      await assert.rejects(listDevices(plane.ctx, org, {}, { after }), Refused);
    }
  });

  test('a device is shown in full to its own organisation alone', async () => {
    const device = await plane.enrolled();
    const { org } = await plane.addOrg('curious');
    const full = await readDevice(plane.ctx, plane.org, device.id);
    assert.equal(full?.device.id, device.id);
    assert.ok(full !== undefined && !('override_key' in full.device));
    assert.equal(await readDevice(plane.ctx, org, device.id), undefined);
    assert.deepEqual((await listDevices(plane.ctx, org)).devices, []);
  });
});
