// SPDX-License-Identifier: Apache-2.0
// Devices, people and records through `outpost-admin`: what is done to them is done by the same services as in the page.

import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAttempts } from '../../src/control-plane/admin/auth/attempts.ts';
import { signInLocally } from '../../src/control-plane/admin/auth/local-sign-in.ts';
import { raiseAlarm } from '../../src/control-plane/alarms/raise.ts';
import { storeBatch } from '../../src/control-plane/ingest/store-batch.ts';
import { overrideKeyBound } from '../../src/control-plane/objects/secrets.ts';
import { writeDigest } from '../../src/control-plane/retention/digest.ts';
import { digestFolder } from '../../src/control-plane/retention/digest-folder.ts';
import { checkOverrideCode } from '../../src/protocol/override-code.ts';
import { type Desk, openDesk } from '../fakes/admin-desk.ts';
import { intentBody, refusalBody } from '../fakes/audit-rows.ts';
import { ORG } from '../fakes/control-plane-org.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import { DeviceLog } from '../fakes/device-log.ts';

async function actionsOf(desk: Desk): Promise<readonly string[]> {
  const { rows } = await desk.ok<{ rows: { action: string; actor: string; detail: Record<string, unknown> }[] }>([
    'admin-log',
    'show',
    '--actor',
    'cli',
  ]);
  return rows.map(({ action, detail }) => `${action} ${detail['os_user'] ?? ''}`.trimEnd()).toReversed();
}

