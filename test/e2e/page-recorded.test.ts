// SPDX-License-Identifier: Apache-2.0
// What is recorded, and the daemon's own words in German, in a real browser against the real local API, with an invented agent behind it.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright';
import { buildPage } from '../../build/page.mjs';
import { systemClock } from '../../src/proxy/clock.ts';
import { createLocalApi, type LocalApi } from '../../src/proxy/local-api/server.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { type AdminBrowser, NEEDS_BROWSER, type OpenPage, startBrowser, textOf } from '../fakes/admin-browser.ts';
import { createHistoryAgent, type HistoryAgent } from '../fakes/history-agent.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-history-'));
let browser: AdminBrowser;
let agent: HistoryAgent;
let api: LocalApi;
let opened: OpenPage | undefined;

const startApi = (port = 0): Promise<LocalApi> =>
  createLocalApi({
    port,
    view: agent,
    token: 'x'.repeat(43),
    pageFolder: folder,
    clock: systemClock,
    log: silentLog,
  });

/** Signs in, then goes where the link says. */
async function open(hash: string, wishes: BrowserContextOptions = {}): Promise<Page> {
  opened = await browser.open(api.loginUrl(), wishes);
  const { page } = opened;
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  return page;
}

const status = (page: Page, text: string | RegExp): Promise<void> =>
  page.getByRole('status').filter({ hasText: text }).waitFor({ state: 'attached' });
const factOf = (page: Page, name: string) => page.locator('dt', { hasText: name }).locator('+ dd').first();

if (NEEDS_BROWSER.skip === undefined) {
  before(async () => {
    await buildPage({ folder });
    browser = await startBrowser();
  });
  beforeEach(async () => {
    agent = createHistoryAgent();
    api = await startApi();
  });
  afterEach(async () => {
    await opened?.close();
    opened = undefined;
    await api.close();
  });
  after(() => browser.close());
}
after(() => rmSync(folder, { recursive: true, force: true }));

test('what is recorded is told from rules and log, and can be taken along', NEEDS_BROWSER, async () => {
  const page = await open('#/recorded');
  await page.getByText('96 hosts are opened: AI calls to them are checked and recorded.').waitFor();
  // Where hosts are opened to set a header, it is not said that all others stay unopened.
  await page.getByText(/passed on unopened, but for those that the rules name to set a header/).waitFor();
  const { hosts } = agent.state();
  agent.change({ hosts: { ...hosts, header: 0 } });
  await page.getByText('Connections to other sites are passed on unopened. Of them').waitFor();
  await page.getByText('Administrators of this machine.').waitFor();
  assert.equal(await page.getByRole('heading', { name: 'What your organisation has received' }).count(), 0);
  agent.change({
    organisation: {
      org: 'acme',
      url: 'https://control.example',
      phase: 'fresh',
      ring: 'stable',
      connected: true,
      orders: [],
      upload: { state: 'waiting', rows: 1, quarantined: 2, last_error: 'ECONNREFUSED' },
    },
  });
  await page.getByRole('heading', { name: 'What your organisation has received' }).waitFor();
  assert.equal(await textOf(factOf(page, 'Still to go')), '1 row');
  assert.match(await textOf(factOf(page, 'Kept back')), /^2 rows do not fit/);

  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save all rows to a file' }).focus();
  await page.keyboard.press('Enter');
  const saved = await download;
  await status(page, 'Your browser saves the file and says where.');
  const { newest } = await agent.recorded();
  assert.equal(
    readFileSync(await saved.path(), 'utf8'),
    newest
      .toReversed()
      .map((row) => `${row}\n`)
      .join(''),
  );

  await page.getByRole('button', { name: 'Show newer rows' }).focus();
  await page.keyboard.press('Enter');
  await status(page, 'Loaded again; 1,284 rows are in the log.');
  assert.deepEqual(opened?.complaints, []);
});

test('what is recorded follows the rules and the log', NEEDS_BROWSER, async () => {
  const page = await open('#/recorded');
  await page.getByText('The log stays on this machine.').waitFor();
  const before = await agent.recorded();
  agent.recorded = async () => ({ ...before, leaves_device: true, readers: [...before.readers, 'organisation'] });
  const { policy, audit } = agent.state();
  agent.change({ policy: { ...policy, sha256: 'beef'.repeat(16) } });
  await page.getByText('The log is sent to your organisation.').waitFor();
  agent.recorded = async () => ({ ...before, rows: 1_285 });
  agent.change({ audit: { ...audit, watermark: audit.watermark + 1 } });
  await page.getByText(/^1,285 rows, /).waitFor();
});

test('who is signed out is told so, not that the browser saves a file', NEEDS_BROWSER, async () => {
  const page = await open('#/recorded');
  await page.getByRole('button', { name: 'Save all rows to a file' }).waitFor();
  await page.context().clearCookies();
  await page.getByRole('button', { name: 'Save all rows to a file' }).click();
  await status(page, 'The rows could not be saved: Run outpost ui in a terminal');
});

test('in German the daemon’s own words are German too', NEEDS_BROWSER, async () => {
  const page = await open('#/activity/req-2', { locale: 'de-DE' });
  await page.getByText('Ihre Organisation erlaubt dieses Modell nicht.').waitFor();
  await page.evaluate(() => {
    location.hash = '#/recorded';
  });
  await page.getByText('Das Modell, das die App wollte.').waitFor();
  await page.evaluate(() => {
    location.hash = '#/usage';
  });
  await page.getByRole('img', { name: /^Token je Tag: 2,5\sMio\. in sieben Tagen/ }).waitFor();
});
