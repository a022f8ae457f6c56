// SPDX-License-Identifier: Apache-2.0
// Usage, activity with its search, and one call, in a real browser against the real local API, with an invented agent that has a past.
// By keyboard wherever something is done. What is recorded: page-recorded.test.ts.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright';
import { buildPage } from '../../build/page.mjs';
import { systemClock } from '../../src/proxy/clock.ts';
import { createLocalApi, type LocalApi } from '../../src/proxy/local-api/server.ts';
import { silentLog } from '../../src/proxy/log.ts';
import {
  type AdminBrowser,
  examine,
  heading,
  NEEDS_BROWSER,
  type OpenPage,
  startBrowser,
  textOf,
} from '../fakes/admin-browser.ts';
import { fakeCall } from '../fakes/fake-agent.ts';
import {
  createHistoryAgent,
  EMPTY_USAGE,
  fakeUsage,
  fallbackDetail,
  type HistoryAgent,
} from '../fakes/history-agent.ts';

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
const headingFocused = (page: Page) => page.waitForFunction(() => document.activeElement?.tagName === 'H1');
const rows = (page: Page) => page.locator('main tbody tr');
const search = (page: Page) => page.getByRole('searchbox', { name: 'Search' });
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

test('usage is shown as pictures with a name, and as tables with every number', NEEDS_BROWSER, async () => {
  const page = await open('#/usage');
  await heading(page, 'Usage').waitFor();
  const picture = page.getByRole('img', {
    name: /^Tokens per day: 2\.5m in seven days, most on Sat,? 4 May with 808k\./,
  });
  await picture.waitFor();
  await page.getByRole('img', { name: /^Cost per day: (US)?\$10\.56 in seven days/ }).waitFor();
  const days = page.getByRole('region', { name: 'Each day in numbers' }).getByRole('table');
  assert.equal(await days.getByRole('row').count(), 8);
  assert.match(await textOf(days.getByRole('row').nth(5)), /4 May553678,975128,975(US)?\$3\.44/);
  const models = page.getByRole('region', { name: 'Top models' }).getByRole('table');
  assert.match(await textOf(models.getByRole('row').nth(3)), /^not known.*not known90$/, 'no price is not no cost');
  assert.match(await textOf(models.getByRole('row').nth(4)), /^All others/);
  await page.getByText('2 calls have no known price; the cost is without them.').waitFor();
  assert.equal(await models.getByRole('columnheader', { name: 'Blocked' }).count(), 1);
  assert.equal(await page.getByText(/The log begins on/).count(), 0);
  assert.deepEqual(opened?.complaints, []);
});

test('usage is counted again on request and after new calls, and says so only when asked', NEEDS_BROWSER, async () => {
  const page = await open('#/usage');
  await page.getByText('As of').waitFor();
  const calls = page.locator('.totals dd').nth(3);
  assert.equal(await calls.textContent(), '169');
  agent.report = { ...fakeUsage(), total: { ...agent.report.total, calls: 170 } };
  await page.getByRole('button', { name: 'Count again' }).focus();
  await page.keyboard.press('Enter');
  await status(page, 'Counted again at');
  assert.equal(await calls.textContent(), '170');
  agent.report = { ...fakeUsage(), since: Date.UTC(2030, 4, 2, 12), total: { ...agent.report.total, calls: 171 } };
  agent.put(fakeCall(50, { id: 'one-more' }));
  await page.waitForFunction(() => document.querySelectorAll('.totals dd')[3]?.textContent === '171');
  await page.getByText('The log begins on 2 May 2030; what was before is not counted.').waitFor();
});

test('a week without calls, and one that cannot be counted, say so', NEEDS_BROWSER, async () => {
  agent.report = EMPTY_USAGE;
  const page = await open('#/usage');
  await page.getByRole('heading', { name: 'No AI calls in the last seven days' }).waitFor();
  agent.broken = true;
  await page.getByRole('button', { name: 'Count again' }).click();
  await status(page, 'Usage could not be counted.');
  await page.getByText('Outpost does not answer; these numbers are from').waitFor();
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('link', { name: 'Usage' }).click();
  await page.getByText('Usage could not be counted.').last().waitFor();
  agent.broken = false;
  agent.report = fakeUsage();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Top models' }).waitFor();
});

