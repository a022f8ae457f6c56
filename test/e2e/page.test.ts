// SPDX-License-Identifier: Apache-2.0
// The status page in a real browser, against the real local API with an invented agent behind it.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright';
import { chromium } from 'playwright';
import { buildPage } from '../../build/page.mjs';
import type { HealthItem } from '../../src/contract/local-api.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { createLocalApi, type LocalApi } from '../../src/proxy/local-api/server.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { createFakeAgent, FAKE_WARNING, type FakeAgent, fakeCall } from '../fakes/fake-agent.ts';
import { axeFinds } from '../gallery/axe.ts';

const CHROMIUM = process.env['OUTPOST_CHROMIUM'] ?? '/usr/bin/chromium';
const options = existsSync(CHROMIUM) ? {} : { skip: `needs a Chromium at ${CHROMIUM}` };
const TOKEN = 'x'.repeat(43);
/** Link and heading of each page. */
const PAGES = [
  ['Overview', 'Overview'],
  ['Usage', 'Usage'],
  ['Activity', 'Activity'],
  ['What is recorded', 'What is recorded about me'],
  ['Diagnostics', 'Diagnostics'],
  ['About', 'About Outpost'],
] as const;

const folder = mkdtempSync(join(tmpdir(), 'outpost-page-'));
let browser: Browser;
let agent: FakeAgent;
let api: LocalApi;
let context: BrowserContext | undefined;
/** What the browser complained about since the page was opened. */
let complaints: string[];

function startApi(port: number): Promise<LocalApi> {
  return createLocalApi({ port, view: agent, token: TOKEN, pageFolder: folder, clock: systemClock, log: silentLog });
}

async function openPage(wishes: BrowserContextOptions = {}): Promise<Page> {
  complaints = [];
  context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB', ...wishes });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(api.loginUrl(), { timeout: 60_000 });
  await page.getByRole('heading', { name: 'Since the start' }).waitFor();
  return page;
}

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });
/** Comes a frame after another page is shown. */
const headingFocused = (page: Page) => page.waitForFunction(() => document.activeElement?.tagName === 'H1');
const bodyRows = (page: Page) => page.locator('tbody tr');

if (options.skip === undefined) {
  before(async () => {
    await buildPage({ folder });
    agent = createFakeAgent();
    api = await startApi(0);
    const args = ['--no-sandbox', '--disable-background-networking', '--disable-quic'];
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
  });
  after(async () => {
    await browser.close();
    await api.close();
  });
  afterEach(async () => {
    await context?.close();
    context = undefined;
  });
}
after(() => rmSync(folder, { recursive: true, force: true }));

test('all pages are reached and used by keyboard alone', options, async () => {
  const page = await openPage();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Skip to content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());

  await page.getByRole('link', { name: 'Overview' }).focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await heading(page, 'Activity').waitFor();
  assert.equal(await page.title(), 'Activity - Outpost');
  await headingFocused(page);
  assert.equal(await page.getByRole('link', { name: 'Activity' }).getAttribute('aria-current'), 'page');

  await page.keyboard.press('Tab');
  await page.keyboard.type('script');
  await page.getByText('1 call found in the whole log').waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Space');
  await page.getByRole('button', { name: 'Continue' }).waitFor();

  await page.getByRole('link', { name: 'What is recorded' }).focus();
  await page.keyboard.press('Enter');
  await heading(page, 'What is recorded about me').waitFor();
  await headingFocused(page);
  await page.locator('summary').first().focus();
  await page.keyboard.press('Enter');
  await page.getByText('"seq": 1284').waitFor();
  await page.goBack();
  await heading(page, 'Activity').waitFor();
  assert.deepEqual(complaints, []);
});

test(
  'the overview shows what needs attention as it comes and goes, and says it to a screen reader',
  options,
  async () => {
    const page = await openPage();
    const status = page.getByRole('status').filter({ hasText: 'One thing needs attention' });
    assert.equal(await status.count(), 0);
    agent.change({ health: [FAKE_WARNING] });
    await page.getByRole('heading', { name: FAKE_WARNING.title }).waitFor();
    await status.waitFor({ state: 'attached' });
    assert.equal(await page.locator('.notice code').first().textContent(), 'outpost ca install');
    agent.change({ health: [] });
    await page.getByRole('heading', { name: FAKE_WARNING.title }).waitFor({ state: 'detached' });
    assert.deepEqual(complaints, []);
  },
);

test('the checks run on demand, from a warning too, and say what to do', options, async () => {
  const page = await openPage();
  agent.change({ health: [{ ...FAKE_WARNING, action: 'checks' }] });
  await page.getByRole('link', { name: 'Run the checks' }).click();
  await heading(page, 'Diagnostics').waitFor();
  await page.getByText('1 check failed.', { exact: true }).first().waitFor();
  await page.getByText('The operating system does not trust the certificate.').waitFor();
  await page.getByRole('status').filter({ hasText: '1 check failed.' }).waitFor({ state: 'attached' });
  await page.getByRole('button', { name: 'Run the checks again' }).click();
  await page.getByText('1 check failed.', { exact: true }).first().waitFor();
  agent.change({ health: [] });
  assert.deepEqual(complaints, []);
});

