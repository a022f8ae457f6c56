// SPDX-License-Identifier: Apache-2.0
// The person at a device signs in: with a real identity provider and a real control plane; and what anybody else on this machine, or a page
// in the browser, can do about it meanwhile.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test';
import { readDevice } from '../../src/control-plane/devices/list.ts';
import { makePair } from '../../src/proxy/sync/enrol/device-keys.ts';
import { enrol } from '../../src/proxy/sync/enrol/enrol.ts';
import { EnrolError } from '../../src/proxy/sync/enrol/enrol-error.ts';
import type { Enrolment, Target } from '../../src/proxy/sync/enrol/enrolment-file.ts';
import { type SignedIn, signIn } from '../../src/proxy/sync/enrol/sign-in.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane } from '../fakes/control-plane.ts';
import { type Issuer, startIssuer } from '../fakes/oidc-issuer.ts';
import { deviceFolder, partsOf, say, startOddServer, targetAt, withAsk } from './enrol-kit.ts';

// Not a FakeClock: the identity provider knows only the real time.
const clock = new FakeClock(Date.now());
let issuer: Issuer;
let plane: ControlPlane;
let target: Target;
before(async () => {
  issuer = await startIssuer({ claims: { preferred_username: 'Ada L.', groups: ['engineering'] } });
  plane = await startControlPlane({
    clock,
    orgSettings: { sign_in: { issuer: issuer.url, ...issuer.native, scope: 'openid profile groups' } },
  });
  target = await targetAt(plane);
});
after(async () => {
  await plane?.close();
  await issuer?.close();
});
// The server takes so many requests a minute.
beforeEach(() => clock.advance(1_000));

interface Scene {
  readonly enrolment: Enrolment;
  /** Starts a sign-in; `url` is where the browser is to go. */
  begin(
    own?: FakeClock,
  ): Promise<{ readonly url: URL; readonly redirect: URL; readonly state: string; readonly done: Promise<SignedIn> }>;
}

async function scene(t: TestContext): Promise<Scene> {
  const device = deviceFolder();
  t.after(device.remove);
  const parts = partsOf({ folder: device.folder, clock });
  const enrolment = await withAsk(target, clock, (ask) =>
    enrol(parts, ask, { target, token: plane.token, newKeys: false }),
  );
  const read = await parts.keyFile.read();
  assert.ok(read.kind === 'keys' && read.keys.current !== undefined);
  const pair = read.keys.current;
  return {
    enrolment,
    async begin(own = clock) {
      const { promise: shown, resolve } = Promise.withResolvers<URL>();
      const done = withAsk(target, own, (ask) => signIn({ ask, clock: own, pair, random: randomBytes, show: resolve }));
      // Also when it fails before there is anything to show.
      const url = await Promise.race([shown, done.then(() => assert.fail('it ended'))]);
      const redirect = new URL(url.searchParams.get('redirect_uri') ?? '');
      return { url, redirect, state: url.searchParams.get('state') ?? '', done };
    },
  };
}

async function failureOf(done: Promise<unknown>): Promise<string> {
  try {
    await done;
    return 'none';
  } catch (error) {
    assert.ok(error instanceof EnrolError, String(error));
    return `${error.code}: ${error.message}`;
  }
}

test('the server learns who it was, and the browser a page that says nothing', async (t) => {
  const { enrolment, begin } = await scene(t);
  assert.equal(enrolment.bind_user, true);
  const { url, done } = await begin();
  assert.equal(url.searchParams.get('code_challenge_method'), 'S256');
  const back = await issuer.signIn(url.href, 'ada');
  const page = await fetch(back);
  const body = await page.text();
  const signedIn = await done;
  assert.deepEqual([signedIn.user, signedIn.groups], ['Ada L.', ['engineering']]);
  assert.ok(signedIn.until > clock.now());
  const row = await readDevice(plane.ctx, 'acme', enrolment.device);
  assert.deepEqual([row?.device.user_name, row?.device.user_groups], ['Ada L.', '["engineering"]']);
  assert.equal(page.status, 200);
  assert.match(body, /You can close this window/);
  const [code = '-', state = '-'] = ['code', 'state'].map((name) => back.searchParams.get(name) ?? undefined);
  for (const secret of [code, state, 'Ada']) assert.ok(!body.includes(secret));
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.equal(page.headers.get('referrer-policy'), 'no-referrer');
  assert.equal(page.headers.get('cache-control'), 'no-store');
  await assert.rejects(fetch(back), 'nobody listens any more');
});

