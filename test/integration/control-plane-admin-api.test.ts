// SPDX-License-Identifier: Apache-2.0
// What each endpoint of the admin API does and answers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ADMIN_ENDPOINTS, type AdminEndpointName } from '../../src/contract/admin/endpoints.ts';
import { managedSettings } from '../../src/contract/sync/managed.ts';
import { intentBody, outcomeBody, refusalBody } from '../fakes/audit-rows.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane } from '../fakes/control-plane.ts';
import { type AdminClient, signedIn } from '../fakes/control-plane-admin-client.ts';
import { type AdminWorld, config, populate, upload, wishesFor } from '../fakes/control-plane-admin-world.ts';
import { onEachDatabase } from '../fakes/databases.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ALL = ['viewer', 'author', 'approver', 'auditor', 'admin'] as const;

onEachDatabase((freshUrl) => {
  const clock = new FakeClock(Date.UTC(2030, 0, 1, 12, 30));
  let plane: ControlPlane;
  let world: AdminWorld;
  let admin: AdminClient;

  before(async () => {
    plane = await startControlPlane({ database: await freshUrl(), clock });
    world = await populate(plane, plane.org, plane.token);
    admin = await signedIn(plane, plane.org, ALL, 'root');
  });
  after(() => plane.close());

  test('every endpoint that reads answers what the table says', async () => {
    const wishes = wishesFor(world);
    const reading = (Object.keys(ADMIN_ENDPOINTS) as AdminEndpointName[]).filter((name) => {
      const { method, permission, answer } = ADMIN_ENDPOINTS[name];
      return method === 'GET' && permission !== 'public' && typeof answer === 'object';
    });
    assert.equal(reading.length, 18);
    for (const name of reading) await admin.ok(name, wishes[name]);
  });

  test('the overview counts devices, calls by the hour, orders, alarms and what rules', async () => {
    const overview = await admin.ok('overview');
    assert.deepEqual(overview.devices, {
      total: 1,
      online: 1,
      by_platform: { linux: 1 },
      by_freshness: { none: 1 },
      by_version: [{ version: null, devices: 1 }],
      refusing: 0,
      unsent_rows: 0,
    });
    const { active, rolling } = world.versions;
    assert.deepEqual(overview.policy, { active, rolling, stage: 10, proposed: 1 });
    assert.deepEqual([overview.orders, overview.alarms.open], [1, 1]);
    assert.equal(overview.hours.length, 24);
    const last = overview.hours.at(-1);
    assert.deepEqual(last, { at: Date.UTC(2030, 0, 1, 12), calls: 2, refused: 1 });
  });

  test('hours that are over are remembered as they were; late rows of the last one still count', async () => {
    const count = async () => (await admin.ok('overview')).hours.filter(({ calls }) => calls > 0);
    const twelve = { at: Date.UTC(2030, 0, 1, 12), calls: 2, refused: 1 };
    clock.advance(35 * MINUTE);
    await upload(plane.ctx, plane.org, world.device, [
      intentBody('later'),
      intentBody('later', { attempt: 2 }),
      outcomeBody('later'),
      refusalBody('later-2'),
    ]);
    const thirteen = { at: Date.UTC(2030, 0, 1, 13), calls: 2, refused: 1 };
    assert.deepEqual(await count(), [twelve, thirteen]);
    await upload(plane.ctx, plane.org, world.device, [outcomeBody('later-3')]);
    assert.deepEqual(await count(), [twelve, { ...thirteen, calls: 3 }]);
    clock.advance(10 * MINUTE);
    await count();
    const { query } = plane.ctx.db;
    await query.updateTable('audit').set({ received: clock.now() }).where('request', '=', 'acme-1').execute();
    assert.deepEqual(await count(), [twelve, { ...thirteen, calls: 4 }]);
    await query.updateTable('audit').set({ received: twelve.at }).where('request', '=', 'acme-1').execute();
    admin = await signedIn(plane, plane.org, ALL);
    clock.advance(22 * HOUR);
    admin = await signedIn(plane, plane.org, ALL, 'root-2');
    const hours = (await admin.ok('overview')).hours;
    assert.equal(hours.length, 24);
    assert.deepEqual(
      hours.filter(({ calls }) => calls > 0),
      [twelve, { ...thirteen, calls: 3 }],
    );
    clock.advance(HOUR - 1);
    clock.advance(1);
    admin = await signedIn(plane, plane.org, ALL, 'root-3');
    assert.deepEqual(await count(), [{ ...thirteen, calls: 3 }]);
  });

  test('a device is found, looked at, and dealt with', async () => {
    const query = {
      search: 'ACME-LAP',
      platform: 'linux',
      state: 'active',
      app: 'acme-app',
      sort: 'last_seen',
      limit: 1,
    };
    const [found] = (await admin.ok('devices', { query })).devices;
    assert.deepEqual([found?.id, found?.name, found?.interception], [world.device, 'acme-laptop', 'unknown']);
    assert.deepEqual((await admin.ok('devices', { query: { refusing: 'true' } })).devices, []);
    const refused = {
      version: 3,
      sha256: 'a'.repeat(64),
      errors: [{ message: 'no', line: 2, column: 3, at: 'hosts' }],
    };
    await plane.ctx.db.query
      .updateTable('device')
      .set({ refused: JSON.stringify(refused), refused_version: 3 })
      .where('id', '=', world.device)
      .execute();
    assert.equal((await admin.ok('devices', { query: { refusing: 'true' } })).devices.length, 1);
    const path = { id: world.device };
    const { device, apps, epochs } = await admin.ok('device', { path });
    assert.deepEqual(device.refused, { version: 3, errors: refused.errors });
    assert.deepEqual([device.serial, apps.length > 0, epochs.length], ['acme-serial', true, 3]);
    await admin.ok('pinRing', { path, body: { ring: 'r50' } });
    assert.deepEqual((await admin.ok('device', { path })).device.ring_pinned, true);
    await admin.ok('pinRing', { path, body: { ring: null } });
    assert.equal(await admin.no('pinRing', { path, body: { ring: 'no-such' } }), '400 invalid');
    const code = await admin.ok('overrideCode', { path, body: { minutes: 60 } });
    assert.match(code.code, /^\d{8}$/);
    assert.equal(await admin.no('overrideCode', { path, body: { minutes: 61 } }), '400 invalid');
    await admin.ok('reenroll', { path });
    await admin.ok('revoke', { path, body: { reason: 'retired' } });
    assert.equal((await admin.ok('device', { path })).device.state, 'revoked');
    await admin.ok('reenroll', { path }); // the only way back
    assert.equal(await admin.no('device', { path: { id: `d-${'0'.repeat(32)}` } }), '404 missing');
  });

  test('the chain of a device is checked over what is stored', async () => {
    const path = { id: world.device };
    const whole = await admin.ok('deviceChain', { path });
    assert.ok(whole.epochs.length > 0 && whole.epochs.every((one) => one.whole && one.problem === null));
    const { query } = plane.ctx.db;
    const rows = await query.selectFrom('audit').selectAll().where('device', '=', world.device).orderBy('id').execute();
    const [first, second, third] = rows.filter(({ epoch }) => epoch === rows[0]?.epoch);
    await query
      .deleteFrom('audit')
      .where('id', '=', first?.id ?? 0)
      .execute();
    assert.deepEqual((await admin.ok('deviceChain', { path })).epochs[0], {
      epoch: first?.epoch,
      rows: 3,
      whole: true,
      problem: 'rows 1 to 1 are not stored',
    });
    await query
      .deleteFrom('audit')
      .where('id', '=', third?.id ?? 0)
      .execute();
    const hole = (await admin.ok('deviceChain', { path })).epochs[0];
    assert.deepEqual([hole?.whole, hole?.problem], [false, 'rows 3 to 3 are not stored']);
    await query
      .updateTable('audit')
      .set({ body: '{"kind":"other"}' })
      .where('id', '=', second?.id ?? 0)
      .execute();
    const changed = (await admin.ok('deviceChain', { path })).epochs[0];
    assert.deepEqual([changed?.whole, changed?.problem], [false, 'row 2 is not what its hash says']);
    await query
      .updateTable('audit')
      .set({ body: second?.body ?? '' })
      .where('id', '=', second?.id ?? 0)
      .execute();
  });

  test('a token comes once, with the settings that device management rolls out', async () => {
    const made = await admin.ok('newToken', { body: { note: 'for laptops', max_uses: 3, hours: 24 } });
    const settings = managedSettings.parse(JSON.parse(made.settings));
    assert.equal(settings.organisation.token, made.token);
    assert.equal(settings.organisation.url, plane.url);
    const { root } = await admin.ok('settings');
    assert.equal(settings.organisation.root, root.fingerprint);
    const { tokens } = await admin.ok('tokens');
    assert.ok(!JSON.stringify(tokens).includes(made.token));
    const row = tokens.find(({ id }) => id === made.id);
    assert.deepEqual([row?.created_by, row?.expires, row?.revoked], ['user:root-3', clock.now() + 24 * HOUR, false]);
    await admin.ok('revokeToken', { path: { id: made.id } });
    assert.equal(await admin.no('revokeToken', { path: { id: made.id } }), '404 missing');
  });

  test('a policy is checked, compared, tried out and saved; its faults have their places', async () => {
    const broken = { config: 'hosts:\n  - host: a.example.com\n    action: maybe\n', files: {} };
    const check = await admin.ok('checkPolicy', { body: broken });
    assert.deepEqual([check.ok, check.errors[0]?.line], [false, 3]);
    assert.deepEqual(await admin.ok('checkPolicy', { body: { config: config('new') } }), {
      ok: true,
      errors: [],
      warnings: [],
    });
    const refused = await admin.call('saveDraft', { body: { ...broken, note: '' } });
    assert.equal(refused.status, 400);
    assert.deepEqual(refused.json<{ faults: unknown[] }>().faults, check.errors);
    const body = { config: config('new'), files: { 'more.txt': 'one\n' }, against: null };
    const diff = await admin.ok('diffPolicy', { body });
    assert.equal(diff.against, world.versions.active);
    assert.deepEqual(
      diff.texts[0]?.hunks[0]?.lines.map(({ kind }) => kind),
      ['removed', 'added'],
    );
    assert.deepEqual([diff.texts[0]?.name, diff.texts[1]?.name], ['outpost.yaml', 'more.txt']);
    const many = Array.from({ length: 5_000 }, (_, index) => `# ${index}`).join('\n');
    const far = await admin.ok('diffPolicy', { body: { ...body, files: { 'more.txt': many } } });
    assert.equal(far.texts[1]?.hunks[0]?.lines.length, 5_001);
    const run = await admin.ok('dryRun', {
      body: { config: 'hosts: [{host: api.example.test, action: block}]\n', days: 30 },
    });
    assert.ok(run.would_block > 0 && run.examples.length > 0);
    const page = await admin.ok('audit', { query: { id: run.examples[0] ?? 0 } });
    assert.deepEqual(
      page.rows.map(({ id }) => id),
      [run.examples[0]],
    );
    const { version } = await admin.ok('saveDraft', { body: { config: config('new'), files: {}, note: 'mine' } });
    const saved = await admin.ok('policy', { path: { version } });
    assert.deepEqual([saved.state, saved.author, saved.config], ['draft', 'user:root-3', config('new')]);
  });

  test('examples of a dry run are for those who may read the audit log', async () => {
    const author = await signedIn(plane, plane.org, ['author']);
    const body = { config: 'hosts: [{host: api.example.test, action: block}]\n', days: 30 };
    const run = await author.ok('dryRun', { body });
    assert.ok(run.would_block > 0);
    assert.deepEqual(run.examples, []);
  });

  test('versions come in pages, newest first', async () => {
    const seen: number[] = [];
    let after: string | null = null;
    do {
      const query: Record<string, string | number> = after === null ? { limit: 2 } : { limit: 2, after };
      const page = await admin.ok('policies', { query });
      seen.push(...page.policies.map(({ version }) => version));
      after = page.next;
    } while (after !== null);
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => b - a),
    );
    assert.equal(new Set(seen).size, seen.length);
    assert.ok(seen.length >= 5);
    assert.equal(await admin.no('policies', { query: { after: 'v1; DROP TABLE policy' } }), '400 invalid');
  });

  test('a version is rolled out, looked at, halted, and an older one put back', async () => {
    const { rolling, proposed, active } = world.versions;
    const health = await admin.ok('rollout', { path: { version: rolling } });
    assert.deepEqual([health.stage, health.verdict], [10, 'go']);
    await admin.ok('advance', { path: { version: rolling } });
    assert.equal((await admin.ok('rollout', { path: { version: rolling } })).stage, 50);
    await admin.ok('halt', { path: { version: rolling }, body: { reason: 'too many calls fail' } });
    const halted = await admin.ok('policy', { path: { version: rolling } });
    assert.deepEqual([halted.state, halted.halt_reason], ['halted', 'too many calls fail']);
    await admin.ok('approve', { path: { version: proposed } });
    const again = await admin.ok('saveDraft', { body: { config: config('later'), files: {}, note: 'later' } });
    await admin.ok('publish', { path: again, body: { stage: 100 } });
    await admin.ok('rollback', { path: { version: active } });
    const draft = await admin.ok('saveDraft', { body: { config: config('last'), files: {}, note: 'last' } });
    await admin.ok('withdraw', { path: draft });
    assert.equal(await admin.no('propose', { path: draft }), '409 conflict');
    assert.equal(await admin.no('rollout', { path: draft }), '409 conflict');
    assert.equal(await admin.no('publish', { path: { version: 999 }, body: {} }), '404 missing');
  });

  test('an order is given and taken back; what makes no sense is refused', async () => {
    const wish = { level: 'block-provider', target: 'openai', reason: 'a leak', minutes: 30 };
    const { id } = await admin.ok('newOrder', { body: wish });
    const order = (await admin.ok('orders')).orders.find((one) => one.id === id);
    const { minutes: _, ...told } = wish;
    assert.deepEqual(order, { id, ...told, issued: clock.now(), until: clock.now() + 30 * MINUTE, by: 'user:root-3' });
    await admin.ok('endOrder', { path: { id } });
    assert.equal(await admin.no('endOrder', { path: { id } }), '404 missing');
    assert.equal(await admin.no('newOrder', { body: { ...wish, target: undefined } }), '400 invalid');
    assert.equal(await admin.no('newOrder', { body: { ...wish, level: 'block-all-ai' } }), '400 invalid');
    assert.equal(await admin.no('newOrder', { body: { ...wish, minutes: 10_081 } }), '400 invalid');
    const bypass = await admin.ok('newOrder', { body: { level: 'bypass', reason: 'a broken agent', minutes: 5 } });
    await admin.ok('endOrder', { path: bypass });
  });

  test('secrets are set and removed; no answer and no row of the log has a value', async () => {
    await admin.ok('setSecret', { path: { name: 'openai' }, body: { value: 'sk-never-shown' } });
    const { secrets } = await admin.ok('secrets');
    assert.deepEqual(
      secrets.map(({ name }) => name),
      ['acme-secret', 'openai'],
    );
    await admin.ok('removeSecret', { path: { name: 'openai' } });
    assert.equal(await admin.no('removeSecret', { path: { name: 'openai' } }), '404 missing');
    assert.equal(await admin.no('setSecret', { path: { name: 'x' }, body: { value: 'with space' } }), '400 invalid');
    const log = JSON.stringify(await admin.ok('adminLog', { query: { limit: 500 } }));
    assert.ok(!log.includes('sk-never-shown') && log.includes('secret:openai'));
  });

  test('rows are searched by whole texts and by how they begin, and come out as the device sent them', async () => {
    const rows = async (query: Record<string, string | number>) => (await admin.ok('audit', { query })).rows;
    assert.ok((await rows({ app: 'acme-app' })).length > 0);
    assert.deepEqual(await rows({ app: 'acme' }), []);
    assert.ok((await rows({ app: 'acme*' })).every(({ app }) => app?.startsWith('acme') === true));
    assert.deepEqual(await rows({ app: '%' }), []);
    assert.deepEqual(await rows({ app: '_cme*' }), []);
    const [refusal] = await rows({ request: 'acme-2' });
    assert.deepEqual([refusal?.device_name, refusal?.kind, refusal?.what], ['acme-laptop', 'refusal', 'block']);
    assert.equal(JSON.parse(refusal?.body ?? '').request, 'acme-2');
    assert.deepEqual(await rows({ to: 1 }), []);
    const first = await admin.ok('audit', { query: { limit: 2 } });
    const second = await admin.ok('audit', { query: { limit: 2, after: first.next ?? '' } });
    assert.ok((first.rows.at(-1)?.id ?? 0) > (second.rows[0]?.id ?? Number.NaN));
    const answer = await admin.call('auditExport', { query: { kind: 'intent' } });
    assert.equal(answer.headers['content-type'], 'application/x-ndjson');
    assert.match(answer.headers['content-disposition'] ?? '', /^attachment; filename="outpost-audit\.jsonl"$/);
    const lines = answer.body.toString().trimEnd().split('\n');
    assert.equal(lines.length, (await rows({ kind: 'intent', limit: 500 })).length);
    assert.ok(lines.every((line) => JSON.parse(line).body.kind === 'intent'));
    const [act] = (await admin.ok('adminLog', { query: { action: 'audit.export' } })).rows;
    assert.deepEqual([act?.actor, act?.detail], ['user:root-3', { kind: 'intent' }]);
  });

  test('the log of administrators is read in pages, filtered, and checked', async () => {
    const first = await admin.ok('adminLog', { query: { limit: 3 } });
    const second = await admin.ok('adminLog', { query: { limit: 3, after: first.next ?? '' } });
    assert.deepEqual(second.rows[0]?.seq, (first.rows.at(-1)?.seq ?? 0) - 1);
    const acts = await admin.ok('adminLog', { query: { action: 'token.create', actor: 'user:root-3' } });
    assert.deepEqual(acts.rows[0]?.detail['note'], 'for laptops');
    assert.deepEqual((await admin.ok('adminLog', { query: { target: "' OR '1'='1" } })).rows, []);
    const whole = await admin.ok('adminLogCheck');
    assert.equal(whole.whole, true);
    const { query } = plane.ctx.db;
    const row = await query.selectFrom('admin_log').selectAll().where('seq', '=', 3).executeTakeFirstOrThrow();
    await query.updateTable('admin_log').set({ actor: 'user:nobody' }).where('seq', '=', 3).execute();
    const broken = await admin.ok('adminLogCheck');
    assert.deepEqual([broken.whole, broken.problem?.startsWith('row 3 ')], [false, true]);
    await query.updateTable('admin_log').set({ actor: row.actor }).where('seq', '=', 3).execute();
  });

  test('alarms are shown with their words and handled', async () => {
    const { alarms } = await admin.ok('alarms', { query: { state: 'open' } });
    const alarm = alarms.find(({ id }) => id === world.alarm);
    assert.equal(alarm?.title, 'Audit rows are missing');
    assert.deepEqual([alarm?.device_name, alarm?.detail], ['acme-laptop', { note: 'acme detail' }]);
    const path = { id: world.alarm };
    await admin.ok('acknowledgeAlarm', { path });
    assert.equal(await admin.no('acknowledgeAlarm', { path }), '409 conflict');
    await admin.ok('closeAlarm', { path });
    const closed = await admin.ok('alarms', { query: { state: 'closed' } });
    assert.equal(closed.alarms.find(({ id }) => id === world.alarm)?.handled_by, 'user:root-3');
  });

  test('people are made, and nobody twice', async () => {
    const made = await admin.ok('newUser', { body: { name: 'bob', roles: ['author', 'viewer'] } });
    const user = (await admin.ok('users')).users.find(({ id }) => id === made.id);
    assert.deepEqual(
      [user?.name, user?.source, user?.roles, user?.disabled, user?.last_sign_in],
      ['bob', 'local', ['viewer', 'author'], false, null],
    );
    assert.equal(await admin.no('newUser', { body: { name: 'bob', roles: ['viewer'] } }), '409 conflict');
    assert.equal(await admin.no('newUser', { body: { name: 'Bob', roles: ['viewer'] } }), '400 invalid');
    assert.equal(await admin.no('newUser', { body: { name: 'joe', roles: [] } }), '400 invalid');
    assert.equal(await admin.no('newUser', { body: { name: 'joe', roles: ['root'] } }), '400 invalid');
    assert.equal(await admin.no('setRoles', { path: { id: 'u-0' }, body: { roles: ['admin'] } }), '404 missing');
  });

  test('settings are replaced as a whole; a client secret goes in and never comes out', async () => {
    const sign_in = { issuer: 'https://idp.example', client_id: 'outpost', roles: { staff: ['viewer'] } };
    const settings = { next_poll_s: 30, sign_in: { ...sign_in, client_secret: 'very-secret' } };
    await admin.ok('setSettings', { body: { settings, four_eyes: true } });
    const held = await admin.ok('settings');
    assert.equal(held.four_eyes, true);
    assert.equal(held.settings['next_poll_s'], 30);
    const { client_secret_sealed, ...rest } = held.settings['sign_in'] as Record<string, unknown>;
    assert.deepEqual(rest, sign_in);
    assert.ok(typeof client_secret_sealed === 'string' && !client_secret_sealed.includes('very-secret'));
    assert.deepEqual((await admin.ok('ways')).oidc, true);
    // As a page does: read, changed, sent back.
    await admin.ok('setSettings', { body: { settings: { ...held.settings, next_poll_s: 40 } } });
    assert.deepEqual((await admin.ok('settings')).settings['sign_in'], held.settings['sign_in']);
    const wrong = await admin.call('setSettings', { body: { settings: { next_poll_s: 1, hello: 2 } } });
    assert.deepEqual([wrong.status, wrong.json<{ faults: unknown[] }>().faults.length], [400, 2]);
    assert.equal(await admin.no('setSettings', { body: {} }), '400 invalid');
    await admin.ok('setSettings', { body: { settings: {}, four_eyes: false } });
    assert.equal((await admin.ok('ways')).oidc, false);
  });

  test('holds are placed and released', async () => {
    const body = { device: world.device, from: 0, to: clock.now(), reason: 'a case' };
    const { id } = await admin.ok('newHold', { body });
    const hold = (await admin.ok('holds')).holds.find((one) => one.id === id);
    assert.deepEqual(hold, { id, ...body, created_by: 'user:root-3', created: clock.now(), released: null });
    await admin.ok('releaseHold', { path: { id } });
    assert.equal(await admin.no('releaseHold', { path: { id } }), '404 missing');
    assert.equal(await admin.no('newHold', { body: { ...body, from: 2, to: 1 } }), '400 invalid');
    await admin.ok('newHold', { body: { ...body, device: null } });
  });
});
