// SPDX-License-Identifier: Apache-2.0
// Signing in to the admin page with an identity provider: a real one, and one that lies.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Role } from '../../src/contract/admin/access.ts';
import { ADMIN_API } from '../../src/contract/admin/endpoints.ts';
import { sealClientSecret } from '../../src/control-plane/devices/client-secret.ts';
import { updateOrg } from '../../src/control-plane/orgs/update.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { AdminClient, refusalIn, signedIn } from '../fakes/control-plane-admin-client.ts';
import { config } from '../fakes/control-plane-admin-world.ts';
import { onEachDatabase } from '../fakes/databases.ts';
import type { Answer } from '../fakes/device.ts';
import { type Lie, type LyingIssuer, startLyingIssuer } from '../fakes/lying-issuer.ts';
import { type Issuer, startIssuer } from '../fakes/oidc-issuer.ts';

const CALLBACK = `${ADMIN_API}/oidc/callback`;
const ROLES: Readonly<Record<string, Role[]>> = {
  staff: ['viewer'],
  security: ['author', 'approver'],
  admins: ['admin'],
  empty: [],
};

/** What a person sees who was not signed in. */
function failureIn(answer: Answer): string {
  const text = answer.body.toString();
  assert.match(answer.headers['content-type'] ?? '', /^text\/html/);
  assert.match(String(answer.headers['content-security-policy']), /^default-src 'none'/);
  assert.doesNotMatch(text, /<script|<style|style=|code-|eyJ/);
  return `${answer.status} ${/<h1>(.*)<\/h1>/.exec(text)?.[1]}`;
}