test('the whole log is searched and followed back by keyboard alone', NEEDS_BROWSER, async () => {
  const page = await open('#/activity');
  await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length === 100);
  await heading(page, 'Activity').focus();
  await page.keyboard.press('Tab');
  await page.keyboard.type('NOTEBOOK');
  await status(page, '25 calls found in the whole log');
  assert.equal(await rows(page).count(), 25);
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.getByRole('radio', { name: 'Blocked' }).isChecked(), true);
  await status(page, '5 calls found in the whole log');
  assert.deepEqual(agent.asked.at(-1), { text: 'NOTEBOOK', decision: 'blocked' });

  await search(page).fill('no such thing');
  await page.getByRole('heading', { name: 'No call matches' }).waitFor();
  await page.getByRole('button', { name: 'Clear the search' }).click();
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('type')), 'search');
  await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length === 100);

  await search(page).fill('code editor');
  await status(page, '100 calls found so far; older ones have not been searched');
  await page.getByRole('button', { name: 'Search further back' }).focus();
  await page.keyboard.press('Enter');
  await status(page, '100 older calls added.');
  await page.keyboard.press('Enter');
  await status(page, '26 older calls added.');
  assert.equal(await rows(page).count(), 226);
  // The button has gone; what stands in its place has the focus.
  await page.waitForFunction(() => document.activeElement?.textContent === 'These are all calls of the log.');
  assert.deepEqual(opened?.complaints, []);
});

test('new calls come into a list that was followed back, and wait while it is paused', NEEDS_BROWSER, async () => {
  const page = await open('#/activity');
  await page.getByRole('button', { name: 'Show older' }).click();
  await status(page, '100 older calls added.');
  agent.put(fakeCall(50, { id: 'new-1', app: 'Newcomer' }));
  await page.getByRole('rowheader', { name: 'Newcomer' }).waitFor();
  assert.equal(await rows(page).count(), 201);
  await page.getByRole('button', { name: 'Pause' }).click();
  agent.put(fakeCall(51, { id: 'new-2', app: 'Latecomer' }));
  await page.getByText('Paused, 1 newer change waiting').waitFor();
  assert.equal(await page.getByRole('rowheader', { name: 'Latecomer' }).count(), 0);
  await page.getByRole('button', { name: 'Continue' }).click();
  // All of the row takes the click, not its link alone.
  await page.getByRole('rowheader', { name: 'Latecomer' }).click({ force: true });
  await page.getByText('Latecomer asked for gpt-4o').waitFor();
});

test('a log that does not answer leaves the live calls, and is asked again', NEEDS_BROWSER, async () => {
  agent.broken = true;
  const page = await open('#/activity');
  await status(page, 'The log could not be searched');
  assert.equal(await rows(page).count(), 3);
  agent.broken = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length === 100);
});

test('a row opens its call with decision and attempts; back leads to the search as it was', NEEDS_BROWSER, async () => {
  const [newest] = agent.log;
  assert.ok(newest);
  agent.details.set(newest.id, fallbackDetail(newest));
  const page = await open('#/activity');
  await search(page).fill('terminal');
  await status(page, '1 call found in the whole log');
  await page.getByRole('link', { name: /show this call$/ }).focus();
  await page.keyboard.press('Enter');
  await heading(page, 'One call').waitFor();
  await headingFocused(page);
  assert.match(page.url(), /#\/activity\/req-3$/);
  await page.getByText('Terminal agent asked for claude-3-opus').waitFor();
  assert.equal(await textOf(factOf(page, 'Why')), 'No rule forbids it.');
  assert.match(await textOf(factOf(page, 'Who asked')), /code, process 4242.*\/usr\/share\/code\/code/);
  const attempts = page.getByRole('region', { name: 'The attempts' }).getByRole('row');
  assert.equal(await attempts.count(), 4);
  assert.match(await textOf(attempts.nth(1)), /openai-primary.*failed: rate limit.*rate_limit_error, status 429/);
  assert.match(await textOf(attempts.nth(2)), /broke off: no answer in time.*once more.*may be billed/);
  assert.match(await textOf(attempts.nth(3)), /azure-eu.*answered.*service-tier, user/);
  assert.equal(await textOf(factOf(page, 'Answered by')), 'azure-eu, instead of openai-primary');
  assert.match(await textOf(factOf(page, 'Cost')), /at least (US)?\$0\.0064 by list prices/);
  await page.getByText('No content is here, and none is recorded.').waitFor();
  await page.locator('summary').first().focus();
  await page.keyboard.press('Enter');
  await page.getByText('"kind": "intent"').waitFor();

  await page.getByRole('link', { name: 'Back to all calls' }).focus();
  await page.keyboard.press('Enter');
  await heading(page, 'Activity').waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('href') === '#/activity/req-3');
  assert.equal(await search(page).inputValue(), 'terminal');
  assert.equal(await rows(page).count(), 1);
  await page.goBack();
  await heading(page, 'One call').waitFor();
  assert.deepEqual(opened?.complaints, []);
});

