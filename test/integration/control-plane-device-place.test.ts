// SPDX-License-Identifier: Apache-2.0
// The ring of a device never takes it back to an older version of the policy, and a device whose place is taken is told of.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DeviceTable } from '../../src/control-plane/db/tables.ts';
import { pinRing, requestReenrolment } from '../../src/control-plane/devices/acts.ts';
import { saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { halt } from '../../src/control-plane/policies/halt.ts';
import { advance, publish } from '../../src/control-plane/policies/publish.ts';
import { ringOf } from '../../src/control-plane/policies/rings.ts';
import { Refused } from '../../src/control-plane/refused.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import type { FakeDevice } from '../fakes/device.ts';

onEachDatabase((freshUrl) => {
  const clock = new FakeClock();
  let plane: ControlPlane;
  let count = 0;

  before(async () => {
    const settings = { limits: { enrolments_per_minute: 10_000 } };
    plane = await startControlPlane({ database: await freshUrl(), clock, settings });
  });
  after(() => plane.close());

  /** An organisation of the test's own, with one version everywhere and another one in the first ring. */
  async function rollingOut() {
    const { org, token } = await plane.addOrg(`acme-${++count}`);
    const { ctx } = plane;
    const give = async (stage: number): Promise<number> => {
      const config = `hosts:\n  - host: h${stage}.example.com\n    action: block\n`;
      const version = await saveDraft(ctx, org, TESTER, { config, files: {}, note: '' });
      await publish(ctx, org, TESTER, version, { stage });
      return version;
    };
    assert.deepEqual([await give(100), await give(1)], [1, 2]);
    const enrol = async (serial?: string): Promise<FakeDevice> => {
      const device = plane.device({ org, ...(serial === undefined ? {} : { facts: { serial } }) });
      await device.enrol(token);
      return device;
    };
    const pin = (device: FakeDevice, ring: string | undefined) => pinRing(ctx, org, device.id, ring, TESTER);
    const ring_key = await ctx.db.query.selectFrom('org').select('ring_key').where('id', '=', org).executeTakeFirst();
    const drawn = ({ id }: { readonly id: string }) => ringOf(ring_key?.ring_key ?? Buffer.alloc(0), id);
    return { org, enrol, pin, drawn };
  }

  const rowOf = async ({ id }: FakeDevice): Promise<DeviceTable> =>
    await plane.ctx.db.query.selectFrom('device').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

  /** The device says that it has the version. */
  async function runs(device: FakeDevice, version: number): Promise<void> {
    const active = { version, sha256: 'ab'.repeat(32), since: clock.now() };
    assert.equal((await device.post('/v1/status', device.status({ active }))).status, 200);
  }

  const isStepBack = (error: unknown): boolean =>
    error instanceof Refused &&
    error.why === 'conflict' &&
    /has version 2 of the policy; ring r100 has version 1, which it would refuse/.test(error.message);

  test('a device is not put into a ring with an older version than it has', async () => {
    const { org, enrol, pin } = await rollingOut();
    const device = await enrol();
    await pin(device, 'r1');
    // Whether it has fetched what its ring has, nobody knows before it says so.
    await assert.rejects(pin(device, 'r100'), isStepBack);
    await runs(device, 2);
    await assert.rejects(pin(device, 'r100'), isStepBack);
    const { ring, ring_pinned } = await rowOf(device);
    assert.deepEqual([ring, ring_pinned], ['r1', 1]);
    await advance(plane.ctx, org, TESTER, 2, 100);
    await pin(device, 'r100');
    assert.equal((await rowOf(device)).ring, 'r100');
  });

  test('nor by its own word, where its ring is behind it already; and its ring it may keep', async () => {
    const { enrol, pin } = await rollingOut();
    const device = await enrol();
    await pin(device, 'r50');
    await runs(device, 2);
    await assert.rejects(pin(device, 'r100'), isStepBack);
    await pin(device, 'r50');
    await pin(device, 'r1');
  });

  test('into a ring that gives no version a device may go: it keeps what it has', async () => {
    const { org, token } = await plane.addOrg(`acme-${++count}`);
    const { ctx } = plane;
    const version = await saveDraft(ctx, org, TESTER, { config: '{}', files: {}, note: '' });
    await publish(ctx, org, TESTER, version, { stage: 10 });
    const device = plane.device({ org });
    await device.enrol(token);
    await runs(device, 5);
    await pinRing(ctx, org, device.id, 'r50', TESTER);
    await assert.rejects(pinRing(ctx, org, device.id, 'r1', TESTER), /ring r1 has version 1, which it would refuse/);
    // There is nothing to be put back.
    await halt(ctx, org, TESTER, version, 'test');
    await pinRing(ctx, org, device.id, 'r1', TESTER);
  });

  test('back to the drawn ring it goes only when that has caught up', async () => {
    const { org, enrol, pin, drawn } = await rollingOut();
    let device = await enrol();
    while (drawn(device) !== 'r100') device = await enrol();
    await pin(device, 'r1');
    await assert.rejects(pin(device, undefined), isStepBack);
    assert.equal((await rowOf(device)).ring, 'r1');
    await halt(plane.ctx, org, TESTER, 2, 'test');
    // What was put back in the first ring has a higher number still.
    await assert.rejects(pin(device, undefined), /ring r100 has version 1/);
    const version = await saveDraft(plane.ctx, org, TESTER, { config: '{}', files: {}, note: '' });
    await publish(plane.ctx, org, TESTER, version, { stage: 100 });
    await pin(device, undefined);
    assert.deepEqual([(await rowOf(device)).ring, (await rowOf(device)).ring_pinned], ['r100', 0]);
  });

  test('a machine that enrols again keeps its ring where the one that is drawn would take it back', async () => {
    const { enrol, pin, drawn } = await rollingOut();
    const first = await enrol('SER-1');
    await pin(first, 'r1');
    await runs(first, 2);
    let last = first;
    for (let n = 0; n < 5; n += 1) {
      last = await enrol('SER-1');
      assert.equal(last.ring, 'r1');
    }
    // Another machine, with nothing to lose, has the ring that is drawn for it; the next time as well.
    let other = await enrol('OTHER-0');
    for (let n = 1; other.ring === 'r1'; n += 1) other = await enrol(`OTHER-${n}`);
    assert.equal(other.ring, drawn(other));
    const again = await enrol(other.facts.serial);
    assert.equal(again.ring, drawn(again));
  });

  const alarmsOf = async (org: string) =>
    await plane.ctx.db.query
      .selectFrom('alarm')
      .select(['kind', 'device', 'count', 'detail', 'state'])
      .where('org', '=', org)
      .orderBy('first')
      .execute();

  test('whoever enrols with the serial of an active device raises an alarm, each time', async () => {
    const { org, enrol } = await rollingOut();
    const [first] = [await enrol('SER-7'), await enrol('SER-8')];
    await enrol();
    assert.deepEqual(await alarmsOf(org), []);
    const second = await enrol('SER-7');
    const third = await enrol('SER-7');
    const [alarm, ...others] = await alarmsOf(org);
    assert.deepEqual(others, []);
    assert.deepEqual(
      [alarm?.kind, alarm?.device, alarm?.count, alarm?.state],
      ['device-displaced', first.id, 2, 'open'],
    );
    assert.deepEqual(JSON.parse(alarm?.detail ?? ''), { displaced: second.id, by: third.id, serial: 'SER-7' });
  });

  test('a device that was told to enrol again raises none', async () => {
    const { org, enrol } = await rollingOut();
    const device = await enrol('SER-9');
    await requestReenrolment(plane.ctx, org, device.id, TESTER);
    await enrol('SER-9');
    assert.deepEqual(await alarmsOf(org), []);
  });
});