test('a warning offers its command, and help where the organisation names some', options, async () => {
  const page = await openPage({ permissions: ['clipboard-read', 'clipboard-write'] });
  const help: HealthItem = { ...FAKE_WARNING, code: 'device-revoked', action: 'help' };
  agent.change({ health: [FAKE_WARNING, help], support: { url: 'https://help.example/', label: 'Help desk' } });
  await page.getByRole('button', { name: 'Copy “outpost ca install”' }).click();
  await page.getByText('Copied').first().waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'outpost ca install');
  agent.change({ health: [help] });
  await page.waitForFunction(() => document.activeElement?.id === 'attention');
  await context?.route('https://help.example/', (route) => route.fulfill({ body: 'here' }));
  const popup = page.waitForEvent('popup');
  await page.getByRole('link', { name: 'Help desk' }).click();
  const other = await popup;
  assert.equal(other.url(), 'https://help.example/');
  assert.equal(await other.evaluate(() => window.opener), null);
  agent.change({ health: [], support: undefined as never });
});

test('language and theme hold at once and stay, and what is kept badly is nothing', options, async () => {
  const page = await openPage({ colorScheme: 'light' });
  await page.getByRole('link', { name: 'About' }).click();
  await page.getByLabel('Language').selectOption('de');
  await heading(page, 'Über Outpost').waitFor();
  await page.getByLabel('Aussehen').selectOption('dark');
  await page.reload();
  await heading(page, 'Über Outpost').waitFor();
  const root = () => page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset['theme']]);
  assert.deepEqual(await root(), ['de', 'dark']);
  assert.equal(await page.title(), 'Über - Outpost');
  for (const bad of ['{', '{"language":"xx"}', '[]', 'null']) {
    await page.evaluate((text) => localStorage.setItem('outpost-preferences', text), bad);
    await page.reload();
    await heading(page, 'About Outpost').waitFor();
    assert.deepEqual(await root(), ['en', 'system'], bad);
  }
  assert.deepEqual(complaints, []);
});

