// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { bindAnswer, type ErrorAnswer } from '../../src/contract/sync/messages.ts';
import { sealClientSecret } from '../../src/control-plane/devices/client-secret.ts';
import { updateOrg } from '../../src/control-plane/orgs/update.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import type { Answer, FakeDevice } from '../fakes/device.ts';
import { type Issuer, startIssuer } from '../fakes/oidc-issuer.ts';

const refusal = (answer: Answer): string => `${answer.status} ${answer.json<ErrorAnswer>().error}`;
const random = (): string => randomBytes(32).toString('base64url');
const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url');
const DAY = 86_400_000;

describe('the person at a device', () => {
  let issuer: Issuer;
  let plane: ControlPlane;
  let device: FakeDevice;
  let offset = 0;
  // The provider lives by the wall clock; a test may be ahead of it.
  const clock = { ...systemClock, now: () => systemClock.now() + offset };
  const signInSettings = () => ({
    issuer: issuer.url,
    client_id: issuer.native.client_id,
    scope: 'openid profile email groups',
  });

  before(async () => {
    issuer = await startIssuer({
      claims: { preferred_username: 'ada', email: 'ada@acme.example', groups: ['dev', 'ops'] },
    });
    plane = await startControlPlane({ clock, orgSettings: { sign_in: signInSettings() } });
    device = await plane.enrolled();
  });
  after(async () => {
    await plane.close();
    await issuer.close();
  });

  interface Started {
    readonly state: string;
    readonly verifier: string;
    readonly answer: Answer;
  }

  const start = async (change: object = {}, by = device): Promise<Started> => {
    const [state, verifier] = [random(), random()];
    const redirect_uri = 'http://127.0.0.1:54321/callback';
    const body = { v: 1, redirect_uri, code_challenge: challengeOf(verifier), state, ...change };
    return { state, verifier, answer: await by.post('/v1/bind/start', body) };
  };
  /** Up to the moment at which the agent has the code. */
  const signedIn = async (by = device): Promise<Started & { readonly code: string }> => {
    const started = await start({}, by);
    assert.equal(started.answer.status, 200, started.answer.body.toString('utf8'));
    const back = await issuer.signIn(started.answer.json<{ url: string }>().url, 'ada');
    assert.equal(back.origin, 'http://127.0.0.1:54321');
    assert.equal(back.searchParams.get('state'), started.state);
    return { ...started, code: back.searchParams.get('code') ?? '' };
  };
  const finish = ({ state, verifier, code }: { state: string; verifier: string; code: string }, by = device) =>
    by.post('/v1/bind', { v: 1, state, code, code_verifier: verifier });
  const userOf = async (one = device): Promise<unknown> => (await one.post('/v1/status', one.status())).json()['user'];

  test('signs in at the organisation’s provider, and is known from then on', async () => {
    const newcomer = plane.device();
    assert.equal((await newcomer.enrol(plane.token)).bind_user, true);
    assert.equal(await userOf(newcomer), null);
    const answer = await finish(await signedIn(newcomer), newcomer);
    assert.equal(answer.status, 200, answer.body.toString('utf8'));
    const { user, groups, until } = bindAnswer.parse(answer.json());
    assert.deepEqual([user, groups], ['ada', ['dev', 'ops']]);
    assert.ok(until > clock.now() + 29 * DAY && until <= clock.now() + 30 * DAY);
    assert.deepEqual(await userOf(newcomer), { name: 'ada', until });
    const row = await plane.ctx.db.query
      .selectFrom('admin_log')
      .select(['action', 'body'])
      .where('target', '=', `device:${newcomer.id}`)
      .orderBy('seq', 'desc')
      .executeTakeFirstOrThrow();
    assert.equal(row.action, 'device.bind');
    assert.match(row.body, /"user":"ada"/);
    // The agent sees no token, and neither does the database.
    assert.doesNotMatch(answer.body.toString('utf8'), /token|eyJ/);
    offset = 31 * DAY;
    assert.equal(await userOf(newcomer), null);
    offset = 0;
  });

  test('is sent to the provider with a challenge and a nonce of the server', async () => {
    const { answer, state, verifier } = await start();
    const { searchParams, origin } = new URL(answer.json<{ url: string }>().url);
    assert.equal(origin, issuer.url);
    assert.equal(searchParams.get('redirect_uri'), 'http://127.0.0.1:54321/callback');
    assert.equal(searchParams.get('code_challenge'), challengeOf(verifier));
    assert.equal(searchParams.get('code_challenge_method'), 'S256');
    assert.equal(searchParams.get('response_type'), 'code');
    assert.equal(searchParams.get('state'), state);
    assert.match(searchParams.get('nonce') ?? '', /^[\w-]{22}$/);
  });

  test('is not sent anywhere but to loopback', async () => {
    for (const redirect_uri of [
      'https://127.0.0.1:1/callback',
      'http://localhost:1/callback',
      'http://127.0.0.1/callback',
      'http://127.0.0.1:99999/callback',
      'http://127.0.0.1:1@evil.example/',
      'http://127.0.0.1:1/../..',
      'http://127.0.0.1.evil.example:1/callback',
      'http://127.0.0.1:1/callback?x=1',
    ]) {
      assert.equal(refusal((await start({ redirect_uri })).answer), '400 malformed', redirect_uri);
    }
  });

  test('cannot use a state twice, whatever came of it first', async () => {
    const done = await signedIn();
    assert.equal((await finish(done)).status, 200);
    assert.equal(refusal(await finish(done)), '403 sign-in');
    const failed = await signedIn();
    assert.equal(refusal(await finish({ ...failed, code: 'wrong' })), '403 sign-in');
    assert.equal(refusal(await finish(failed)), '403 sign-in');
  });

  test('has ten minutes', async () => {
    const started = await signedIn();
    offset = 600_000;
    assert.equal(refusal(await finish(started)), '403 sign-in');
    offset = 0;
  });

  test('is bound to the device that began, and nobody else’s', async () => {
    const other = await plane.enrolled();
    const started = await signedIn();
    assert.equal(refusal(await finish(started, other)), '403 sign-in');
    assert.equal((await finish(started)).status, 200);
    // A later start of the same device takes the place of the earlier one.
    const [earlier, later] = [await signedIn(), await signedIn()];
    assert.equal(refusal(await finish(earlier)), '403 sign-in');
    assert.equal((await finish(later)).status, 200);
  });

  test('needs the verifier', async () => {
    const started = await signedIn();
    assert.equal(refusal(await finish({ ...started, verifier: random() })), '403 sign-in');
  });

  const spoil = (token: unknown, part: 0 | 1 | 2, change: (text: string) => string): string => {
    const parts = String(token).split('.');
    const plain = Buffer.from(parts[part] ?? '', 'base64url').toString(part === 2 ? 'latin1' : 'utf8');
    parts[part] = Buffer.from(change(plain), part === 2 ? 'latin1' : 'utf8').toString('base64url');
    return parts.join('.');
  };
  for (const [name, change] of [
    [
      'with a spoilt signature',
      (token) => spoil(token, 2, (text) => `${text.slice(0, -1)}${text.endsWith('a') ? 'b' : 'a'}`),
    ],
    ['of another person', (token) => spoil(token, 1, (text) => text.replace('"sub":"ada"', '"sub":"eve"'))],
    [
      'that is not signed',
      (token) =>
        `${spoil(token, 0, () => '{"alg":"none"}')
          .split('.')
          .slice(0, 2)
          .join('.')}.`,
    ],
    ['that is not there', () => undefined],
  ] as const satisfies readonly (readonly [string, (token: unknown) => string | undefined])[]) {
    test(`is not believed by an ID token ${name}`, async () => {
      const before = await userOf();
      const started = await signedIn();
      issuer.tamper((answer) => ({ ...answer, id_token: change(answer['id_token']) }));
      assert.equal(refusal(await finish(started)), '403 sign-in');
      issuer.tamper(undefined);
      assert.deepEqual(await userOf(), before);
      assert.ok(plane.log.some(({ event }) => event === 'sign-in.refused'));
      assert.ok(!JSON.stringify(plane.log).includes('eyJ'));
    });
  }

  test('is not believed by the ID token of another sign-in', async () => {
    let first: unknown;
    issuer.tamper((answer) => {
      first ??= answer['id_token'];
      return { ...answer, id_token: first };
    });
    assert.equal((await finish(await signedIn())).status, 200);
    assert.equal(refusal(await finish(await signedIn())), '403 sign-in');
    issuer.tamper(undefined);
  });

  test('is asked to come later when the provider is away', async () => {
    const gone = await startIssuer();
    const { org, token } = await plane.addOrg('away', { sign_in: { issuer: gone.url, client_id: 'agent' } });
    const other = plane.device({ org });
    await other.enrol(token);
    await gone.close();
    const { answer } = await start({}, other);
    assert.equal(refusal(answer), '503 unavailable');
    assert.equal(answer.headers['retry-after'], '10');
  });

  test('does not sign in where the organisation has no provider', async () => {
    const { org, token } = await plane.addOrg('without');
    const other = plane.device({ org });
    assert.equal((await other.enrol(token)).bind_user, false);
    assert.equal(refusal((await start({}, other)).answer), '404 missing');
  });

  test('signs in with a confidential client as well, whose secret the database has sealed', async () => {
    const { org, token } = await plane.addOrg('confidential');
    const { client_id, client_secret } = issuer.web;
    const client_secret_sealed = sealClientSecret(plane.ctx, org, issuer.url, client_secret);
    await updateOrg(plane.ctx, org, TESTER, {
      settings: () => ({ sign_in: { ...signInSettings(), client_id, client_secret_sealed } }),
    });
    const other = plane.device({ org });
    await other.enrol(token);
    assert.equal((await finish(await signedIn(other), other)).status, 200);
    const stored = JSON.stringify(await plane.ctx.db.query.selectFrom('org').selectAll().execute());
    assert.ok(!stored.includes(client_secret));
  });
});