onEachDatabase((freshUrl) => {
  describe('with a real provider', () => {
    let plane: ControlPlane;
    let issuer: Issuer;
    let offset = 0;
    let passed = 0;
    // The provider lives by the wall clock; a test may be ahead of it. What is counted by the minute must not add up over tests.
    const clock = {
      ...systemClock,
      now: () => systemClock.now() + offset,
      monotonic: () => systemClock.monotonic() + passed,
    };
    beforeEach(() => {
      passed += 60_000;
    });
    const claims: Record<string, unknown> = {};

    before(async () => {
      plane = await startControlPlane({ database: await freshUrl(), clock });
      issuer = await startIssuer({ claims, webRedirects: [`${plane.url}${CALLBACK}`] });
      await offer();
    });
    after(async () => {
      await plane.close();
      await issuer.close();
    });

    const offer = async (more: { readonly issuer?: string; readonly [name: string]: unknown } = {}) => {
      const { client_id, client_secret } = issuer.web;
      const at = more.issuer ?? issuer.url;
      const client_secret_sealed = sealClientSecret(plane.ctx, plane.org, at, client_secret);
      const scope = 'openid profile email groups';
      const sign_in = { issuer: issuer.url, client_id, client_secret_sealed, scope, roles: ROLES, ...more };
      await updateOrg(plane.ctx, plane.org, TESTER, { settings: () => ({ sign_in }) });
    };
    const setClaims = (name: string, ...groups: string[]) =>
      Object.assign(claims, { preferred_username: name, groups });
    /** Where the provider sends the browser back to. */
    const goThere = async (who: AdminClient, sub: string): Promise<string> => {
      const answer = await who.call('oidcStart');
      assert.equal(answer.status, 302, answer.body.toString());
      const back = await issuer.signIn(answer.headers.location ?? '', sub);
      assert.equal(`${back.origin}${back.pathname}`, `${plane.url}${CALLBACK}`);
      return `${back.pathname}${back.search}`;
    };
    const enter = async (sub: string): Promise<AdminClient> => {
      const who = new AdminClient(plane.url);
      const answer = await who.raw('GET', await goThere(who, sub));
      assert.equal(answer.status, 303, answer.body.toString());
      assert.equal(answer.headers.location, '/admin/');
      return who;
    };

    test('somebody whose groups have roles is signed in with them, and known from then on', async () => {
      setClaims('ada', 'staff', 'unknown', 'security');
      assert.equal((await new AdminClient(plane.url).ok('ways')).oidc, true);
      const who = await enter('sub-ada');
      const { user, change_password } = await who.ok('session');
      assert.deepEqual([user.name, user.roles, change_password], ['ada', ['viewer', 'author', 'approver'], false]);
      assert.deepEqual([...who.jar.keys()], ['outpost_admin'], 'what bound the browser is gone');
      assert.equal((await (await enter('sub-ada')).ok('session')).user.id, user.id);
      const admin = await signedIn(plane, plane.org, ['admin']);
      const row = (await admin.ok('users')).users.find(({ id }) => id === user.id);
      assert.deepEqual([row?.source, row?.name], [issuer.url, 'ada']);
      assert.equal(await admin.no('setRoles', { path: { id: user.id }, body: { roles: ['admin'] } }), '409 conflict');
      assert.equal(await who.no('password', { body: { old: '', new: 'x'.repeat(12) } }), '409 conflict');
    });

    test('the browser is sent with a challenge, a state and a nonce, and gets what binds it', async () => {
      const who = new AdminClient(plane.url);
      const answer = await who.call('oidcStart');
      const { searchParams } = new URL(answer.headers.location ?? '');
      assert.equal(searchParams.get('code_challenge_method'), 'S256');
      for (const name of ['code_challenge', 'state', 'nonce'])
        assert.match(searchParams.get(name) ?? '', /^[\w-]{43}$/);
      assert.equal(searchParams.get('redirect_uri'), `${plane.url}${CALLBACK}`);
      assert.deepEqual(
        answer.headers['set-cookie']?.map((line) => line.replace(/=[\w-]{43};/, '=…;')),
        ['outpost_sign_in=…; Max-Age=600; Path=/admin; HttpOnly; SameSite=Lax'],
      );
      const stored = JSON.stringify(await plane.ctx.db.query.selectFrom('pending').selectAll().execute());
      assert.ok(!stored.includes(who.jar.get('outpost_sign_in') ?? '?'));
      assert.ok(!stored.includes(searchParams.get('state') ?? '?'));
    });

    test('other groups are other roles at the next sign-in, and end the sessions with the old ones', async () => {
      setClaims('bob', 'staff');
      const before = await enter('sub-bob');
      const same = await enter('sub-bob');
      await before.ok('session');
      setClaims('bob', 'admins');
      const after = await enter('sub-bob');
      assert.deepEqual((await after.ok('session')).user.roles, ['admin']);
      assert.equal(await before.no('session'), '401 signed-out');
      assert.equal(await same.no('session'), '401 signed-out');
    });

    test('somebody without a group that has a role is told so, and is nobody here', async () => {
      for (const groups of [[], ['other'], ['empty'], ['__proto__', 'constructor', 'toString']]) {
        setClaims('eve', ...groups);
        const who = new AdminClient(plane.url);
        assert.equal(failureIn(await who.raw('GET', await goThere(who, 'sub-eve'))), '403 No access');
        assert.equal(await who.no('session'), '401 signed-out');
      }
      claims['groups'] = 'admins';
      const who = new AdminClient(plane.url);
      assert.equal(
        failureIn(await who.raw('GET', await goThere(who, 'sub-eve'))),
        '403 No access',
        'a text is no list',
      );
      const users = await plane.ctx.db.query.selectFrom('app_user').selectAll().where('name', '=', 'eve').execute();
      assert.deepEqual(users, []);
    });

    test('somebody who was shut out stays out, whatever the provider says', async () => {
      setClaims('mallory', 'admins');
      const who = await enter('sub-mallory');
      const { user } = await who.ok('session');
      const admin = await signedIn(plane, plane.org, ['admin']);
      await admin.ok('setDisabled', { path: { id: user.id }, body: { disabled: true } });
      assert.equal(await who.no('session'), '401 signed-out');
      const again = new AdminClient(plane.url);
      assert.equal(failureIn(await again.raw('GET', await goThere(again, 'sub-mallory'))), '403 No access');
    });

    test('a name that is taken, or that somebody changes, is no way to be somebody else', async () => {
      const local = await signedIn(plane, plane.org, ['author'], 'carol');
      const path = await local.ok('saveDraft', { body: { config: config('carol'), files: {}, note: '' } });
      await local.ok('propose', { path });
      setClaims('carol', 'security');
      const other = await enter('sub-carol');
      const { name } = (await other.ok('session')).user;
      assert.match(name, /^carol~[0-9a-f]{12}$/);
      const own = await other.ok('saveDraft', { body: { config: config('own'), files: {}, note: '' } });
      await other.ok('propose', { path: own });
      setClaims('dave', 'security');
      const renamed = await enter('sub-carol');
      assert.equal((await renamed.ok('session')).user.name, name);
      assert.equal(await renamed.no('approve', { path: own }), '403 forbidden');
      await renamed.ok('approve', { path });
    });

    test('names are shown as they are and cut to what the log takes', async () => {
      setClaims('<img src=x onerror=alert(1)>', 'staff');
      assert.equal((await (await enter('sub-img')).ok('session')).user.name, '<img src=x onerror=alert(1)>');
      setClaims('😀'.repeat(120), 'staff');
      assert.equal((await (await enter('sub-long')).ok('session')).user.name, '😀'.repeat(100));
      setClaims('line\nbreak', 'staff');
      assert.equal((await (await enter('sub-break')).ok('session')).user.name, 'sub-break');
    });

    test('an answer counts once, within ten minutes, and for the browser that began', async () => {
      setClaims('ada', 'staff');
      const stale = '400 Too late';
      const who = new AdminClient(plane.url);
      const path = await goThere(who, 'sub-ada');
      const jar = new Map(who.jar);
      assert.equal((await who.raw('GET', path)).status, 303);
      for (const [name, value] of jar) who.jar.set(name, value);
      assert.equal(failureIn(await who.raw('GET', path)), stale, 'replayed');

      const [attacker, victim] = [new AdminClient(plane.url), new AdminClient(plane.url)];
      const theirs = await goThere(attacker, 'sub-ada');
      assert.equal(failureIn(await victim.raw('GET', theirs)), stale, 'without a cookie');
      assert.equal(failureIn(await attacker.raw('GET', theirs)), stale, 'used up by the attempt');

      const again = await goThere(attacker, 'sub-ada');
      await victim.call('oidcStart');
      assert.equal(failureIn(await victim.raw('GET', again)), stale, 'with the cookie of another sign-in');
      assert.equal(await victim.no('session'), '401 signed-out');

      const late = await goThere(who, 'sub-ada');
      offset = 600_000;
      assert.equal(failureIn(await who.raw('GET', late)), stale);
      offset = 0;
    });

    test('a code of another sign-in, a changed state and a refusal of the provider sign nobody in', async () => {
      setClaims('ada', 'staff');
      const [who, other] = [new AdminClient(plane.url), new AdminClient(plane.url)];
      const [own, stolen] = [await goThere(who, 'sub-ada'), await goThere(other, 'sub-bob')];
      const mixed = new URL(own, plane.url);
      mixed.searchParams.set('code', new URL(stolen, plane.url).searchParams.get('code') ?? '');
      assert.equal(failureIn(await who.raw('GET', `${mixed.pathname}${mixed.search}`)), '403 Not signed in');

      const changed = new URL(await goThere(who, 'sub-ada'), plane.url);
      changed.searchParams.set('state', 'A'.repeat(43));
      assert.equal(failureIn(await who.raw('GET', `${changed.pathname}${changed.search}`)), '400 Too late');

      const foreign = new URL(await goThere(who, 'sub-ada'), plane.url);
      foreign.searchParams.set('iss', 'https://evil.example');
      assert.equal(failureIn(await who.raw('GET', `${foreign.pathname}${foreign.search}`)), '403 Not signed in');

      const left = new URL(await goThere(who, 'sub-ada'), plane.url);
      left.searchParams.set('iss', '');
      left.searchParams.delete('iss');
      assert.equal(
        failureIn(await who.raw('GET', `${left.pathname}${left.search}`)),
        '403 Not signed in',
        'iss was promised',
      );

      const state = new URL((await who.call('oidcStart')).headers.location ?? '').searchParams.get('state');
      const denied = `${CALLBACK}?state=${state}&error=access_denied&error_description=%3Cscript%3E`;
      assert.equal(failureIn(await who.raw('GET', denied)), '403 Not signed in');
      for (const query of ['', '?state=a&state=b', '?code=x', `?state=${'x'.repeat(5_000)}`]) {
        assert.equal(failureIn(await who.raw('GET', `${CALLBACK}${query}`)), '400 Too late');
      }
      assert.equal(await who.no('session'), '401 signed-out');
    });

    test('whoever signed in by other settings must do so again', async () => {
      setClaims('ada', 'security');
      const who = await enter('sub-ada');
      const admin = await signedIn(plane, plane.org, ['admin']);
      const { settings } = await admin.ok('settings');
      await admin.ok('setSettings', { body: { settings: { ...settings, next_poll_s: 90 } } });
      await who.ok('session');
      const sign_in = { ...(settings['sign_in'] as object), roles: { staff: ['viewer'] } };
      await admin.ok('setSettings', { body: { settings: { ...settings, sign_in } } });
      assert.equal(await who.no('session'), '401 signed-out');
      await admin.ok('session');
      await offer();
    });

    test('without a provider, or without a role for any group, it is not offered', async () => {
      await offer({ roles: { empty: [] } });
      const who = new AdminClient(plane.url);
      assert.equal((await who.ok('ways')).oidc, false);
      assert.equal(failureIn(await who.call('oidcStart')), '404 Not offered');
      assert.equal(refusalIn(await who.call('oidcStart', { query: { org: 'nobody' } })), '404 missing');
      await offer({ issuer: 'http://127.0.0.1:1' });
      assert.equal(failureIn(await who.call('oidcStart')), '502 Try again later');
      await offer();
    });

    test('no token and no code stands in the database or in the log', async () => {
      setClaims('ada', 'staff');
      const who = new AdminClient(plane.url);
      const path = await goThere(who, 'sub-ada');
      const code = new URL(path, plane.url).searchParams.get('code') ?? '?';
      await who.raw('GET', path);
      const { query } = plane.ctx.db;
      const stored = JSON.stringify([
        await query.selectFrom('pending').selectAll().execute(),
        await query.selectFrom('session').selectAll().execute(),
        await query.selectFrom('admin_log').selectAll().execute(),
        plane.log,
      ]);
      assert.ok(!stored.includes(code) && !stored.includes('eyJ') && !stored.includes(who.token ?? '?'));
    });
  });

  describe('with a provider that lies', () => {
    let plane: ControlPlane;
    let issuer: LyingIssuer;

    before(async () => {
      issuer = await startLyingIssuer({ sub: 'sub-eve', preferred_username: 'eve', groups: ['staff'] });
      const sign_in = { issuer: issuer.url, client_id: 'outpost', roles: ROLES };
      plane = await startControlPlane({ database: await freshUrl(), clock: systemClock, orgSettings: { sign_in } });
    });
    after(async () => {
      await plane.close();
      await issuer.close();
    });

    const attempt = async (): Promise<Answer> => {
      const who = new AdminClient(plane.url);
      const { headers } = await who.call('oidcStart');
      return await who.raw('GET', `${CALLBACK}?${issuer.answer(headers.location ?? '')}`);
    };
    const past = Math.floor(Date.now() / 1000) - 3_600;

    test('the truth signs in', async () => {
      assert.equal((await attempt()).status, 303);
    });

    for (const [what, lie] of [
      ['another nonce', { claims: { nonce: 'other' } }],
      ['no nonce', { claims: { nonce: undefined } as never }],
      ['another audience', { claims: { aud: 'somebody-else' } }],
      ['several audiences without us', { claims: { aud: ['a', 'b'] } }],
      ['another issuer', { claims: { iss: 'https://evil.example' } }],
      ['a token that is over', { claims: { exp: past } }],
      ['a token without an end', { claims: { exp: undefined } as never }],
      ['nobody', { claims: { sub: undefined } as never }],
      ['a subject that is too long', { claims: { sub: 'x'.repeat(256) } }],
      ['a key that it does not name', { key: 'other' }],
      ['no signature', { key: 'none' }],
    ] satisfies [string, Lie][]) {
      test(`${what} does not`, async () => {
        issuer.lie = lie;
        assert.equal(failureIn(await attempt()), '403 Not signed in');
        issuer.lie = {};
      });
    }

    test('the same person in two windows at once is one person', async () => {
      issuer.lie = { claims: { sub: 'sub-twice', preferred_username: 'twice' } };
      const answers = await Promise.all([attempt(), attempt(), attempt()]);
      assert.deepEqual(
        answers.map(({ status }) => status),
        [303, 303, 303],
      );
      const { query } = plane.ctx.db;
      const users = await query.selectFrom('app_user').selectAll().where('name', 'like', 'twice%').execute();
      assert.equal(users.length, 1);
      issuer.lie = {};
    });
  });
});
