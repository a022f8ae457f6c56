// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { forgetOldSessions } from '../../src/control-plane/admin/auth/sessions.ts';
import { ensureBootstrapAdmin, resetPassword } from '../../src/control-plane/admin/auth/users.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { AdminClient, refusalIn, SESSION_NAME, signedIn } from '../fakes/control-plane-admin-client.ts';
import { onEachDatabase } from '../fakes/databases.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const GOOD = 'correct horse battery';

onEachDatabase((freshUrl) => {
  const clock = new FakeClock();
  let plane: ControlPlane;
  /** Of `admin`. */
  let password = '';

  before(async () => {
    plane = await startControlPlane({ database: await freshUrl(), clock });
    const first = await ensureBootstrapAdmin(plane.ctx, plane.org);
    password = first?.password ?? '';
  });
  after(() => plane.close());

  const client = () => new AdminClient(plane.url);
  const signIn = (who: AdminClient, name: string, word: string) =>
    who.call('signIn', { body: { name, password: word } });

  test('the first administrator is made once, and only where nobody is one', async () => {
    assert.match(password, /^[A-Za-z0-9_-]{20}$/);
    assert.equal(await ensureBootstrapAdmin(plane.ctx, plane.org), undefined);
    const { org } = await plane.addOrg('fresh-org');
    const made = await Promise.all([ensureBootstrapAdmin(plane.ctx, org), ensureBootstrapAdmin(plane.ctx, org)]);
    assert.equal(made.filter((one) => one !== undefined).length, 1);
    await plane.ctx.db.query.deleteFrom('org').where('id', '=', org).execute();
  });

  test('the first password signs in, and allows nothing but to change it', async () => {
    const who = client();
    assert.deepEqual(await who.ok('ways'), { org: 'acme', name: 'acme', local: true, oidc: false });
    const session = await who.ok('signIn', { body: { name: 'admin', password } });
    assert.equal(session.change_password, true);
    assert.deepEqual(session.user.roles, ['admin']);
    assert.equal(await who.no('overview'), '403 forbidden');
    assert.equal(await who.no('newUser', { body: { name: 'eve', roles: ['admin'] } }), '403 forbidden');
    assert.equal(await who.no('password', { body: { old: 'wrong', new: GOOD } }), '403 forbidden');
    assert.equal(await who.no('password', { body: { old: password, new: password } }), '400 invalid');
    assert.equal(await who.no('password', { body: { old: password, new: 'too short' } }), '400 invalid');
    const before = who.token;
    const other = client();
    await other.ok('signIn', { body: { name: 'admin', password } });
    await who.ok('password', { body: { old: password, new: GOOD } });
    assert.notEqual(who.token, before);
    assert.equal((await who.ok('session')).change_password, false);
    await who.ok('overview');
    assert.equal(await new AdminClient(plane.url, before).no('session'), '401 signed-out');
    assert.equal(await other.no('session'), '401 signed-out', 'all sessions end with the password');
    assert.equal(refusalIn(await signIn(client(), 'admin', password)), '403 forbidden');
    assert.equal((await signIn(client(), 'ADMIN', GOOD)).status, 200);
  });

  test('a wrong password, a name that nobody has, and somebody who is shut out are answered alike', async () => {
    const admin = await signedIn(plane, plane.org, ['admin']);
    const gone = await admin.ok('newUser', { body: { name: 'gone', roles: ['viewer'] } });
    await admin.ok('setDisabled', { path: { id: gone.id }, body: { disabled: true } });
    const outside = await signedIn(plane, plane.org, ['admin'], 'no-password');
    const answers = [
      await signIn(client(), 'admin', 'wrong'),
      await signIn(client(), 'nobody', 'wrong'),
      await signIn(client(), 'gone', gone.password),
      await signIn(client(), outside.name, ''.padEnd(12, 'x')),
      await signIn(client(), "' OR 1=1 --", 'wrong'),
    ];
    assert.deepEqual([...new Set(answers.map(refusalIn))], ['403 forbidden']);
    assert.equal(new Set(answers.map(({ body }) => body.toString())).size, 1);
    const shape = (answer: (typeof answers)[number]) => Object.keys(answer.headers).toSorted().join();
    assert.equal(new Set(answers.map(shape)).size, 1);
    clock.advance(15 * MINUTE);
  });

  test('wrong passwords of somebody there is are in the log: the first, the tenth, never what was typed', async () => {
    const { ctx, org } = plane;
    const admin = await signedIn(plane, org, ['admin']);
    const { id } = await admin.ok('newUser', { body: { name: 'mary', roles: ['viewer'] } });
    const failures = async () =>
      (await admin.ok('adminLog', { query: { action: 'user.sign-in' } })).rows.filter(
        ({ result }) => result === 'refused',
      );
    for (const name of ['nobody-here', 'mary', 'mary']) await signIn(client(), name, 'not-to-be-seen');
    // Written behind the answer.
    while ((await failures()).every(({ target }) => target !== `user:${id}`));
    for (let count = 2; count < 10; count++) await signIn(client(), 'mary', 'not-to-be-seen');
    const ofMary = async () => (await failures()).filter(({ target }) => target === `user:${id}`);
    while ((await ofMary()).length < 2);
    assert.deepEqual(
      (await ofMary()).map(({ actor, detail }) => [actor, detail]),
      [10, 1].map((attempt) => ['system', { way: 'password', attempt }]),
    );
    const log = JSON.stringify(await ctx.db.query.selectFrom('admin_log').selectAll().execute());
    assert.doesNotMatch(log, /not-to-be-seen|nobody-here|127\.0\.0\.1/);
    clock.advance(15 * MINUTE);
  });

  test('guessing ends after ten wrong passwords for a name, also one that nobody has, for a quarter of an hour', async () => {
    for (let count = 0; count < 2; count++) assert.equal((await signIn(client(), 'admin', GOOD)).status, 200);
    for (const name of ['admin', 'nobody-at-all']) {
      for (let count = 0; count < 10; count++) {
        assert.equal(refusalIn(await signIn(client(), name, `wrong ${count}`)), '403 forbidden');
      }
      const answer = await signIn(client(), name, GOOD);
      assert.equal(refusalIn(answer), '429 rate');
      assert.ok(Number(answer.headers['retry-after']) > 0);
      clock.advance(MINUTE);
    }
    assert.equal(
      refusalIn(await signIn(client(), 'Admin', GOOD)),
      '429 rate',
      'the case of letters is no way round it',
    );
    clock.advance(15 * MINUTE);
    assert.equal((await signIn(client(), 'admin', GOOD)).status, 200);
  });

  test('one address may ask to sign in thirty times within a minute', async () => {
    clock.advance(15 * MINUTE);
    const attempt = () => client().call('signIn', { body: { name: 'without a password' } });
    for (let count = 0; count < 30; count++) assert.equal(refusalIn(await attempt()), '400 invalid');
    assert.equal(refusalIn(await attempt()), '429 rate');
    assert.equal(refusalIn(await signIn(client(), 'admin', GOOD)), '429 rate');
    clock.advance(MINUTE);
  });

  test('a token that somebody planted before is not the one of the session, and ends with the sign-in', async () => {
    const attacker = await signedIn(plane, plane.org, ['viewer']);
    const victim = new AdminClient(plane.url, attacker.token);
    await victim.ok('signIn', { body: { name: 'admin', password: GOOD } });
    assert.notEqual(victim.token, attacker.token);
    assert.equal(await attacker.no('session'), '401 signed-out');
    const planted = new AdminClient(plane.url, 'A'.repeat(43));
    await planted.ok('signIn', { body: { name: 'admin', password: GOOD } });
    assert.equal(await new AdminClient(plane.url, 'A'.repeat(43)).no('session'), '401 signed-out');
  });

  test('the cookie is for this site’s requests and for no script; the database does not have it', async () => {
    const who = client();
    const answer = await signIn(who, 'admin', GOOD);
    assert.deepEqual(
      answer.headers['set-cookie']?.map((line) => line.replace(/=[A-Za-z0-9_-]{43};/, '=…;')),
      [`${SESSION_NAME}=…; Path=/admin; HttpOnly; SameSite=Strict`],
    );
    assert.equal(answer.headers['cache-control'], 'no-store');
    const { rows } = { rows: await plane.ctx.db.query.selectFrom('session').selectAll().execute() };
    assert.ok(!JSON.stringify(rows).includes(who.token ?? '?'));
    const users = JSON.stringify(await plane.ctx.db.query.selectFrom('app_user').selectAll().execute());
    assert.ok(!users.includes(GOOD) && users.includes('scrypt$15$8$3$'));
    assert.ok(!JSON.stringify(plane.log).includes(GOOD));
  });

  test('behind https the cookie is Secure and bound to the host by its name', async () => {
    const settings = { public_url: 'https://control.example' };
    const other = await startControlPlane({ beside: plane, clock, settings });
    try {
      const headers = { origin: 'https://control.example' };
      const body = { name: 'admin', password: GOOD };
      const answer = await new AdminClient(other.url).call('signIn', { body, headers });
      const [line = ''] = answer.headers['set-cookie'] ?? [];
      assert.match(line, /^__Host-outpost_admin=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
      const [, token = ''] = /=([^;]*)/.exec(line) ?? [];
      assert.equal(await new AdminClient(other.url, token).no('session'), '401 signed-out', 'not by the other name');
    } finally {
      await other.server.stop();
    }
  });

  test('signing out ends the session itself, not the cookie alone', async () => {
    const who = await signedIn(plane, plane.org, ['admin']);
    const stolen = new AdminClient(plane.url, who.token);
    await stolen.ok('session');
    await who.ok('signOut');
    assert.equal(who.token, undefined);
    assert.equal(await stolen.no('session'), '401 signed-out');
    assert.equal(await stolen.no('signOut'), '401 signed-out');
  });

  test('a session ends after an hour without a request, and after eight hours in any case', async () => {
    // Timers do not notice: what ends it is its age, not that it was tidied away.
    const pass = (ms: number) => clock.jumpWall(ms);
    const idle = await signedIn(plane, plane.org, ['viewer']);
    const busy = await signedIn(plane, plane.org, ['viewer']);
    const began = clock.now();
    pass(HOUR - 1);
    await busy.ok('session');
    pass(1);
    assert.equal(await idle.no('session'), '401 signed-out');
    const { expires } = await busy.ok('session');
    assert.equal(expires, began + 8 * HOUR);
    while (clock.now() + 30 * MINUTE < expires) {
      pass(30 * MINUTE);
      await busy.ok('session');
    }
    pass(expires - clock.now() - 1);
    await busy.ok('session');
    pass(1);
    assert.equal(await busy.no('session'), '401 signed-out');
    const left = async () => (await plane.ctx.db.query.selectFrom('session').selectAll().execute()).length;
    assert.ok((await left()) > 0);
    await forgetOldSessions(plane.ctx);
    assert.equal(await left(), 0);
  });

  test('other roles, being shut out and a new first password end all sessions of a person at once', async () => {
    const admin = await signedIn(plane, plane.org, ['admin']);
    const { id, password: first } = await admin.ok('newUser', { body: { name: 'zoe', roles: ['viewer'] } });
    const session = async (word: string) => {
      const who = client();
      await who.ok('signIn', { body: { name: 'zoe', password: word } });
      return who;
    };
    let zoe = await session(first);
    await admin.ok('setRoles', { path: { id }, body: { roles: ['auditor'] } });
    assert.equal(await zoe.no('session'), '401 signed-out');
    zoe = await session(first);
    await admin.ok('setRoles', { path: { id }, body: { roles: ['auditor'] } });
    assert.deepEqual((await zoe.ok('session')).user.roles, ['auditor'], 'the same roles change nothing');
    await admin.ok('setDisabled', { path: { id }, body: { disabled: true } });
    assert.equal(await zoe.no('session'), '401 signed-out');
    assert.equal(refusalIn(await signIn(client(), 'zoe', first)), '403 forbidden');
    await admin.ok('setDisabled', { path: { id }, body: { disabled: false } });
    zoe = await session(first);
    const again = await resetPassword(plane.ctx, plane.org, TESTER, 'zoe');
    assert.equal(await zoe.no('session'), '401 signed-out');
    assert.equal(refusalIn(await signIn(client(), 'zoe', first)), '403 forbidden');
    assert.equal((await (await session(again.password)).ok('session')).change_password, true);
  });

  test('the last administrator can neither be shut out nor made something less, whoever asks at once', async () => {
    const { org } = await plane.addOrg(`only-${clock.now()}`);
    const one = await signedIn(plane, org, ['admin']);
    const two = await signedIn(plane, org, ['admin', 'author']);
    const answers = await Promise.all([
      one.call('setDisabled', { path: { id: two.user }, body: { disabled: true } }),
      two.call('setRoles', { path: { id: one.user }, body: { roles: ['viewer'] } }),
    ]);
    // The second one may have been signed out by the first one's work.
    assert.deepEqual(answers.map(({ status }) => status).filter((status) => status === 200).length, 1);
    const users = await plane.ctx.db.query.selectFrom('app_user').selectAll().where('org', '=', org).execute();
    const left = users.filter(({ roles, disabled }) => roles.includes('admin') && disabled === 0);
    assert.equal(left.length, 1);
    const admin = left[0]?.id === one.user ? one : two;
    assert.equal(await admin.no('setDisabled', { path: { id: admin.user }, body: { disabled: true } }), '409 conflict');
    assert.equal(await admin.no('setRoles', { path: { id: admin.user }, body: { roles: [] } }), '409 conflict');
    await plane.ctx.db.query.deleteFrom('org').where('id', '=', org).execute();
  });

  test('signing in and changing a password stand in the log, a failure only in the server’s', async () => {
    const rows = await plane.ctx.db.query
      .selectFrom('admin_log')
      .select(['actor', 'action'])
      .where('org', '=', plane.org)
      .execute();
    const acts = new Set(rows.map(({ actor, action }) => `${actor} ${action}`));
    for (const act of ['system user.create', 'user:admin user.sign-in', 'user:admin user.password']) {
      assert.ok(acts.has(act), act);
    }
    assert.ok(plane.log.some(({ event }) => event === 'sign-in.failed'));
    assert.ok(!JSON.stringify(plane.log).includes('nobody-at-all'));
  });

  test('of several organisations one is named; a session is of one alone', async () => {
    const { org } = await plane.addOrg('second');
    const first = await ensureBootstrapAdmin(plane.ctx, org);
    const who = client();
    assert.equal(await who.no('ways'), '404 missing');
    assert.equal(await who.no('ways', { query: { org: 'nobody' } }), '404 missing');
    assert.equal(await who.no('ways', { query: { org: '../x' } }), '400 invalid');
    assert.equal((await who.ok('ways', { query: { org } })).org, org);
    const body = { name: 'admin', password: first?.password };
    assert.equal(await who.no('signIn', { body }), '404 missing');
    assert.equal(await who.no('signIn', { query: { org: plane.org }, body }), '403 forbidden');
    const session = await who.ok('signIn', { query: { org }, body });
    assert.equal(session.org.id, org);
    await plane.ctx.db.query.deleteFrom('org').where('id', '=', org).execute();
  });
});