onEachDatabase((freshUrl) => {
  test('a device is put into a ring, made to enrol again, and revoked', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const device = await desk.org.addDevice({ name: 'laptop-7' });
    const { id } = device;
    await desk.ok(['device', 'ring', id, 'r50']);
    const one = await desk.ok<{ devices: Record<string, unknown>[] }>([
      'device',
      'list',
      '--ring',
      'r50',
      '--search',
      'top-7',
    ]);
    assert.deepEqual(
      one.devices.map((row) => [row['id'], row['ring'], row['ring_pinned']]),
      [[id, 'r50', true]],
    );
    assert.match(await desk.refused(['device', 'ring', id, 'r7']), /no such ring/);
    await desk.ok(['device', 'ring', id, 'drawn']);
    const { code } = await desk.ok(['device', 'override-code', id, '--minutes', '15']);
    const key = desk.org.ctx.keys.decrypt(device.override_key, overrideKeyBound(ORG, id));
    assert.equal(checkOverrideCode(key, String(code), desk.org.clock.now(), new Set())?.minutes, 15);
    await desk.ok(['device', 'reenroll', id]);
    await desk.ok(['device', 'revoke', id, '--reason', 'lost']);
    const shown = await desk.ok<{ device: Record<string, unknown> }>(['device', 'show', id]);
    assert.deepEqual([shown.device['state'], shown.device['revoke_reason']], ['revoked', 'lost']);
    assert.equal((await desk.org.fresh('r1')).revoked.length, 1);
    // Neither keys nor what codes are made of.
    assert.ok(!JSON.stringify(shown).includes('_key"'), JSON.stringify(shown));
    // The only way back. A server sees within a second what another process did.
    await desk.ok(['device', 'reenroll', id]);
    desk.org.clock.advance(1_000);
    assert.equal((await desk.org.fresh('r1')).revoked.length, 0);
    assert.deepEqual(
      (await actionsOf(desk)).filter((action) => action.startsWith('device')),
      ['ring', 'ring', 'override', 'reenroll', 'revoke', 'reenroll'].map((act) => `device.${act} tester`),
    );
  });

  test('more devices than a page are all listed, or as many as wanted', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    await desk.org.addDevices(205);
    assert.equal((await desk.ok<{ devices: unknown[] }>(['device', 'list'])).devices.length, 205);
    assert.equal((await desk.ok<{ devices: unknown[] }>(['device', 'list', '--limit', '3'])).devices.length, 3);
  });

  test('tokens are listed by name alone, and revoked', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const made = await desk.ok([
      'token',
      'create',
      '--url',
      'https://cp.example.com',
      '--note',
      'for the lab',
      '--ca-file',
      '/etc/ca.pem',
    ]);
    assert.deepEqual((made['settings'] as { organisation: Record<string, unknown> }).organisation['ca_files'], [
      '/etc/ca.pem',
    ]);
    const list = await desk.run(['token', 'list']);
    assert.match(list.stdout, new RegExp(`^${made['id']} +good +0 of 1 .*for the lab$`, 'm'));
    assert.ok(!list.stdout.includes(String(made['token'])));
    await desk.ok(['token', 'revoke', String(made['id'])]);
    assert.match((await desk.run(['token', 'list'])).stdout, /revoked/);
    assert.match(await desk.refused(['token', 'revoke', String(made['id'])]), /no such token/);
  });

  test('people are added, sign in, are shut out', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const { ctx, clock } = desk.org;
    const { password } = await desk.ok(['user', 'add', 'ada', 'author', 'auditor']);
    const signIn = async (with_: unknown) =>
      await signInLocally(ctx, createAttempts(clock), ORG, { name: 'ada', password: String(with_), address: '::1' });
    await signIn(password);
    const { password: second } = await desk.ok(['user', 'reset-password', 'ada']);
    await assert.rejects(signIn(password));
    await signIn(second);
    await desk.ok(['user', 'roles', 'ada', 'admin']);
    assert.match(await desk.refused(['user', 'disable', 'ada']), /the last administrator must stay one/);
    await desk.ok(['user', 'add', 'bob', 'admin']);
    await desk.ok(['user', 'disable', 'ada']);
    await assert.rejects(signIn(second));
    assert.match((await desk.run(['user', 'list'])).stdout, /^ada +local +admin +.* yes +u-/m);
    await desk.ok(['user', 'enable', 'ada']);
    assert.match(await desk.refused(['user', 'roles', 'eve', 'admin']), /there is nobody called eve/);
  });

  test('rows are found, exported and checked; a changed one shows', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const { ctx } = desk.org;
    const device = await desk.org.addDevice();
    const log = DeviceLog.begin().add(intentBody('a')).add(refusalBody('b')).fill(600);
    assert.ok((await storeBatch(ctx, device, log.batch(1, 400))).ok);
    assert.ok((await storeBatch(ctx, device, log.batch(401))).ok);
    const found = await desk.ok<{ rows: { request: string }[] }>([
      'audit',
      'search',
      '--host',
      'api.*',
      '--kind',
      'refusal',
    ]);
    assert.deepEqual(
      found.rows.map(({ request }) => request),
      ['b'],
    );
    assert.equal((await desk.ok<{ rows: unknown[] }>(['audit', 'search', '--limit', '1000'])).rows.length, 603);
    assert.match(
      (await desk.run(['audit', 'search', '--limit', '1000'])).stdout,
      /^Searched back to .* UTC; --since all /m,
    );
    assert.equal((await desk.ok(['audit', 'search', '--since', 'all']))['since'], null);
    assert.doesNotMatch((await desk.run(['audit', 'search', '--limit', '1000', '--since', 'all'])).stdout, /Searched/);
    const all = await desk.run(['audit', 'export', '--device', device.id]);
    assert.equal(all.stdout.trimEnd().split('\n').length, 603);
    const acts = await desk.ok<{ rows: { actor: string; detail: { device: string } }[] }>([
      'admin-log',
      'show',
      '--action',
      'audit.export',
    ]);
    assert.deepEqual(
      acts.rows.map(({ actor, detail }) => [actor, detail.device]),
      [['cli', device.id]],
    );
    assert.deepEqual((await desk.ok(['audit', 'verify']))['whole'], true);
    await ctx.db.query.updateTable('audit').set({ body: '{"kind":"event"}' }).where('seq', '=', 5).execute();
    const broken = await desk.run(['audit', 'verify', device.id]);
    assert.equal(broken.code, 1);
    assert.match(broken.stdout, /no +row 5 is not what its hash says$/m);
  });

  test('the log of administrators is checked; a changed row shows', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    await desk.ok(['user', 'add', 'ada', 'viewer']);
    assert.equal((await desk.ok(['admin-log', 'verify']))['broken'], null);
    await desk.org.ctx.db.query
      .updateTable('admin_log')
      .set({ actor: 'user:eve' })
      .where('action', '=', 'user.create')
      .execute();
    const broken = await desk.run(['admin-log', 'verify']);
    assert.equal(broken.code, 1);
    assert.match(broken.stdout, /^row 3 was changed/);
  });

  test('alarms are seen and closed, holds placed and released', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const { ctx } = desk.org;
    const device = await desk.org.addDevice();
    const alarm = { org: ORG, kind: 'fork', device: device.id, key: 'fork:1', detail: { seq: 4 } } as const;
    await ctx.db.transaction((tx) => raiseAlarm(tx, ctx, alarm));
    const listed = await desk.run(['alarm', 'list', '--kind', 'fork']);
    assert.match(listed.stdout, /^fork: Two histories of one device\. /m);
    const [id = ''] = /a-[0-9a-f]{32}/.exec(listed.stdout) ?? [];
    await desk.ok(['alarm', 'ack', id]);
    assert.match(await desk.refused(['alarm', 'ack', id]), /acknowledged already/);
    await desk.ok(['alarm', 'close', id]);
    assert.deepEqual(await desk.ok(['alarm', 'list', '--state', 'open']), { alarms: [] });
    const range = ['--from', '2030-01-01', '--to', '2030-01-31T12:00', '--reason', 'case 4'];
    const { id: hold } = await desk.ok(['hold', 'place', ...range, '--device', device.id]);
    const { holds } = await desk.ok<{ holds: Record<string, unknown>[] }>(['hold', 'list']);
    assert.deepEqual([holds[0]?.['from'], holds[0]?.['to']], [Date.UTC(2030, 0, 1), Date.UTC(2030, 0, 31, 12)]);
    await desk.ok(['hold', 'release', String(hold)]);
    assert.match(await desk.refused(['hold', 'release', String(hold)]), /was released/);
  });

  test('digests are checked against the database; a changed one shows, and none at all prove nothing', async (t) => {
    const desk = await openDesk(await freshUrl(), t);
    const { ctx, clock } = desk.org;
    assert.equal((await desk.run(['digest', 'verify', desk.files])).code, 1);
    for (let hour = 0; hour < 2; hour += 1) {
      await writeDigest(ctx, ORG, digestFolder(ctx, desk.files));
      clock.jumpWall(3_600_000);
    }
    const good = await desk.ok(['digest', 'verify', desk.files]);
    assert.deepEqual([good['digests'], good['findings']], [2, []]);
    const [first = ''] = readdirSync(join(desk.files, ORG)).toSorted();
    writeFileSync(join(desk.files, ORG, first), '{}');
    const bad = await desk.run(['digest', 'verify', desk.files]);
    assert.equal(bad.code, 1);
    assert.ok(bad.stdout.includes(`${first}: it is not as it was signed`), bad.stdout);
  });
});
