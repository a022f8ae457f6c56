// SPDX-License-Identifier: Apache-2.0
// What somebody does on the admin page, against a control plane that is played: by keyboard alone, when requests fail, when the session
// ends, and with roles that permit little. How its views look in each state is admin-page-states.test.ts.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { Page } from 'playwright';
import { buildAdminPage } from '../../build/page.mjs';
import {
  type AdminBrowser,
  dialog,
  heading,
  NEEDS_BROWSER,
  type OpenPage,
  said,
  startBrowser,
} from '../fakes/admin-browser.ts';
import { deviceIdOf } from '../fakes/admin-page-data.ts';
import { type AdminServer, startAdminServer } from '../fakes/admin-page-server.ts';
import { FakeRefusal, PASSWORD } from '../fakes/admin-page-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-admin-page-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let browser: AdminBrowser;
let server: AdminServer;
let opened: OpenPage | undefined;

if (NEEDS_BROWSER.skip === undefined) {
  before(async () => {
    await buildAdminPage({ folder });
    browser = await startBrowser();
  });
  after(() => browser.close());
  afterEach(async () => {
    const complaints = opened?.complaints ?? [];
    await opened?.close();
    opened = undefined;
    await server.close();
    assert.deepEqual(complaints, []);
  });
}

async function open(hash: string, prepare: (server: AdminServer) => void = () => undefined): Promise<Page> {
  server = await startAdminServer(folder, Date.now());
  prepare(server);
  opened = await browser.open(server.url + hash);
  return opened.page;
}

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const editor = (page: Page) => page.getByRole('textbox', { name: 'Text of outpost.yaml' });
/** What has the focus, in a word. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const { activeElement: element } = document;
    return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
  });
/** Presses Tab until what has the focus is called so. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let press = 0; press < 60; press += 1) {
    if ((await focused(page)) === name) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`Tab does not lead to ${name}`);
}
const asked = (name: string): number => server.asked.filter((one) => one.name === name).length;

test(
  'an order is given by keyboard alone, and the focus returns to what opened the dialog',
  NEEDS_BROWSER,
  async () => {
    const page = await open('#/');
    await heading(page, 'Overview').waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'Skip to content');
    await tabTo(page, 'Orders');
    await page.keyboard.press('Enter');
    await heading(page, 'Orders').waitFor();
    await page.waitForFunction(() => document.activeElement?.tagName === 'H1');
    await tabTo(page, 'New order');
    await page.keyboard.press('Enter');
    await dialog(page, 'New order').waitFor();
    await page.keyboard.press('Escape');
    await dialog(page, 'New order').waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.textContent === 'New order');
    await page.keyboard.press('Enter');
    await dialog(page, 'New order').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.type('openai');
    await page.keyboard.press('Tab');
    await page.keyboard.type('drill');
    await page.keyboard.press('Enter');
    await said(page, 'The order is given: Block a provider: openai.');
    await page.getByRole('cell', { name: 'drill' }).waitFor();
    await page.waitForFunction(() => document.activeElement?.textContent === 'New order');
  },
);

test('a dialog holds the focus: Tab does not lead behind it', NEEDS_BROWSER, async () => {
  const page = await open('#/settings');
  await button(page, 'Switch off').click();
  await dialog(page, 'Switch four eyes off?').waitFor();
  for (let press = 0; press < 6; press += 1) {
    await page.keyboard.press('Tab');
    const outside = await page.evaluate(() => {
      const { activeElement: element } = document;
      return element !== document.body && element?.closest('dialog') === null;
    });
    assert.equal(outside, false);
  }
});

test('tabs are links with an address of their own, and Back leads to the one before', NEEDS_BROWSER, async () => {
  const page = await open('#/policies/15');
  await heading(page, 'Version 15').waitFor();
  await tabTo(page, 'Changes');
  await page.keyboard.press('Enter');
  await page.getByText('Compared with version 12.').waitFor();
  assert.equal(new URL(page.url()).hash, '#/policies/15/diff');
  await page.goBack();
  await page.getByRole('region', { name: 'Text of outpost.yaml' }).waitFor();
});

test(
  'what is typed outlives a failed request, an ended session and other views; leaving the page asks first',
  NEEDS_BROWSER,
  async () => {
    const page = await open('#/policies/edit');
    await button(page, 'Begin with version 12').click();
    await editor(page).fill('models: { deny: ["a-*"] }');
    await page.getByLabel('Note').fill('No a');
    server.instead.set('saveDraft', () => undefined);
    await button(page, 'Save as a draft').click();
    await page.getByRole('alert').filter({ hasText: 'it is not known whether this was done' }).waitFor();
    assert.equal(await editor(page).inputValue(), 'models: { deny: ["a-*"] }');

    server.instead.delete('saveDraft');
    server.world.session.roles = undefined;
    await button(page, 'Save as a draft').click();
    const again = dialog(page, 'Your session has ended');
    await again.getByLabel('Password').waitFor();
    await page.waitForFunction(() => document.activeElement?.getAttribute('type') === 'password');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    assert.equal(await again.isVisible(), true);
    assert.equal(await again.getByLabel('Name').inputValue(), 'admin');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await again.waitFor({ state: 'detached' });
    assert.equal(await editor(page).inputValue(), 'models: { deny: ["a-*"] }');

    await page.getByRole('link', { name: 'Audit' }).click();
    await heading(page, 'Audit').waitFor();
    const [warning] = await Promise.all([
      page.waitForEvent('dialog'),
      page.evaluate(() => setTimeout(() => location.reload())),
    ]);
    assert.equal(warning.type(), 'beforeunload');
    await warning.dismiss();
    await page.getByRole('link', { name: /^Policies/ }).click();
    await page.getByRole('link', { name: 'Go on writing' }).click();
    assert.equal(await editor(page).inputValue(), 'models: { deny: ["a-*"] }');
    assert.equal(await page.getByLabel('Note').inputValue(), 'No a');
    await button(page, 'Save as a draft').click();
    await said(page, 'Saved as version 17.');
    await heading(page, 'Version 17').waitFor();
  },
);

test('another person who signs in over the page does not get what was typed before', NEEDS_BROWSER, async () => {
  const page = await open('#/policies/edit');
  await button(page, 'Begin with an empty text').click();
  await editor(page).fill('secret plans');
  server.instead.set('signIn', () => ({
    org: { id: 'acme', name: 'Acme Corporation' },
    user: { id: 'u-9', name: 'grace', roles: ['author'] },
    expires: Date.now() + 3_600_000,
    change_password: false,
  }));
  server.world.session.roles = undefined;
  await button(page, 'Check now').click();
  const again = dialog(page, 'Your session has ended');
  await again.getByLabel('Name').fill('grace');
  await again.getByLabel('Password').fill('x');
  server.instead.set('overview', () => undefined);
  await button(page, 'Sign in').click();
  await page.getByRole('link', { name: 'grace' }).waitFor();
  assert.equal(await page.getByText('secret plans').count(), 0);
  assert.equal(await editor(page).count(), 0);
});

test('a fault in the settings is marked at its line and column and can be jumped to', NEEDS_BROWSER, async () => {
  const page = await open('#/settings');
  const field = page.getByRole('textbox', { name: 'Settings as JSON' });
  await field.fill('{\n  "exports": [\n    { "type": "ocsf" }\n  ],\n}');
  await button(page, 'Save settings').click();
  await page.getByRole('alert').filter({ hasText: 'This is not JSON.' }).waitFor();
  await button(page, 'Line 5, column 1').waitFor();
  assert.equal(asked('setSettings'), 0);

  await field.fill('{\n  "exports": [\n    { "type": "ocsf" }\n  ]\n}');
  const fault = { message: 'Invalid input', line: 0, column: 0, at: 'exports.0.url' };
  server.instead.set('setSettings', () => {
    throw new FakeRefusal(400, 'invalid', 'these are no settings of an organisation', [fault]);
  });
  await button(page, 'Save settings').click();
  await button(page, 'Line 3, column 5').click();
  assert.equal((await page.locator('.fault-line.fault-error').textContent())?.trim(), '{ "type": "ocsf" }');
  const cursor = await field.evaluate((element) => (element as HTMLTextAreaElement).selectionStart);
  assert.equal((await field.inputValue()).slice(cursor, cursor + 8), '{ "type"');

  server.instead.delete('setSettings');
  await button(page, 'Save settings').click();
  await said(page, 'The settings are saved.');
  assert.equal(await page.locator('.fault-line').count(), 0);
});

test(
  'settings that somebody else saved meanwhile are not written over; the way back shows them',
  NEEDS_BROWSER,
  async () => {
    const page = await open('#/settings');
    const field = page.getByRole('textbox', { name: 'Settings as JSON' });
    await field.fill('{ "next_poll_s": 90 }');
    const { settings, sha256, ...rest } = (await server.world.answers.settings({} as never)) as Record<string, unknown>;
    server.instead.set('settings', () => ({ ...rest, settings: { spread_s: 7 }, sha256: '1'.repeat(64) }));
    server.instead.set('setSettings', ({ body }) => {
      assert.equal((body as { sha256: string }).sha256, sha256);
      throw new FakeRefusal(409, 'conflict', 'read them again');
    });
    await button(page, 'Save settings').click();
    await page.getByRole('alert').filter({ hasText: 'Somebody else saved settings after you began' }).waitFor();
    assert.equal(await field.inputValue(), '{ "next_poll_s": 90 }');
    await button(page, 'Back to what is stored').click();
    await page.waitForFunction(() => document.querySelector('textarea')?.value.includes('"spread_s": 7'));
    assert.notDeepEqual(settings, { spread_s: 7 });
  },
);

test('a version that is not accepted says in the dialog what is wrong, and stays as it is', NEEDS_BROWSER, async () => {
  const page = await open('#/policies/16', ({ world, instead }) => {
    const settings = {
      org: { id: 'acme', name: 'Acme' },
      settings: { rollout: { stages: [10, 100] } },
      four_eyes: false,
      sha256: '0'.repeat(64),
    };
    instead.set('settings', () => ({ ...settings, root: { number: 1, fingerprint: 'f', expires: 1 } }));
    world.session.roles = ['author', 'approver'];
  });
  await button(page, 'Publish').click();
  const asking = dialog(page, 'Publish version 16?');
  await asking.getByRole('option', { name: 'As the settings say: 10 %' }).waitFor({ state: 'attached' });
  const fault = { message: 'no secret of that name', line: 7, column: 14, at: 'providers.0.api_key' };
  server.instead.set('publish', () => {
    throw new FakeRefusal(400, 'invalid', 'the policy has faults', [fault]);
  });
  await button(page, 'Publish').last().click();
  await asking.getByText('Line 7, column 14: no secret of that name').waitFor();
  server.instead.delete('publish');
  await button(page, 'Publish').last().click();
  await said(page, 'Version 16 is published.');
  await page.getByText('Being rolled out').waitFor();
  await button(page, 'Next stage').click();
  await page.getByText('1 % of the devices have it now. The next stage is 10 %.').waitFor();
});

test('what roles do not permit is not offered, and the page says why', NEEDS_BROWSER, async () => {
  const page = await open('#/devices', ({ world }) => {
    world.session.roles = ['viewer'];
  });
  await heading(page, 'Devices').waitFor();
  const links = await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allInnerTexts();
  assert.deepEqual(links, ['Overview', 'Devices', 'Enrolment', 'Alarms', 'Policies', 'Orders', 'Settings']);
  for (const [hash, title] of [
    [`#/devices/${deviceIdOf(5)}`, 'build-box-05'],
    ['#/enrolment', 'Enrolment'],
    ['#/alarms', 'Alarms'],
    ['#/policies', 'Policies'],
    ['#/orders', 'Orders'],
    ['#/settings', 'Settings'],
  ] as const) {
    await page.goto(server.url + hash);
    await heading(page, title).waitFor();
    await page.getByText('Loading…').waitFor({ state: 'detached' });
    await page.getByText('You can look, but not change anything here: your roles (Viewer)').waitFor();
    const main = page.getByRole('main');
    const offered = await main.locator('button:not([type="submit"]), .button, textarea').allInnerTexts();
    assert.deepEqual(offered, hash === '#/settings' ? ['Copy the fingerprint'] : [], hash);
  }
  await page.goto(`${server.url}#/secrets`);
  await heading(page, 'Your roles do not permit this page').waitFor();
  assert.equal(asked('secrets'), 0);
});

test('an author cannot approve their own version, and is told so where the button is', NEEDS_BROWSER, async () => {
  const page = await open('#/policies/16');
  await button(page, 'Propose').click();
  await said(page, 'Version 16 is proposed.');
  const approve = button(page, 'Approve');
  assert.equal(await approve.getAttribute('aria-disabled'), 'true');
  const reason = await approve.getAttribute('aria-describedby');
  assert.match((await page.locator(`[id="${reason}"]`).textContent()) ?? '', /you are its author/);
  await approve.click({ force: true });
  await button(page, 'Publish').click({ force: true });
  assert.deepEqual([asked('approve'), asked('publish')], [0, 0]);
  assert.equal(await page.getByRole('dialog').count(), 0);
});

test('a list is turned by pages, and its filter is in the address', NEEDS_BROWSER, async () => {
  const page = await open('#/devices');
  const rows = page.getByRole('table', { name: 'Table of devices' }).locator('tbody tr');
  await page.getByText('50 on this page').waitFor();
  await button(page, 'Next').click();
  await page.getByText('14 on this page').waitFor();
  await page.getByText('Page 2').waitFor();
  assert.equal(await button(page, 'Next').getAttribute('aria-disabled'), 'true');
  await page.getByLabel('Search').fill('  grace ');
  await page.getByLabel('Search').press('Enter');
  await page.getByText('11 on this page').waitFor();
  assert.equal(new URL(page.url()).hash, '#/devices?search=grace');
  assert.match((await rows.first().textContent()) ?? '', /grace-pc-01/);
  await page.reload();
  await page.getByText('11 on this page').waitFor();
  assert.equal(await page.getByLabel('Search').inputValue(), 'grace');
  await page.getByRole('link', { name: 'Clear' }).click();
  await page.getByText('50 on this page').waitFor();
  await page.getByLabel('Search').fill('nobody has this name');
  await button(page, 'Apply').click();
  await page.getByRole('heading', { name: 'No device matches' }).waitFor();
});

test('the export asks for what the filter asks for', NEEDS_BROWSER, async () => {
  const page = await open('#/audit?kind=refusal&app=claude*');
  const link = page.getByRole('link', { name: 'Export as JSON lines' });
  await link.waitFor();
  const address = new URL((await link.getAttribute('href')) ?? '', server.url);
  assert.deepEqual(Object.fromEntries(address.searchParams), { kind: 'refusal', app: 'claude*' });
  assert.equal(address.pathname, '/admin/api/v1/audit/export');
});

test('text from devices is text, whatever is in it', NEEDS_BROWSER, async () => {
  const nasty = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  const page = await open('#/audit', ({ world, instead }) => {
    instead.set('audit', async (call) => {
      const found = (await world.answers.audit(call)) as { rows: readonly object[] };
      const [row] = found.rows;
      const body = JSON.stringify({ app: nasty });
      return {
        rows: [{ ...row, app: nasty, host: nasty, device_name: nasty, what: nasty, body }],
        next: null,
        since: null,
      };
    });
  });
  await page.getByRole('button', { name: /show all of it/ }).click();
  await page.getByText(nasty).first().waitFor();
  assert.ok((await page.getByText('<img src=x').count()) >= 4);
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.equal(await page.title(), 'Audit - Outpost');
});

test('the first password is changed before anything else is shown', NEEDS_BROWSER, async () => {
  const page = await open('#/secrets', ({ world }) => {
    world.session.roles = undefined;
    world.session.changePassword = true;
  });
  await page.getByLabel('Name').fill('admin');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await heading(page, 'Choose your own password').waitFor();
  assert.equal(asked('secrets'), 0);
  const fill = async (...texts: readonly string[]) => {
    for (const [index, label] of ['Present password', 'New password', 'New password again'].entries()) {
      await page.getByLabel(label, { exact: true }).fill(texts[index] ?? '');
    }
    await button(page, 'Change password').click();
  };
  await fill(PASSWORD, 'three more words', 'three more wards');
  await page
    .getByRole('alert')
    .filter({ hasText: /differ|not the same/ })
    .waitFor();
  await fill('guess', 'three more words', 'three more words');
  await page.getByRole('alert').filter({ hasText: 'The old password is wrong.' }).waitFor();
  await fill(PASSWORD, 'three more words', 'three more words');
  await heading(page, 'Secrets').waitFor();
  await page.getByRole('cell', { name: /admin/ }).first().waitFor();
});
