// SPDX-License-Identifier: Apache-2.0
// Signing in to the admin page and out of it, in a real browser: with a password, with the organisation's identity provider, and with
// other sites involved. The control plane is at localhost, the provider and the attacker are at 127.0.0.1, which is another site; a second
// attacker is at another port of localhost, which is the same site and gets the cookie sent.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { Page } from 'playwright';
import { buildAdminPage } from '../../build/page.mjs';
import { ADMIN_API } from '../../src/contract/admin/endpoints.ts';
import { ensureBootstrapAdmin } from '../../src/control-plane/admin/auth/users.ts';
import { readAdminLog } from '../../src/control-plane/admin-log/read.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import {
  type AdminBrowser,
  heading,
  NEEDS_BROWSER,
  type OpenPage,
  said,
  startBrowser,
} from '../fakes/admin-browser.ts';
import { type ControlPlane, startControlPlane } from '../fakes/control-plane.ts';
import { AdminClient, SESSION_NAME, signedIn } from '../fakes/control-plane-admin-client.ts';
import { type Issuer, startIssuer } from '../fakes/oidc-issuer.ts';

const START = `${ADMIN_API}/oidc/start`;
const CALLBACK = `${ADMIN_API}/oidc/callback`;
const OWN_PASSWORD = 'a few words of my own';