test('a refusal of the provider is said in plain words', async (t) => {
  const { begin } = await scene(t);
  for (const [error, description, wanted] of [
    ['access_denied', 'Ada said <b>no</b>\u0007', 'the sign-in was refused or cancelled; it says: Ada said <b>no</b>'],
    ['server_error', '', 'the identity provider failed'],
    ['some_word', '', 'the identity provider refused the sign-in (some_word)'],
    ['<script>', '', 'the identity provider refused the sign-in (unknown)'],
  ] as const) {
    const { redirect, state, done } = await begin();
    const failure = failureOf(done);
    redirect.search = new URLSearchParams({ error, error_description: description, state }).toString();
    const page = await fetch(redirect);
    assert.equal(await failure, `sign-in: ${wanted}`);
    const body = await page.text();
    assert.match(body, /You can close this window/);
    assert.ok(!body.includes('<b>') && !body.includes('script'));
  }
});

test('a code that the provider never gave, or one that is used twice, binds nobody', async (t) => {
  const { enrolment, begin } = await scene(t);
  const { redirect, state, done } = await begin();
  const failure = failureOf(done);
  await fetch(`${redirect.href}?code=made-up&state=${state}`);
  assert.match(await failure, /^sign-in: /);
  assert.equal((await readDevice(plane.ctx, 'acme', enrolment.device))?.device.user_name, null);
});

test('nobody comes: it ends after five minutes', async (t) => {
  const { begin } = await scene(t);
  const own = new FakeClock(clock.now());
  const { redirect, done } = await begin(own);
  const failure = failureOf(done);
  own.advance(300_000);
  assert.equal(await failure, 'sign-in: nobody signed in within five minutes');
  await assert.rejects(fetch(redirect));
});

/** Sends a head as it is; resolves with the status. */
function raw(url: URL, method: string, path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host: url.hostname, port: url.port, method, path, headers, agent: false },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

describe('whoever else calls meanwhile', () => {
  test('gets nothing, and does not end the sign-in', async (t) => {
    const { begin } = await scene(t);
    const { url, redirect, state, done } = await begin();
    const path = '/callback';
    const good = `code=x&state=${state}`;
    const foreign = randomBytes(32).toString('base64url');
    for (const [method, target_, headers] of [
      ['GET', path, {}],
      ['GET', '/', {}],
      ['GET', '/favicon.ico', {}],
      ['GET', `/other?${good}`, {}],
      ['GET', `${path}/?${good}`, {}],
      ['GET', `${path}?code=x`, {}],
      ['GET', `${path}?code=x&state=${foreign}`, {}],
      ['GET', `${path}?code=x&state=${state.slice(0, -1)}`, {}],
      ['GET', `${path}?code=x&state=${foreign}&state=${state}`, {}],
      ['GET', `${path}?code=x&code=y&state=${state}`, {}],
      ['GET', `${path}?state=${state}`, {}],
      ['GET', `${path}?code=&state=${state}`, {}],
      ['GET', `${path}?code=${'x'.repeat(3_000)}&state=${state}`, {}],
      ['POST', `${path}?${good}`, {}],
      ['HEAD', `${path}?${good}`, {}],
      ['OPTIONS', `${path}?${good}`, {}],
      // A name of somebody else's that leads to this machine.
      ['GET', `${path}?${good}`, { host: 'rebound.example' }],
      ['GET', `${path}?${good}`, { host: `localhost:${redirect.port}` }],
      ['GET', `${path}?${good}`, { host: '127.0.0.1' }],
    ] as const) {
      assert.equal(
        await raw(redirect, method, target_, headers),
        404,
        `${method} ${target_} ${JSON.stringify(headers)}`,
      );
    }
    assert.equal(redirect.hostname, '127.0.0.1');
    await fetch(await issuer.signIn(url.href, 'ada'));
    assert.equal((await done).user, 'Ada L.');
  });

  test('only the first redirect counts', async (t) => {
    const { begin } = await scene(t);
    const { url, done } = await begin();
    const back = await issuer.signIn(url.href, 'ada');
    const answers = await Promise.allSettled([fetch(back), fetch(back)]);
    const good = answers.filter((one) => one.status === 'fulfilled' && one.value.status === 200);
    assert.equal(good.length, 1);
    assert.equal((await done).user, 'Ada L.');
  });
});

test('a server that names something else than a web address: it is not shown', async (t) => {
  for (const url of [
    'file:///etc/passwd',
    'javascript:alert(1)',
    'http://login.example/',
    'https://a:b@login.example/',
    'x',
    7,
  ]) {
    const server = await startOddServer((request, response) => {
      if (request.url === '/v1/bind/start') return say(response, { url });
      say(response, { protocols: ['outpost-sync/1'], server: 'test', now: clock.now() });
    });
    t.after(() => server.close());
    const shown: URL[] = [];
    const stop = new AbortController();
    const show = (one: URL): void => {
      shown.push(one);
      stop.abort();
    };
    const work = withAsk({ url: server.url, ca: [] }, clock, (ask) =>
      signIn({ ask, clock, pair: makePair(), random: randomBytes, show, signal: stop.signal }),
    );
    assert.match(await failureOf(work), /^answer: /);
    assert.deepEqual(shown, []);
  }
});
