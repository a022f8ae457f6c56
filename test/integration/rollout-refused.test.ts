// SPDX-License-Identifier: Apache-2.0
// Invariant S5 end to end: a version that a device cannot use is refused by its real engine, told with the place of the fault, and halted
// by the real server by itself, while the other rings never see it.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pinRing } from '../../src/control-plane/devices/acts.ts';
import { saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { publish } from '../../src/control-plane/policies/publish.ts';
import { readVersion } from '../../src/control-plane/policies/version.ts';
import type { Organisation } from '../../src/proxy/sync/org-types.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { targetAt } from './enrol-kit.ts';
import { engineOf, folderFor } from './sync-kit.ts';

const GOOD = 'models:\n  deny: ["old-*"]\n';
/** Good wherever TEAM_KEY is set, so that the server lets it pass. */
const BAD = `providers:\n  - name: team\n    type: openai\n    api_key: \${TEAM_KEY}\n`;
/** Others of the ring; one in thirty-one is far above the half percent. */
const OTHERS = 30;
/** Milliseconds; a hang, not a measure. */
const HANG = 120_000;

/** A real engine on an enrolled device of the ring. */
async function deviceIn(t: TestContext, plane: ControlPlane, ring: string): Promise<Organisation & { id: string }> {
  const { org, ctx } = plane;
  const device = await plane.enrolled();
  await pinRing(ctx, org, device.id, ring, TESTER);
  const { root } = await targetAt(plane);
  const opened = await engineOf(t, { ...device, ring }, { root, dataDir: folderFor(t), clock: ctx.clock });
  return Object.assign(opened, { id: device.id });
}

test('a version that devices of the first ring refuse is told with its place, and halts by itself', {
  timeout: HANG,
}, async (t) => {
  const clock = new FakeClock();
  const plane = await startControlPlane({ clock, settings: { limits: { enrolments_per_minute: 1_000 } } });
  t.after(() => plane.close());
  const { ctx, org } = plane;
  const give = async (config: string, stage: number): Promise<number> => {
    const version = await saveDraft(ctx, org, TESTER, { config, files: {}, note: '' });
    await publish(ctx, org, TESTER, version, { stage });
    return version;
  };
  const good = await give(GOOD, 100);
  const first = await deviceIn(t, plane, 'r1');
  const last = await deviceIn(t, plane, 'r100');
  for (const device of [first, last]) assert.equal((await device.syncNow()).policy?.version, good);

  const bad = await give(BAD, 1);
  const { policy, refused } = await first.syncNow();
  assert.equal(policy?.version, good, 'what ruled goes on ruling');
  assert.equal(refused?.version, bad);
  assert.deepEqual(
    refused.errors.map(({ line, column, at }) => ({ line, column, at })),
    [{ line: 4, column: 14, at: 'providers[0].api_key' }],
  );

  // All others of the ring take it.
  const active = { version: bad, sha256: refused.sha256, since: clock.now() };
  for (let n = 0; n < OTHERS; n++) {
    const other = await plane.enrolled();
    await pinRing(ctx, org, other.id, 'r1', TESTER);
    assert.equal((await other.post('/v1/status', other.status({ ring: 'r1', active }))).status, 200);
  }
  const told = async (): Promise<string | null> => {
    const rows = ctx.db.query.selectFrom('device').select('refused').where('id', '=', first.id);
    return (await rows.executeTakeFirstOrThrow()).refused;
  };
  // What has changed is reported within seconds.
  clock.advance(5_000);
  while ((await told()) === null) await nextTurn();
  const nack = JSON.parse((await told()) ?? '') as { version: number; errors: { line: number; message: string }[] };
  assert.deepEqual([nack.version, nack.errors[0]?.line], [bad, 4]);
  assert.match(nack.errors[0]?.message ?? '', /TEAM_KEY/);

  // The server looks after roll-outs once a minute.
  clock.advance(60_000);
  while ((await readVersion(ctx.db.query, org, bad)).state === 'rolling') await nextTurn();
  const { state, halt_reason } = await readVersion(ctx.db.query, org, bad);
  assert.equal(state, 'halted');
  assert.match(halt_reason ?? '', /1 of 31 devices refuse it/);
  const versionOf = async (device: Organisation): Promise<number> => (await device.syncNow()).policy?.version ?? 0;
  while ((await versionOf(first)) <= bad) await nextTurn();
  const back = await readVersion(ctx.db.query, org, await versionOf(first));
  assert.deepEqual([back.restores, back.config, first.status().refused], [good, GOOD, undefined]);
  assert.equal(await versionOf(last), good, 'the other rings never saw it');
  const alarms = await ctx.db.query.selectFrom('alarm').select('kind').where('org', '=', org).execute();
  assert.deepEqual(alarms, [{ kind: 'rollout-halted' }]);
});
