// SPDX-License-Identifier: Apache-2.0
// What devices make of a control plane whose database was put back to an older copy, and how it gets them back.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import type { AuditAnswer, ErrorAnswer } from '../../src/contract/sync/messages.ts';
import { setSecret } from '../../src/control-plane/objects/secrets.ts';
import { rotateRoot } from '../../src/control-plane/orgs/root-change.ts';
import { saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { publish } from '../../src/control-plane/policies/publish.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { DeviceLog } from '../fakes/device-log.ts';
import { targetAt } from './enrol-kit.ts';
import { engineOf, folderFor } from './sync-kit.ts';

async function give({ ctx, org }: ControlPlane, config: string): Promise<number> {
  const version = await saveDraft(ctx, org, TESTER, { config, files: {}, note: '' });
  await publish(ctx, org, TESTER, version, { stage: 100 });
  return version;
}

test('after an older copy of the database was put back', async (t) => {
  const folder = folderFor(t);
  const clock = new FakeClock();
  const file = join(folder, 'control-plane.db');
  const plane = await startControlPlane({ clock, database: `sqlite:${file}` });
  t.after(() => plane.close());
  const { root } = await targetAt(plane);
  const device = await plane.enrolled();
  const dataDir = folderFor(t);
  const before = await engineOf(t, device, { root, dataDir, clock });
  const log = DeviceLog.begin().fill(99);
  const send = (from: number, to: number) => device.post('/v1/audit', log.batch(from, to));
  await give(plane, 'models: {deny: ["one"]}');
  await before.syncNow();
  assert.equal((await send(1, 50)).status, 200);

  const copy = join(folder, 'copy.db');
  const source = new Database(file, { readonly: true });
  await source.backup(copy);
  source.close();

  await give(plane, 'models: {deny: ["one", "two"]}');
  await setSecret(plane.ctx, plane.org, TESTER, 'openai', 'sk-late');
  assert.equal((await before.syncNow()).policy?.version, 2);
  assert.equal((await send(51, 80)).status, 200);
  const late = await plane.enrolled();
  await before.close();
  // Until it signs anew, its document is one that was in force before, and no news.
  clock.advance(3_600_000);
  const restored = await startControlPlane({ clock, beside: { ...plane, database: `sqlite:${copy}` } });
  t.after(() => restored.close());
  for (const each of [device, late]) each.url = restored.url;
  const engine = await engineOf(t, device, { root, dataDir, clock });

  await t.test('devices refuse its documents, and keep the policy that they had', async () => {
    const { policy, refused, phase } = await engine.syncNow();
    assert.deepEqual([policy?.version, refused?.version, phase], [2, 0, 'fresh']);
    assert.match(refused?.errors[0]?.message ?? '', /older than one that was accepted before/);
  });

  await t.test('rows that it lost are asked for and stored again', async () => {
    const answer = await send(81, 100);
    assert.equal(answer.status, 409);
    const { error, ack } = answer.json<ErrorAnswer>();
    assert.deepEqual([error, ack?.seq], ['behind', 50]);
    assert.equal((await send(51, 100)).json<AuditAnswer>().ack.seq, 100);
    const alarms = await restored.ctx.db.query.selectFrom('alarm').select('kind').execute();
    assert.deepEqual(alarms, []);
  });

  await t.test('a device that it has forgotten is told to enrol again', async () => {
    const answer = await late.post('/v1/status', late.status());
    assert.equal(`${answer.status} ${answer.json<ErrorAnswer>().error}`, '401 reenroll');
  });

  await t.test(
    'with another freshness key its documents count again, and with a higher version its policy',
    async () => {
      await rotateRoot(restored.ctx, plane.keysDir, plane.org, TESTER, ['freshness']);
      const { policy, refused, root: number } = await engine.syncNow();
      assert.deepEqual([policy?.version, refused?.version, number], [2, 1, 2], 'version 1 would be a step back');
      assert.equal(await give(restored, 'models: {deny: ["one", "two", "three"]}'), 2);
      const next = await engine.syncNow();
      assert.deepEqual([next.policy?.version, next.refused, next.phase], [2, undefined, 'fresh']);
      assert.notEqual(next.policy?.sha256, policy?.sha256);
    },
  );
});