test(
  'a deep link leads to a call; one under way ends before the eyes and the ears of who looks',
  NEEDS_BROWSER,
  async () => {
    const running = fakeCall(60, { id: 'req_live-1', result: 'running' });
    agent.put(running);
    const page = await open('#/activity/req_live-1');
    await page.getByText('It is under way.').waitFor();
    agent.put({ ...running, result: 'complete' });
    await page.getByText('It was answered.', { exact: true }).waitFor();
    await status(page, 'This call has ended. It was answered.');

    await page.evaluate(() => {
      location.hash = '#/activity/req-2';
    });
    await page.getByText('Script was not allowed to ask for gpt-3.5-turbo').waitFor();
    await page.getByText('Nothing was sent.').waitFor();
    await page.getByText('No provider has been asked.').waitFor();
    assert.equal(await textOf(factOf(page, 'Rule')), 'models.deny[0]');
  },
);

test('a call that the state lists no more is followed to its end all the same', NEEDS_BROWSER, async () => {
  const running = fakeCall(60, { id: 'req_left-1', result: 'running' });
  agent.put(running);
  const page = await open('#/activity/req_left-1');
  await page.getByText('It is under way.').waitFor();
  const { activity, audit } = agent.state();
  const { callDetail } = agent;
  // That it has left the list is a change too, after which it is looked up once: still under way.
  const looked = new Promise<void>((resolve) => {
    agent.callDetail = async (...asked) => {
      const answer = await callDetail(...asked);
      resolve();
      return answer;
    };
  });
  agent.change({ activity: activity.filter(({ id }) => id !== running.id) });
  await looked;
  agent.log = agent.log.map((call) => (call.id === running.id ? { ...running, result: 'complete' } : call));
  agent.change({ audit: { ...audit, watermark: audit.watermark + 1 } });
  await status(page, 'This call has ended. It was answered.');
});

test('a call that nobody answered names who was asked last, never who answered', NEEDS_BROWSER, async () => {
  const failed = fakeCall(62, { id: 'req_failed-1', result: 'failed', error: 'OUT_CHAIN_FAILED' });
  agent.put(failed);
  agent.details.set(failed.id, fallbackDetail(failed));
  const page = await open('#/activity/req_failed-1');
  assert.equal(await textOf(factOf(page, 'Asked last')), 'azure-eu');
  assert.equal(await page.getByText('Answered by').count(), 0);
  assert.match(await textOf(page.locator('.call-head')), /no provider can answer.*OUT_CHAIN_FAILED/);
});

test('who comes back from a call finds the list where it was left', NEEDS_BROWSER, async () => {
  const page = await open('#/activity');
  const row = rows(page).nth(60).getByRole('link');
  await row.scrollIntoViewIfNeeded();
  const [href, top] = [await row.getAttribute('href'), await page.evaluate(() => window.scrollY)];
  assert.ok(top > 500);
  await row.click();
  await heading(page, 'One call').waitFor();
  await page.getByRole('link', { name: 'Back to all calls' }).click();
  await page.waitForFunction((to) => document.activeElement?.getAttribute('href') === to, href);
  await page.waitForFunction((to) => Math.abs(window.scrollY - to) < 5, top);
});