const folder = mkdtempSync(join(tmpdir(), 'outpost-sign-in-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let browser: AdminBrowser;
let plane: ControlPlane;
let issuer: Issuer;
let evil: Server;
/** As the browser calls them. */
let home: string;
let elsewhere: string;
let nextDoor: string;
let firstPassword: string;
let opened: OpenPage[] = [];

if (NEEDS_BROWSER.skip === undefined) {
  before(async () => {
    await buildAdminPage({ folder });
    plane = await startControlPlane({ clock: systemClock, pageFolder: folder });
    firstPassword = (await ensureBootstrapAdmin(plane.ctx, plane.org))?.password ?? '';
    home = plane.url.replace('127.0.0.1', 'localhost');
    issuer = await startIssuer({
      claims: { preferred_username: 'ada', groups: ['staff'] },
      webRedirects: [`${home}${CALLBACK}`],
    });
    const sign_in = {
      issuer: issuer.url,
      client_id: issuer.web.client_id,
      scope: 'openid profile email groups',
      roles: { staff: ['admin'] },
    };
    const admin = await signedIn(plane, plane.org, ['admin'], 'root');
    const { client_secret } = issuer.web;
    await admin.ok('setSettings', { body: { settings: { sign_in: { ...sign_in, client_secret } } } });
    evil = createServer((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<!doctype html><title>evil</title><body>
        <a id="link" href="${home}${ADMIN_API}/session">look</a>
        <form id="out" method="post" action="${home}${ADMIN_API}/sign-out"><button>press</button></form>
        <form id="order" method="post" enctype="text/plain" action="${home}${ADMIN_API}/orders">
          <input name='{"level":"block-all-ai","minutes":60,"reason":"' value='"}'><button>press</button>
        </form>`);
    });
    evil.listen(0, '127.0.0.1');
    await once(evil, 'listening');
    const { port } = evil.address() as AddressInfo;
    elsewhere = `http://127.0.0.1:${port}`;
    nextDoor = `http://localhost:${port}`;
    browser = await startBrowser();
  });
  after(async () => {
    await browser.close();
    evil.close();
    evil.closeAllConnections();
    await issuer.close();
    await plane.close();
  });
  afterEach(async () => {
    for (const { close } of opened) await close();
    opened = [];
  });
}

/** A browser of somebody who needs no password at the provider. */
async function open(url = `${home}/admin/`, name = 'sub-ada'): Promise<Page> {
  const shown = await browser.open(url, { extraHTTPHeaders: { 'x-name': name } });
  opened.push(shown);
  return shown.page;
}

/** What a page of ours sees of its session: status, and the name. */
const session = (page: Page): Promise<unknown> =>
  page.evaluate(async (address) => {
    const answer = await fetch(address);
    return [answer.status, (await answer.json()).user?.name];
  }, `${ADMIN_API}/session`);

const tokenIn = async (page: Page): Promise<string | undefined> =>
  (await page.context().cookies(`${home}/admin/`)).find(({ name }) => name === SESSION_NAME)?.value;

/** Who the server says has this session. */
const ownerOf = async (token: string | undefined): Promise<unknown> => {
  const answer = await new AdminClient(plane.url, token ?? '').call('session');
  return answer.status === 200 ? answer.json<{ user: { name: string } }>().user.name : answer.status;
};

async function signIn(page: Page, name: string, password: string): Promise<void> {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

async function changePassword(page: Page, before: string, wanted: string, repeated = wanted): Promise<void> {
  await page.getByLabel('Present password').fill(before);
  await page.getByLabel('New password', { exact: true }).fill(wanted);
  await page.getByLabel('New password again').fill(repeated);
  await page.getByRole('button', { name: 'Change password' }).click();
}

const complaints = (): readonly string[] => opened.flatMap((shown) => shown.complaints);
const whole = (page: Page) => page.getByRole('link', { name: 'Admin log' });

async function withOidc(): Promise<Page> {
  const page = await open();
  await page.getByRole('link', { name: 'Sign in with your organisation' }).click();
  await heading(page, 'Overview').waitFor();
  return page;
}

/** What the organisation has written down of people's acts. */
const acts = async (): Promise<readonly string[]> => {
  const { rows } = await readAdminLog(plane.ctx, plane.org, {}, { limit: 200 });
  return rows.map(({ actor, action }) => `${actor} ${action}`);
};

test('the first administrator gets no further than choosing an own password', NEEDS_BROWSER, async () => {
  const page = await open(`${home}/admin/#/people`);
  await signIn(page, 'admin', 'not the password');
  await page.getByText('The name or the password is wrong.').waitFor();
  assert.equal(await page.getByLabel('Name').inputValue(), 'admin');
  await signIn(page, 'admin', firstPassword);
  await heading(page, 'Choose your own password').waitFor();
  assert.equal(await whole(page).count(), 0);
  for (const path of ['overview', 'users', 'devices']) {
    const status = await page.evaluate(async (address) => (await fetch(address)).status, `${ADMIN_API}/${path}`);
    assert.equal(status, 403, path);
  }
  await page.goto(`${home}/admin/#/devices`);
  await page.reload();
  await heading(page, 'Choose your own password').waitFor();

  await changePassword(page, firstPassword, OWN_PASSWORD, 'other words than those');
  await page.getByText('The two new passwords differ.').waitFor();
  await changePassword(page, 'a guess', OWN_PASSWORD);
  await page.getByText('The old password is wrong.').waitFor();
  await changePassword(page, firstPassword, firstPassword);
  await page.getByText('The new password is the old one.').waitFor();
  const before = await tokenIn(page);
  await changePassword(page, firstPassword, OWN_PASSWORD);
  await heading(page, 'Devices').waitFor();
  await said(page, 'Your password has been changed.');
  await whole(page).waitFor();
  assert.equal(await ownerOf(before), 401);
  assert.deepEqual((await acts()).slice(0, 2), ['user:admin user.password', 'user:admin user.sign-in']);

  const other = await open();
  await signIn(other, 'admin', firstPassword);
  await other.getByText('The name or the password is wrong.').waitFor();
  await signIn(other, 'Admin', OWN_PASSWORD);
  await heading(other, 'Overview').waitFor();
  assert.deepEqual(complaints(), []);
});

test('signing out ends the session on the server, and in the other tab', NEEDS_BROWSER, async () => {
  const page = await open();
  await signIn(page, 'admin', OWN_PASSWORD);
  await heading(page, 'Overview').waitFor();
  const token = await tokenIn(page);
  assert.equal(await ownerOf(token), 'admin');
  const tab = await page.context().newPage();
  await tab.goto(`${home}/admin/#/people`);
  await heading(tab, 'People').waitFor();

  await page.goto(`${home}/admin/#/account`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You are signed out.').waitFor();
  assert.equal(await tokenIn(page), undefined);
  assert.equal(await ownerOf(token), 401);
  await page.goBack();
  await heading(page, /^Sign in to/).waitFor();

  await tab.getByRole('link', { name: 'Devices', exact: true }).click();
  await tab.getByRole('heading', { name: 'Your session has ended' }).waitFor();
  await signIn(tab, 'admin', OWN_PASSWORD);
  await heading(tab, 'Devices').waitFor();
  await tab.getByRole('heading', { name: 'No device yet' }).waitFor();
  assert.notEqual(await tokenIn(tab), token);
});

test('a session that somebody else put into the browser is never the one signed in to', NEEDS_BROWSER, async () => {
  const mallory = await signedIn(plane, plane.org, ['viewer'], 'mallory');
  for (const planted of ['x'.repeat(43), mallory.token ?? '']) {
    const page = await open('about:blank');
    const cookie = { name: SESSION_NAME, value: planted, domain: 'localhost', path: '/admin' };
    await page.context().addCookies([cookie]);
    await page.goto(`${home}/admin/#/account`);
    if (planted === mallory.token) {
      await page.getByText('mallory').first().waitFor();
      // The way to sign in over somebody's session that is no door of the page: a link to the provider.
      await page.goto(`${home}${START}`);
    } else await signIn(page, 'admin', OWN_PASSWORD);
    await whole(page).waitFor();
    const own = await tokenIn(page);
    assert.notEqual(own, planted);
    assert.equal(await ownerOf(own), planted === mallory.token ? 'ada' : 'admin');
    assert.equal(await ownerOf(planted), 401);
  }
});

test('the way over the provider and back ends on the view it began at, signed in', NEEDS_BROWSER, async () => {
  const page = await open(`${home}/admin/#/people`);
  await heading(page, /^Sign in to/).waitFor();
  const asked: URL[] = [];
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin === issuer.url && url.searchParams.has('client_id')) asked.push(url);
  });
  await page.getByRole('link', { name: 'Sign in with your organisation' }).click();
  await heading(page, 'People').waitFor();
  await page.getByRole('link', { name: 'ada' }).waitFor();
  assert.equal(asked[0]?.searchParams.get('code_challenge_method'), 'S256');
  assert.match(asked[0]?.searchParams.get('code_challenge') ?? '', /^[\w-]{43}$/);
  assert.equal(page.url(), `${home}/admin/#/people`);
  const cookies = await page.context().cookies(`${home}/admin/`);
  assert.deepEqual(
    cookies.map(({ name, sameSite, httpOnly, path }) => [name, sameSite, httpOnly, path]),
    [[SESSION_NAME, 'Strict', true, '/admin']],
  );
  assert.equal(await page.evaluate(() => document.cookie), '');
  await page.reload();
  await heading(page, 'People').waitFor();
  assert.deepEqual(await session(page), [200, 'ada']);
  assert.deepEqual(complaints(), []);
});

test(
  'whoever is sent back by a page of the provider is signed in, though another site sent them',
  NEEDS_BROWSER,
  async () => {
    const page = await open(elsewhere);
    const started = await page.context().request.get(`${home}${START}`, { maxRedirects: 0 });
    const back = await issuer.signIn(started.headers()['location'] ?? '', 'sub-ada');
    // In place of that page.
    await page.evaluate((address) => {
      location.href = address;
    }, back.href);
    await heading(page, 'Overview').waitFor();
    assert.equal(page.url(), `${home}/admin/`);
    assert.deepEqual(await session(page), [200, 'ada']);
  },
);

test('another site’s link, form and script come without the session, and change nothing', NEEDS_BROWSER, async () => {
  const page = await withOidc();
  const before = await acts();
  await page.goto(elsewhere);
  const own = await page.evaluate(async (address) => {
    const wishes: RequestInit[] = [
      { method: 'GET' },
      { method: 'POST' },
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' },
      { method: 'POST', mode: 'no-cors', body: '{}' },
    ];
    const answers: string[] = [];
    for (const wish of wishes) {
      const got = fetch(address, { ...wish, credentials: 'include' });
      answers.push(await got.then(({ type }) => type).catch(() => 'failed'));
    }
    return answers;
  }, `${home}${ADMIN_API}/sign-out`);
  assert.deepEqual(own, ['failed', 'failed', 'failed', 'failed']);
  const [linked] = await Promise.all([page.waitForNavigation(), page.click('#link')]);
  assert.equal(linked?.status(), 401);
  for (const form of ['#out', '#order']) {
    await page.goto(elsewhere);
    const [posted] = await Promise.all([page.waitForNavigation(), page.click(`${form} button`)]);
    assert.equal(posted?.status(), 403, form);
  }
  await page.goto(`${home}/admin/`);
  assert.deepEqual(await session(page), [200, 'ada']);
  assert.deepEqual(await acts(), before);
});

test(
  'a page at another port of the same host gets the cookie sent, and changes nothing either',
  NEEDS_BROWSER,
  async () => {
    const page = await withOidc();
    const before = await acts();
    // As the server sees them: the browser keeps the answers to itself.
    const arrived: (readonly [cookie: string, status: number])[] = [];
    const { server } = plane.server.app;
    const note = ({ method, headers }: IncomingMessage, answer: ServerResponse): void => {
      if (method !== 'GET') answer.on('finish', () => arrived.push([headers.cookie ?? '', answer.statusCode]));
    };
    server.prependListener('request', note);
    await page.goto(nextDoor);
    await page.evaluate(async (api) => {
      const order = JSON.stringify({ level: 'block-all-ai', minutes: 60, reason: 'x' });
      const common: RequestInit = { method: 'POST', mode: 'no-cors', credentials: 'include' };
      await fetch(`${api}/orders`, { ...common, body: order }).catch(() => undefined);
      await fetch(`${api}/sign-out`, common).catch(() => undefined);
      // To be asked for leave first, which it does not get.
      const json = { ...common, mode: 'cors' as const, headers: { 'content-type': 'application/json' }, body: order };
      await fetch(`${api}/orders`, json).catch(() => undefined);
    }, `${home}${ADMIN_API}`);
    for (const form of ['#out', '#order']) {
      await page.goto(nextDoor);
      await Promise.all([page.waitForNavigation(), page.click(`${form} button`)]);
    }
    server.off('request', note);
    // Twice by script, twice by form, and the question of the last script.
    const refused = arrived.filter(([cookie, status]) => cookie.startsWith(`${SESSION_NAME}=`) && status === 403);
    assert.equal(refused.length, 4, JSON.stringify(arrived));
    assert.equal(arrived.length, 5);
    await page.goto(`${home}/admin/#/orders`);
    await page.getByRole('heading', { name: 'No order is in force' }).waitFor();
    assert.deepEqual(await session(page), [200, 'ada']);
    assert.deepEqual(await acts(), before);
  },
);

test('a link to our page from elsewhere opens it signed in: the page asks by itself', NEEDS_BROWSER, async () => {
  const page = await withOidc();
  await page.goto(elsewhere);
  await page.evaluate((address) => {
    location.href = address;
  }, `${home}/admin/#/people`);
  await heading(page, 'People').waitFor();
  assert.deepEqual(await session(page), [200, 'ada']);
});

test('the address that signs one browser in signs no other in', NEEDS_BROWSER, async () => {
  const started = await fetch(`${home}${START}`, { redirect: 'manual' });
  const stolen = await issuer.signIn(started.headers.get('location') ?? '', 'sub-attacker');
  assert.match(stolen.href, /^http:\/\/localhost:.*code=/);
  const victim = await open('about:blank');
  const answer = await victim.goto(stolen.href);
  assert.equal(answer?.status(), 400);
  await heading(victim, 'Too late').waitFor();
  await victim.getByRole('link', { name: 'Sign in' }).click();
  await heading(victim, /^Sign in to/).waitFor();
  assert.equal(((await session(victim)) as number[])[0], 401);
});
