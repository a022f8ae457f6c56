// SPDX-License-Identifier: Apache-2.0
// Who may do what in the admin API: each role at each endpoint, and nobody anything in another organisation.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Role } from '../../src/contract/admin/access.ts';
import { ADMIN_ENDPOINTS, type AdminEndpointName } from '../../src/contract/admin/endpoints.ts';
import { ACTIONS } from '../../src/control-plane/admin/routes/actions.ts';
import { updateOrg } from '../../src/control-plane/orgs/update.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { AdminClient, type AdminWish, refusalIn, signedIn } from '../fakes/control-plane-admin-client.ts';
import { type AdminWorld, config, dump, populate, wishesFor } from '../fakes/control-plane-admin-world.ts';
import { onEachDatabase } from '../fakes/databases.ts';

const NAMES = Object.keys(ADMIN_ENDPOINTS) as AdminEndpointName[];
const LETTERS: Readonly<Record<Role, string>> = { viewer: 'v', author: 'a', approver: 'p', auditor: 'u', admin: 'd' };
const ROLES = Object.keys(LETTERS) as Role[];

/** Written down by hand: what a change of the permissions changes here is what it means. `*`: whoever is signed in. */
const MAY: Readonly<Record<AdminEndpointName, string>> = {
  ways: 'anybody',
  signIn: 'anybody',
  oidcStart: 'anybody',
  oidcCallback: 'anybody',
  session: '*',
  signOut: '*',
  password: '*',
  overview: 'vapud',
  devices: 'vapud',
  device: 'vapud',
  revoke: 'd',
  reenroll: 'd',
  pinRing: 'd',
  overrideCode: 'd',
  deviceChain: 'ud',
  tokens: 'vd',
  newToken: 'd',
  revokeToken: 'd',
  policies: 'vapud',
  policy: 'vapud',
  checkPolicy: 'ad',
  diffPolicy: 'vapud',
  dryRun: 'ad',
  saveDraft: 'ad',
  propose: 'ad',
  withdraw: 'ad',
  approve: 'pd',
  publish: 'pd',
  advance: 'pd',
  halt: 'pd',
  rollback: 'pd',
  rollout: 'vapud',
  orders: 'vapud',
  newOrder: 'pd',
  endOrder: 'pd',
  secrets: 'apd',
  setSecret: 'd',
  removeSecret: 'd',
  audit: 'ud',
  auditExport: 'ud',
  adminLog: 'ud',
  adminLogCheck: 'ud',
  alarms: 'vapud',
  acknowledgeAlarm: 'pud',
  closeAlarm: 'pud',
  users: 'ud',
  newUser: 'd',
  setRoles: 'd',
  setDisabled: 'd',
  settings: 'vapud',
  setSettings: 'd',
  holds: 'ud',
  newHold: 'ud',
  releaseHold: 'ud',
};

const takesPart = (name: AdminEndpointName): boolean => ADMIN_ENDPOINTS[name].path.includes('{');
const isPublic = (name: AdminEndpointName): boolean => MAY[name] === 'anybody';