test('the number of calls found is said at the answer, not with each call that comes', NEEDS_BROWSER, async () => {
  const page = await open('#/activity');
  await search(page).fill('notebook');
  await status(page, '25 calls found in the whole log');
  agent.put(fakeCall(70, { id: 'one-more-1', app: 'Notebook' }));
  await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length === 26);
  await status(page, '25 calls found in the whole log');
});

test('a call that is not there, or cannot be asked for, is told apart', NEEDS_BROWSER, async () => {
  const page = await open('#/activity/gone');
  await heading(page, 'There is no such call').waitFor();
  await page.getByText('The log has no call gone.').waitFor();
  agent.put(fakeCall(61, { id: 'gone' }));
  await heading(page, 'One call').waitFor();
  agent.broken = true;
  await page.evaluate(() => {
    location.hash = '#/activity/req-1';
  });
  await status(page, 'This call could not be looked up.');
  agent.broken = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('Code editor asked for gpt-4o').waitFor();
});

test('while the daemon is away all views keep what they had', NEEDS_BROWSER, async () => {
  const page = await open('#/activity/req-1');
  await page.getByText('Code editor asked for gpt-4o').waitFor();
  const port = Number(new URL(api.url).port);
  await api.close();
  await page.getByRole('heading', { name: 'Outpost is not answering' }).waitFor();
  await status(page, 'this is from before');
  assert.equal(await page.getByText('Code editor asked for gpt-4o').count(), 1);
  api = await startApi(port);
  await page.getByRole('heading', { name: 'Outpost is not answering' }).waitFor({ state: 'detached' });
  await page.getByText('this is from before').waitFor({ state: 'detached' });
});

const LOOKS: readonly BrowserContextOptions[] = [
  { colorScheme: 'light' },
  { colorScheme: 'dark', viewport: { width: 640, height: 400 } },
  { forcedColors: 'active' },
];

test('axe finds nothing on these views, full, empty, searched, failed and missing', NEEDS_BROWSER, async () => {
  const findings: string[] = [];
  const [newest] = agent.log;
  assert.ok(newest !== undefined);
  for (const look of LOOKS) {
    agent = createHistoryAgent(120);
    agent.details.set(newest.id, fallbackDetail(newest));
    await api.close();
    api = await startApi();
    const page = await open('#/usage', look);
    const go = (hash: string): Promise<void> =>
      page.evaluate((to) => {
        location.hash = to;
      }, hash);
    const where = (what: string): string => `${what}, ${JSON.stringify(look)}`;
    await page.getByRole('heading', { name: 'Top apps' }).waitFor();
    findings.push(...(await examine(page, where('usage'))));
    agent.report = EMPTY_USAGE;
    await page.getByRole('button', { name: 'Count again' }).click();
    await page.getByRole('heading', { name: 'No AI calls in the last seven days' }).waitFor();
    findings.push(...(await examine(page, where('usage, empty'))));
    await go('#/activity');
    await search(page).fill('code');
    await status(page, 'calls found so far');
    findings.push(...(await examine(page, where('activity, searched'))));
    await search(page).fill('no such thing');
    await page.getByRole('heading', { name: 'No call matches' }).waitFor();
    findings.push(...(await examine(page, where('activity, nothing found'))));
    await go(`#/activity/${newest.id}`);
    await page.getByText('azure-eu, instead of openai-primary').waitFor();
    await page.locator('summary').first().click();
    findings.push(...(await examine(page, where('call'))));
    await go('#/activity/none');
    await heading(page, 'There is no such call').waitFor();
    findings.push(...(await examine(page, where('call, missing'))));
    await go('#/recorded');
    await page.getByRole('button', { name: 'Save all rows to a file' }).waitFor();
    findings.push(...(await examine(page, where('recorded'))));
    agent.broken = true;
    for (const [hash, text] of [
      ['#/usage', 'Usage could not be counted.'],
      ['#/activity', 'The log could not be searched'],
      ['#/activity/req-1', 'This call could not be looked up.'],
    ] as const) {
      await go(hash);
      await page.locator('main').getByText(text).waitFor();
      findings.push(...(await examine(page, where(`${hash}, failed`))));
    }
    assert.deepEqual(opened?.complaints, []);
    await opened?.close();
  }
  assert.deepEqual(findings, []);
});
