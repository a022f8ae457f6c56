// SPDX-License-Identifier: Apache-2.0
// Roll-outs that look after themselves: what halts a version, what does not, what goes on by itself, on both databases.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RowBody } from '../../src/contract/audit-row.ts';
import { updateOrg } from '../../src/control-plane/orgs/update.ts';
import { saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { rolloutHealth } from '../../src/control-plane/policies/health.ts';
import { publish } from '../../src/control-plane/policies/publish.ts';
import { superviseRollouts } from '../../src/control-plane/policies/supervise.ts';
import { readVersion } from '../../src/control-plane/policies/version.ts';
import { ALICE, ORG, openOrg, type TestOrg } from '../fakes/control-plane-org.ts';
import { onEachDatabase } from '../fakes/databases.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** `good` at 100, then `bad` at the first stage. */
async function rollingOut({ ctx, clock }: TestOrg): Promise<{ readonly good: number; readonly bad: number }> {
  const save = (text: string) => saveDraft(ctx, ORG, ALICE, { config: text, files: {}, note: '' });
  const good = await save('{}');
  await publish(ctx, ORG, ALICE, good, { stage: 100 });
  const bad = await save('models: {deny: ["*"]}');
  clock.advance(8 * DAY);
  await publish(ctx, ORG, ALICE, bad);
  return { good, bad };
}

const call = {
  entrance: 'intercept',
  protocol: 'h2',
  host: 'api.openai.com',
  method: 'POST',
  path: '/v1/responses',
} as const;
const about = { ...call, request: 'req_1', decision: 'dec_1', understood: true, policy: 'x' };
const allowed: RowBody = { ...about, kind: 'intent', action: 'allow', provider: 'openai', target_model: 'gpt-5' };
const denied: RowBody = { ...about, kind: 'refusal', action: 'block', error: 'OUT_BLOCKED_MODEL', rule: 'models' };
const failed: RowBody = { ...about, kind: 'refusal', action: 'block', error: 'OUT_AUDIT_UNAVAILABLE' };
const times = (count: number, body: RowBody): RowBody[] => Array<RowBody>(count).fill(body);

const stateOf = async ({ ctx }: TestOrg, version: number) => (await readVersion(ctx.db.query, ORG, version)).state;
const set = (org: TestOrg, ids: readonly string[], values: { refused_version?: number; last_seen?: number }) =>
  org.ctx.db.query.updateTable('device').set(values).where('id', 'in', ids).execute();

onEachDatabase((freshUrl) => {
  test('a version that more than half a percent of its devices refuse halts by itself, with an alarm', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { good, bad } = await rollingOut(org);
    const devices = await org.addDevices(250, { policy_version: bad });
    await org.addDevices(50, { ring: 'r100', policy_version: good });
    // Long gone: they say nothing about this version.
    await org.addDevices(10, { last_seen: org.clock.now() - 2 * DAY });
    await set(org, devices.slice(0, 1), { refused_version: bad });
    await superviseRollouts(org.ctx);
    assert.equal(await stateOf(org, bad), 'rolling');
    await set(org, devices.slice(0, 2), { refused_version: bad });
    const health = await rolloutHealth(org.ctx, ORG, bad);
    assert.deepEqual([health.verdict, health.devices, health.running, health.refused], ['halt', 250, 250, 2]);
    assert.match(health.reason ?? '', /2 of 250 devices refuse it/);
    await superviseRollouts(org.ctx);
    assert.equal(await stateOf(org, bad), 'halted');
    const fresh = await org.fresh('r1');
    assert.ok((fresh.bundle?.version ?? 0) > bad);
    assert.equal((await org.fresh('r100')).bundle?.version, good);
    const { query } = org.ctx.db;
    const alarms = await query.selectFrom('alarm').select(['kind', 'key', 'detail']).where('org', '=', ORG).execute();
    assert.deepEqual(
      alarms.map(({ kind }) => kind),
      ['rollout-halted'],
    );
    assert.match(alarms[0]?.detail ?? '', /2 of 250/);
    const halts = await query.selectFrom('admin_log').select('actor').where('action', '=', 'policy.halt').execute();
    assert.deepEqual(halts, [{ actor: 'system' }]);
    // A second look finds it done.
    await superviseRollouts(org.ctx);
    assert.equal((await org.fresh('r1')).seq, fresh.seq);
  });

  test('a version that refuses three times the usual share of calls is halted', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const device = await org.addDevice();
    const other = await org.addDevice({ ring: 'r100' });
    // More than a week before the publishing: too old to be usual.
    await org.upload(device.id, [...times(10, allowed), ...times(90, denied)]);
    const { bad } = await rollingOut(org);
    const judge = async () => {
      const { verdict, denied: now, deniedBefore } = await rolloutHealth(org.ctx, ORG, bad);
      return [verdict, now, deniedBefore];
    };
    await org.ctx.db.query
      .updateTable('device')
      .set({ policy_version: bad, policy_since: org.clock.now(), last_seen: org.clock.now() })
      .where('id', '=', device.id)
      .execute();
    assert.deepEqual(await judge(), ['go', undefined, undefined]);
    // Refusals that no rule is to blame for, and those of other devices, do not count.
    await org.upload(device.id, [...times(80, allowed), ...times(20, failed)]);
    await org.upload(other.id, times(100, denied));
    assert.deepEqual(await judge(), ['go', 0, undefined]);
    // Few calls prove nothing.
    await org.upload(device.id, times(19, denied));
    assert.deepEqual(await judge(), ['go', 19 / 99, undefined]);
    await org.upload(device.id, times(1, denied));
    assert.deepEqual(await judge(), ['halt', 0.2, undefined]);
  });

  test('the usual share is that of the week before, on the same devices', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const device = await org.addDevice();
    const { bad } = await rollingOut(org);
    const at = { policy_version: bad, policy_since: org.clock.now() };
    await org.ctx.db.query.updateTable('device').set(at).where('id', '=', device.id).execute();
    // As if these had come three days before the publishing.
    await org.upload(device.id, [...times(90, allowed), ...times(10, denied)]);
    const moved = { received: org.clock.now() - 3 * DAY, at: org.clock.now() - 3 * DAY };
    await org.ctx.db.query.updateTable('audit').set(moved).where('device', '=', device.id).execute();
    await org.upload(device.id, [...times(71, allowed), ...times(29, denied)]);
    const { verdict, denied: now, deniedBefore } = await rolloutHealth(org.ctx, ORG, bad);
    assert.deepEqual([verdict, now, deniedBefore], ['go', 0.29, 0.1]);
    await org.upload(device.id, times(10, denied));
    assert.equal((await rolloutHealth(org.ctx, ORG, bad)).verdict, 'halt');
  });

  test('devices that fall silent halt a version only when the others do not', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { good, bad } = await rollingOut(org);
    const here = await org.addDevices(100, { policy_version: bad });
    const there = await org.addDevices(400, { ring: 'r100', policy_version: good });
    org.clock.advance(60 * MINUTE);
    const awake = { last_seen: org.clock.now() };
    // Evening: 30 % of all are asleep.
    await set(org, here.slice(30), awake);
    await set(org, there.slice(120), awake);
    const evening = await rolloutHealth(org.ctx, ORG, bad);
    assert.deepEqual([evening.verdict, evening.silent, evening.silentElsewhere], ['go', 0.3, 0.3]);
    await set(org, there, awake);
    const broken = await rolloutHealth(org.ctx, ORG, bad);
    assert.deepEqual([broken.verdict, broken.silent, broken.silentElsewhere], ['halt', 0.3, 0]);
    assert.match(broken.reason ?? '', /30\.0 % of its devices fell silent, 0\.0 % of the others/);
  });

  test('a stage gives way to the next by itself only where that is wanted, and once', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { bad: version } = await rollingOut(org);
    await org.addDevices(3, { policy_version: null });
    const stage = async () => (await readVersion(org.ctx.db.query, ORG, version)).stage;
    org.clock.advance(DAY / 2);
    await superviseRollouts(org.ctx);
    assert.equal(await stage(), 1);
    const rollout = { stages: [1, 50, 100], advance_after_min: 30 };
    await updateOrg(org.ctx, ORG, ALICE, { settings: () => ({ rollout }) });
    await superviseRollouts(org.ctx);
    // Nobody runs it yet: that proves nothing.
    assert.equal(await stage(), 1);
    await org.ctx.db.query.updateTable('device').set({ policy_version: version }).execute();
    await Promise.all([superviseRollouts(org.ctx), superviseRollouts(org.ctx)]);
    assert.equal(await stage(), 50);
    org.clock.advance(29 * MINUTE);
    await superviseRollouts(org.ctx);
    assert.equal(await stage(), 50);
    org.clock.advance(MINUTE);
    await superviseRollouts(org.ctx);
    assert.equal(await stateOf(org, version), 'active');
  });

  test('what a crash between halting and putting back left over is done later', async (t) => {
    const org = await openOrg(await freshUrl(), t);
    const { good, bad } = await rollingOut(org);
    await org.ctx.db.query.updateTable('policy').set({ state: 'halted' }).where('version', '=', bad).execute();
    org.clock.advance(1000);
    // Until then nobody gets the bad one.
    assert.equal((await org.fresh('r1')).bundle, null);
    await superviseRollouts(org.ctx);
    const version = (await org.fresh('r1')).bundle?.version ?? 0;
    assert.equal((await readVersion(org.ctx.db.query, ORG, version)).restores, good);
  });
});