onEachDatabase((freshUrl) => {
  const clock = new FakeClock();
  let plane: ControlPlane;
  let acme: AdminWorld;
  let rival: AdminWorld;

  before(async () => {
    plane = await startControlPlane({ database: await freshUrl(), clock });
    acme = await populate(plane, plane.org, plane.token);
    const other = await plane.addOrg('rival');
    rival = await populate(plane, other.org, other.token, 6);
  });
  after(() => plane.close());

  const refusals = async (actor: string) => {
    const { query } = plane.ctx.db;
    const rows = await query.selectFrom('admin_log').selectAll().where('actor', '=', actor).orderBy('seq').execute();
    return rows.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  };

  test('nobody who is not signed in gets anything, however much they send', async () => {
    const before = [await dump(plane.ctx, 'acme'), await dump(plane.ctx, 'rival')];
    const wishes = wishesFor(acme);
    for (const name of NAMES.filter((one) => !isPublic(one))) {
      for (const who of [new AdminClient(plane.url), new AdminClient(plane.url, 'A'.repeat(43))]) {
        const answer = await who.call(name, wishes[name]);
        assert.equal(refusalIn(answer), '401 signed-out', name);
      }
    }
    assert.deepEqual([await dump(plane.ctx, 'acme'), await dump(plane.ctx, 'rival')], before);
  });

  for (const role of [...ROLES, undefined]) {
    test(`${role ?? 'somebody without a role'} may do what the table says, and nothing else`, async () => {
      const who = await signedIn(plane, plane.org, role === undefined ? [] : [role]);
      const before = await dump(plane.ctx, plane.org, ['admin_log']);
      const wishes = wishesFor(acme);
      const expected: string[] = [];
      for (const name of NAMES.filter((one) => !isPublic(one) && one !== 'signOut')) {
        const may = MAY[name] === '*' || (role !== undefined && MAY[name].includes(LETTERS[role]));
        // Permission comes before all else: where it is given, what is asked for makes no sense, so that nothing changes.
        const answer = await who.call(name, may ? senseless(name) : wishes[name]);
        if (may) assert.notEqual(answer.status, 403, `${name}: ${answer.body}`);
        else assert.equal(refusalIn(answer), '403 forbidden', name);
        const action = ACTIONS[name];
        if (!may && action !== undefined) expected.push(action);
      }
      assert.deepEqual(await dump(plane.ctx, plane.org, ['admin_log']), before);
      const rows = await refusals(`user:${who.name}`);
      assert.deepEqual(
        rows.map(({ action }) => action),
        expected,
      );
      assert.ok(rows.every(({ result, role: of }) => result === 'refused' && of === (role ?? '')));
    });
  }

  test('what is refused is recorded with what it was about', async () => {
    const who = await signedIn(plane, plane.org, ['viewer']);
    await who.no('approve', wishesFor(acme).approve);
    await who.no('removeSecret', wishesFor(acme).removeSecret);
    await who.no('setSettings', wishesFor(acme).setSettings);
    await who.no('revoke', { path: { id: 'x'.repeat(5).concat('\u0001') }, body: {} });
    const rows = await refusals(`user:${who.name}`);
    assert.deepEqual(
      rows.map(({ action, target }) => `${action} ${target}`),
      [
        `policy.approve policy:${acme.versions.proposed}`,
        'secret.remove secret:acme-secret',
        'org.settings org:acme',
        'device.revoke org:acme',
      ],
    );
    assert.deepEqual(rows[0]?.['detail'], { why: 'this needs the permission policies.approve' });
  });

  test('every endpoint that changes something, and the one that gives all rows away, has a word for the log', () => {
    const harmless = new Set(['checkPolicy', 'diffPolicy', 'dryRun', 'signIn', 'signOut', 'password']);
    const changing = NAMES.filter((name) => ADMIN_ENDPOINTS[name].method !== 'GET' && !harmless.has(name));
    assert.deepEqual(Object.keys(ACTIONS).toSorted(), [...changing, 'auditExport'].toSorted());
  });

  test('no list and no search shows anything of another organisation', async () => {
    const admin = await signedIn(plane, plane.org, ROLES);
    const theirs = await signedIn(plane, 'rival', ROLES);
    const marks = ['rival', rival.device, rival.token, rival.order, rival.alarm, rival.user, rival.hold];
    const { next } = await theirs.ok('audit', { query: { limit: 1 } });
    const searches: readonly (readonly [AdminEndpointName, AdminWish])[] = [
      ...NAMES.filter((name) => ADMIN_ENDPOINTS[name].method === 'GET' && !isPublic(name) && !takesPart(name)).map(
        (name) => [name, {}] as const,
      ),
      ['audit', { query: { device: rival.device } }],
      ['audit', { query: { id: rival.row } }],
      ['audit', { query: { request: 'rival-1' } }],
      ['audit', { query: { app: 'rival*' } }],
      ['audit', { query: { after: next ?? '' } }],
      ['auditExport', { query: { device: rival.device } }],
      ['devices', { query: { search: 'laptop' } }],
      ['devices', { query: { app: 'rival-app' } }],
      ['devices', { query: { after: Buffer.from('["a","d-0"]').toString('base64url') } }],
      ['adminLog', { query: { target: 'org:rival' } }],
      ['alarms', { query: { after: `9999999999999.${rival.alarm}` } }],
      ['dryRun', { body: { config: 'hosts: [{host: api.example.test, action: block}]\n', days: 90 } }],
    ];
    for (const [name, wish] of searches) {
      const answer = await admin.call(name, wish);
      assert.equal(answer.status, 200, name);
      const text = answer.body.toString();
      for (const mark of marks) assert.ok(!text.includes(mark), `${name} shows ${mark}`);
    }
    const run = await admin.ok('dryRun', searches.at(-1)?.[1]);
    assert.ok(run.rows === 2 && !run.examples.includes(rival.row));
    const { devices, alarms, orders, policy, hours } = await admin.ok('overview');
    assert.deepEqual([devices.total, alarms.open, orders, policy.proposed], [1, 1, 1, 1]);
    assert.equal(
      hours.reduce((sum, { calls }) => sum + calls, 0),
      2,
    );
  });

  test('no id of another organisation leads anywhere, and nothing there changes', async () => {
    const admin = await signedIn(plane, plane.org, ROLES);
    const before = [await dump(plane.ctx, 'rival'), await dump(plane.ctx, 'acme')];
    const wishes = wishesFor(rival);
    const tried = NAMES.filter(takesPart);
    assert.equal(tried.length, 24);
    for (const name of tried) {
      const answer = await admin.call(name, wishes[name]);
      if (name === 'setSecret') {
        // Names are chosen: this makes one of one's own.
        assert.equal(answer.status, 200);
        await admin.ok('removeSecret', { path: { name: rival.secret } });
        continue;
      }
      if (name === 'deviceChain') {
        assert.deepEqual(answer.json(), { epochs: [] });
        continue;
      }
      assert.equal(refusalIn(answer), '404 missing', name);
    }
    for (const wish of [
      ['newHold', { body: { device: rival.device, from: 0, to: 1, reason: 'a case' } }],
      ['diffPolicy', { body: { config: config('x'), files: {}, against: rival.versions.active } }],
    ] as const) {
      assert.equal(await admin.no(wish[0], wish[1]), '404 missing', wish[0]);
    }
    assert.deepEqual(await dump(plane.ctx, 'rival'), before[0]);
    const without = (lines: readonly string[] = []) =>
      lines.filter((line) => !line.startsWith('admin_log') && !line.startsWith('org ') && !line.startsWith('ring '));
    const users = (lines: readonly string[]) => lines.filter((line) => !line.includes(admin.name));
    assert.deepEqual(without(users(await dump(plane.ctx, 'acme'))), without(users(before[1] ?? [])));
  });

  test('whoever wrote a version does not approve it, nor publish it where four eyes are needed', async () => {
    await updateOrg(plane.ctx, plane.org, TESTER, { fourEyes: true });
    const alice = await signedIn(plane, plane.org, ['author', 'approver', 'admin'], 'alice');
    const bob = await signedIn(plane, plane.org, ['approver'], 'bob');
    await bob.ok('halt', { path: { version: acme.versions.rolling }, body: { reason: 'makes way' } });
    const path = await alice.ok('saveDraft', { body: { config: config('four-eyes'), files: {}, note: '' } });
    assert.equal(await alice.no('publish', { path, body: {} }), '403 forbidden');
    await alice.ok('propose', { path });
    assert.equal(await alice.no('approve', { path }), '403 forbidden');
    assert.equal(await alice.no('publish', { path, body: {} }), '403 forbidden');
    assert.equal(await bob.no('saveDraft', { body: { config: config('x'), files: {}, note: '' } }), '403 forbidden');
    await bob.ok('approve', { path });
    const rows = await refusals('user:alice');
    const refused = rows.filter(({ result }) => result === 'refused');
    assert.deepEqual(
      refused.map(({ action, target }) => `${action} ${target}`),
      ['publish', 'approve', 'publish'].map((act) => `policy.${act} policy:${path.version}`),
    );
    await alice.ok('publish', { path, body: {} });
    await updateOrg(plane.ctx, plane.org, TESTER, { fourEyes: false });
  });
});

/** Passes no check but that of the permission. */
function senseless(name: AdminEndpointName): AdminWish {
  return {
    path: { id: '!', version: '0', name: '!' },
    query: { nonsense: 1 },
    ...(name === 'password' && { body: {} }),
  };
}