test('in the tray’s window the page asks the tray, never the network', options, async () => {
  complaints = [];
  context = await browser.newContext({ reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(api.loginUrl(), { timeout: 60_000 });
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.exposeFunction('answer', (name: string) => {
    const preferences = { language: 'de', theme: 'dark', notifications: true, open_at_login: false };
    const answers: Readonly<Record<string, object>> = {
      surroundings: { language: 'de', preferences },
      about: { tray_version: '9.8.7', runtime: [], host: 'child', settable: ['notifications', 'open_at_login'] },
    };
    return { ok: true, value: answers[name] ?? {} };
  });
  await page.addInitScript(() => {
    const { answer } = window as unknown as { answer: (name: string) => Promise<unknown> };
    Object.assign(window, { outpost: { ask: (name: string) => answer(name), on: () => () => undefined } });
  });
  await page.goto(`${api.url}/#/about`);
  await page.reload();
  await heading(page, 'Über Outpost').waitFor();
  await page.getByText('9.8.7').waitFor();
  assert.equal(await page.getByLabel('Das Tray öffnen, wenn ich mich anmelde').isChecked(), false);
  assert.equal(await page.getByLabel('Sprache').count(), 0, 'only what the tray can keep is offered');
  assert.deepEqual(
    asked.filter((path) => path.startsWith('/v1/')),
    [],
  );
});

test('the log and the support bundle are downloaded', options, async () => {
  const page = await openPage({ acceptDownloads: true });
  await page.getByRole('link', { name: 'Diagnostics' }).click();
  const bundle = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save the support bundle' }).click();
  assert.match((await bundle).suggestedFilename(), /\.zip$/);
  await page.getByText('The browser saves the file.').first().waitFor();
  await page.getByRole('link', { name: 'What is recorded' }).click();
  const rows = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save all rows' }).click();
  assert.match((await rows).suggestedFilename(), /\.jsonl$/);
  assert.deepEqual(complaints, []);
});

test('a call appears live, is filtered, and waits while the table is paused', options, async () => {
  const page = await openPage();
  await page.getByRole('link', { name: 'Activity' }).click();
  await heading(page, 'Activity').waitFor();
  const before_ = await bodyRows(page).count();
  agent.call(fakeCall(50, { id: 'live-1', app: 'Notebook', model: 'mistral-large', result: 'running' }));
  await page.getByRole('rowheader', { name: 'Notebook' }).waitFor();
  assert.equal(await bodyRows(page).count(), before_ + 1);
  assert.match((await bodyRows(page).first().textContent()) ?? '', /Notebook.*mistral-large.*Allowedrunning/);

  await page.getByRole('searchbox').fill('MISTRAL');
  await page.getByText('1 call found in the whole log').waitFor();
  await page.getByRole('searchbox').fill('no such thing');
  await page.getByRole('heading', { name: 'No call matches' }).waitFor();
  await page.getByRole('button', { name: 'Clear the search' }).click();
  assert.equal(await bodyRows(page).count(), before_ + 1);

  await page.getByRole('button', { name: 'Pause' }).click();
  agent.call(fakeCall(51, { id: 'live-2', app: 'Late app', decision: 'blocked', result: 'refused' }));
  await page.getByText('Paused, 1 newer change waiting').waitFor();
  await page
    .getByRole('status')
    .filter({ hasText: 'A call from Late app was blocked.' })
    .waitFor({ state: 'attached' });
  assert.equal(await page.getByRole('rowheader', { name: 'Late app' }).count(), 0);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('rowheader', { name: 'Late app' }).waitFor();

  const { activity } = agent.state();
  agent.change({ activity: [] });
  await page.reload();
  await page.getByRole('heading', { name: 'No calls yet' }).waitFor();
  agent.change({ activity });
  assert.deepEqual(complaints, []);
});

test('what is recorded is told in words and shown exactly as stored', options, async () => {
  const page = await openPage();
  await page.getByRole('link', { name: 'What is recorded' }).click();
  await page.getByText('At most 90 days. The log takes at most 512 MB of disk.').waitFor();
  await page.getByText('/home/someone/.local/state/outpost/audit').waitFor();
  const { newest } = await agent.recorded();
  await page.locator('summary').first().click();
  const shown = await page.locator('pre').first().textContent();
  assert.equal(JSON.stringify(JSON.parse(String(shown))), newest[0]);
});

test('texts from outside stay texts', options, async () => {
  const page = await openPage();
  const evil = '<img src=x onerror=alert(1)>"\'`{{1}}`';
  agent.call(fakeCall(60, { id: 'evil', app: evil, model: '\u202egnp.exe', provider: 'javascript:alert(1)' }));
  await page.getByRole('link', { name: 'Activity' }).click();
  await page.getByRole('rowheader', { name: evil }).waitFor();
  assert.equal(await page.locator('main img').count(), 0);
  assert.deepEqual(complaints, []);
});

test(
  'when the daemon goes the page says so, keeps what it knew, and comes back by itself, still signed in',
  options,
  async () => {
    const page = await openPage();
    const { port } = api;
    await api.close();
    await page.getByRole('heading', { name: 'Outpost is not answering' }).waitFor();
    await page.getByRole('heading', { name: 'AI providers' }).waitFor();
    await page.getByRole('status').filter({ hasText: 'Outpost is not answering' }).waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Try now' }).focus();
    agent.call(fakeCall(70, { id: 'after-restart', app: 'After the restart' }));
    api = await startApi(port);
    await page.getByRole('heading', { name: 'Outpost is not answering' }).waitFor({ state: 'detached' });
    // The button went with the notice.
    await headingFocused(page);
    await page.getByRole('link', { name: 'Activity' }).click();
    await page.getByRole('rowheader', { name: 'After the restart' }).waitFor();
  },
);

test(
  'without a session the address explains how to sign in, and an ended session is said in the page',
  options,
  async () => {
    const page = await openPage();
    await context?.clearCookies();
    const { port } = api;
    await api.close();
    api = await startApi(port);
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await page.getByText('What you see below is from before.').waitFor();
    await page.goto(api.url);
    await page.getByRole('heading', { name: 'Sign in from a terminal' }).waitFor();
    assert.match((await page.textContent('main')) ?? '', /outpost ui/);
  },
);

test('axe finds nothing on the page as the daemon serves it, nor where one is signed out', options, async () => {
  // Every state of every view: page-states.test.ts.
  const findings: string[] = [];
  const page = await openPage();
  for (const [name, title] of PAGES) {
    await page.getByRole('link', { name }).click();
    await heading(page, title).waitFor();
    findings.push(...(await axeFinds(page, name)));
  }
  assert.deepEqual(complaints, []);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await context?.clearCookies();
    await page.goto(api.url);
    findings.push(...(await axeFinds(page, `signed out, ${colorScheme}`)));
  }
  assert.deepEqual(findings, []);
});

test('at 200 % zoom nothing but tables scrolls sideways', options, async () => {
  const page = await openPage({ viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 });
  for (const [name, title] of PAGES) {
    await page.getByRole('link', { name }).click();
    await heading(page, title).waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${name} is ${overflow} px too wide`);
  }
});

test('the page loads nothing from elsewhere and has no inline script or style', options, async () => {
  const page = await openPage();
  const hosts = await page.evaluate(() =>
    performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin),
  );
  assert.deepEqual([...new Set(hosts)], [api.url]);
  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  assert.doesNotMatch(html, /<style|style=|<script(?![^>]* src=)|\son\w+=/);
  await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.injected = true';
    document.body.append(script);
  });
  assert.equal(await page.evaluate(() => 'injected' in window), false, 'the policy stops an injected script');
});
