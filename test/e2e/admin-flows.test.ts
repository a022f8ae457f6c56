// SPDX-License-Identifier: Apache-2.0
// What administrators do on the page, against a real control plane and a real agent: from the token that enrols a device to the day it is
// revoked. Each test goes on where the one before ended.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { Locator, Page } from 'playwright';
import { buildAdminPage } from '../../build/page.mjs';
import type { AgentState } from '../../src/contract/local-api.ts';
import { managedSettings } from '../../src/contract/sync/managed.ts';
import { listDevices } from '../../src/control-plane/devices/list.ts';
import { rootFingerprint } from '../../src/control-plane/orgs/root-store.ts';
import { searchRows } from '../../src/control-plane/search/search-rows.ts';
import {
  type AdminBrowser,
  ask,
  dialog,
  heading,
  NEEDS_BROWSER,
  type OpenPage,
  said,
  startBrowser,
  textOf,
} from '../fakes/admin-browser.ts';
import { type Agent, startAlone } from '../fakes/agent.ts';
import type { ControlPlane } from '../fakes/control-plane.ts';
import { SESSION_NAME, signedIn } from '../fakes/control-plane-admin-client.ts';
import { DeviceLog } from '../fakes/device-log.ts';
import { enrol, startLivePlane, untilState } from '../fakes/enrolled-agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-admin-flows-'));
const KEY = 'sk-typed-into-the-page';
const provider = new SimulatedProvider();
let browser: AdminBrowser;
let plane: ControlPlane;
let agent: Agent;
let ada: OpenPage;
let grace: OpenPage | undefined;
let page: Page;

if (NEEDS_BROWSER.skip === undefined) {
  before(async () => {
    const pageFolder = join(folder, 'page');
    await Promise.all([buildAdminPage({ folder: pageFolder }), provider.listen()]);
    plane = await startLivePlane({ pageFolder });
    agent = await startAlone({ config: 'models: { deny: ["own-*"] }\n', folder });
    browser = await startBrowser();
    ada = await browser.open('about:blank');
    page = ada.page;
    const { token: value = '' } = await signedIn(plane, plane.org, ['admin'], 'ada');
    await page.context().addCookies([{ name: SESSION_NAME, value, domain: '127.0.0.1', path: '/admin' }]);
  });
  after(async () => {
    await browser?.close();
    await agent?.stop();
    await plane?.close();
    await provider.close();
  });
}
after(() => rmSync(folder, { recursive: true, force: true }));

/** The first one that fails is what is wrong; those after it would wait for what never comes. */
let failed = false;
function step(name: string, work: (t: TestContext) => Promise<void>): void {
  test(name, { ...NEEDS_BROWSER, timeout: 120_000 }, async (t) => {
    assert.equal(failed, false, 'a test before this one failed');
    failed = true;
    await work(t);
    failed = false;
  });
}

const policy = (models: string): string => `providers:
  - { name: openai, type: openai, base_url: "http://127.0.0.1:${provider.port}/v1", api_key: secret:openai }
models: ${models}
organisation: { on_revoked: block, upload: { flush_rows: 1 } }
`;

/** By the page's own navigation or a link to it; waits for the view. */
async function view(hash: string, title: string | RegExp, where: Page = page): Promise<void> {
  await where.goto(`${plane.url}/admin/${hash}`);
  await heading(where, title).waitFor();
}

const button = (name: string, where: Page | Locator = page): Locator =>
  where.getByRole('button', { name, exact: true });
const rows = (table: string, where: Page = page): Locator =>
  where.getByRole('table', { name: table }).locator('tbody tr');

async function call(model: string): Promise<{ readonly status: number; readonly code: string | undefined }> {
  const answer = await fetch(`${agent.ready.gateway_url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }] }),
  });
  const { error } = (await answer.json()) as { readonly error?: { readonly code?: string } };
  return { status: answer.status, code: error?.code };
}

const untilOrg = (wanted: (organisation: NonNullable<AgentState['organisation']>) => boolean): Promise<AgentState> =>
  untilState(agent, ({ organisation }) => organisation !== undefined && wanted(organisation));

async function theDevice(): Promise<{ readonly id: string; readonly name: string }> {
  const { devices } = await listDevices(plane.ctx, plane.org, { state: 'active' });
  const [device] = devices;
  assert.ok(device !== undefined && devices.length === 1);
  return device;
}

/** Writes a text into the open editor. */
async function write(text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Text of outpost.yaml' }).fill(text);
}

step('a token made in the page enrols a device, which the page then shows', async () => {
  await view('#/enrolment', 'Enrolment');
  await button('New token').click();
  const asked = dialog(page, 'New enrolment token');
  await asked.getByLabel('Note').fill('Laptops');
  await asked.getByLabel('Devices that may use it').fill('5');
  await button('Make token', asked).click();
  const made = dialog(page, 'The new token');
  const token = await textOf(made.getByLabel('the token', { exact: true }));
  const settings = managedSettings.parse(JSON.parse(await textOf(made.getByLabel('the settings'))));
  const root = await rootFingerprint(plane.ctx, plane.org);
  assert.deepEqual(settings.organisation, { url: plane.url, org: plane.org, token, root });
  await button('Close', made).click();
  await said(page, 'The token was made.');
  assert.equal(await page.getByText(token).count(), 0, 'it is shown once');

  assert.equal((await call('own-1')).code, 'OUT_BLOCKED_MODEL');
  await enrol({ ...plane, token }, agent.dataDir);
  await page.reload();
  await rows('Table of tokens').filter({ hasText: 'Laptops' }).filter({ hasText: '1 of 5' }).waitFor();
  await page.getByRole('link', { name: 'Devices', exact: true }).click();
  await rows('Table of devices').filter({ hasText: 'None' }).waitFor();
  assert.equal(await rows('Table of devices').count(), 1);
});

step('a policy with a fault is shown where it is wrong, and is not saved', async () => {
  await view('#/secrets', 'Secrets');
  await button('New secret').click();
  const asked = dialog(page, 'New secret');
  await asked.getByLabel('Name').fill('openai');
  await asked.getByLabel('Value').fill(KEY);
  await button('Set', asked).click();
  await said(page, 'openai is set.');

  await view('#/policies/edit', 'Write a version');
  await button('Begin with an empty text').click();
  await write(policy('{ denny: ["forbidden-*"] }'));
  await page.getByText('1 fault', { exact: true }).first().waitFor();
  const fault = page.locator('.faults li');
  assert.match(await textOf(fault), /Line 3, column 11.*models/);
  assert.equal((await textOf(page.locator('.fault-line.fault-error'))).trim(), 'models: { denny: ["forbidden-*"] }');
  await button('Line 3, column 11').click();
  await page.waitForFunction(() => {
    const { activeElement: field } = document;
    return field instanceof HTMLTextAreaElement && field.value.slice(field.selectionStart).startsWith('denny');
  });

  await page.getByLabel('Note').fill('Without the models of the trial');
  await button('Save as a draft').click();
  await page.getByRole('alert').filter({ hasText: 'Not accepted.' }).waitFor();
  assert.equal(
    (await page.getByRole('textbox', { name: 'Text of outpost.yaml' }).inputValue()).includes('denny'),
    true,
  );
  await page.getByRole('link', { name: 'All versions' }).click();
  await page.getByRole('heading', { name: 'No version yet' }).waitFor();
  await page.getByRole('heading', { name: 'You are writing a new version' }).waitFor();
});

step('with four eyes the author cannot approve or publish, and somebody else can', async () => {
  await view('#/settings', 'Settings');
  await button('Switch on').click();
  await said(page, 'Four eyes are on.');
  await view('#/people', 'People');
  await button('New person').click();
  const asked = dialog(page, /New person/);
  await asked.getByLabel('Name').fill('grace');
  await asked.getByLabel('Approver').check();
  await button('Make', asked).click();
  const password = await textOf(dialog(page, 'First password').getByLabel('the password'));
  await button('Close', dialog(page, 'First password')).click();
  await said(page, 'grace can sign in now.');

  await page.getByRole('link', { name: /^Policies/ }).click();
  // What was written before is still there.
  await page.getByRole('link', { name: 'Go on writing' }).click();
  await page.getByText('1 fault', { exact: true }).first().waitFor();
  assert.equal(await page.getByLabel('Note').inputValue(), 'Without the models of the trial');
  await write(policy('{ deny: ["forbidden-*"] }'));
  await page.getByText('No fault', { exact: true }).first().waitFor();
  await button('Save as a draft').click();
  await said(page, 'Saved as version 1.');
  await heading(page, 'Version 1').waitFor();
  await button('Propose').click();
  await said(page, 'Version 1 is proposed.');
  assert.equal(await button('Approve').getAttribute('aria-disabled'), 'true');
  await page.getByText('Another person than you must approve it').waitFor();
  assert.equal(await button('Publish').getAttribute('aria-disabled'), 'true');
  assert.equal(await ask(page, 'POST', '/policies/1/approve'), 403);
  assert.equal(await ask(page, 'POST', '/policies/1/publish', { stage: 100 }), 403);

  grace = await browser.open(`${plane.url}/admin/#/policies/1`);
  const { page: other } = grace;
  await other.getByLabel('Name').fill('grace');
  await other.getByLabel('Password').fill(password);
  await button('Sign in', other).click();
  await other.getByLabel('Present password').fill(password);
  for (const label of ['New password', 'New password again']) {
    await other.getByLabel(label, { exact: true }).fill('words that grace chose');
  }
  await button('Change password', other).click();
  await heading(other, 'Version 1').waitFor();
  await button('Approve', other).click();
  await said(other, 'Version 1 is approved.');
  // She may not do what approvers may not.
  assert.equal(await other.getByRole('link', { name: 'Audit' }).count(), 0);
  assert.equal(await ask(other, 'POST', '/policies', { config: '', files: {}, note: '' }), 403);
});

step('a published version comes to the device, and the page says so by itself', async () => {
  await view('#/policies/1/rollout', 'Version 1');
  await page.reload();
  await button('Publish').click();
  const asked = dialog(page, 'Publish version 1?');
  await asked.getByLabel('To whom first').selectOption({ label: 'All devices at once' });
  await button('Publish', asked).click();
  await said(page, 'Version 1 is published.');
  await page.getByRole('link', { name: 'Roll-out' }).click();
  await page.getByText('1 of 1 devices of this stage run it').waitFor({ timeout: 60_000 });
  await page.getByText('No device refuses it').waitFor();

  await page.getByRole('link', { name: 'Devices', exact: true }).click();
  await rows('Table of devices').filter({ hasText: 'Version 1' }).filter({ hasText: 'Fresh' }).waitFor();
  await untilOrg(({ version, phase }) => version === 1 && phase === 'fresh');
  assert.equal((await call('own-1')).status, 200);
  const raw = provider.requests.at(-1)?.rawHeaders ?? [];
  assert.equal(raw[raw.findIndex((name) => name.toLowerCase() === 'authorization') + 1], `Bearer ${KEY}`);
  assert.deepEqual(await call('forbidden-1'), { status: 400, code: 'OUT_BLOCKED_MODEL' });
});

step('the refused call is found in the audit log, in full and in its chain, and in the export', async (t) => {
  const found = async () => (await searchRows(plane.ctx, plane.org, { model: 'forbidden-1' }, { limit: 9 })).rows;
  while ((await found()).length === 0) {
    t.signal.throwIfAborted();
    await untilOrg(({ upload }) => upload.rows === 0);
  }
  const [stored] = await found();
  assert.ok(stored !== undefined);

  await view('#/audit', 'Audit');
  await page.getByLabel('Kind').selectOption({ label: 'Refusal' });
  await page.getByLabel('Model').fill('forbidden-*');
  await button('Apply').click();
  await page.getByText('One on this page').waitFor();
  const row = rows('Table of rows').first();
  assert.match(await textOf(row), /Refusalblock.*openai, forbidden-1.*models\.deny\[0\]/);
  await row.getByRole('button').click();
  const detail = page.getByRole('region', { name: 'The whole row' });
  await detail.getByText(`row ${stored.seq} of stretch ${stored.epoch}`).waitFor();
  await detail.getByText(stored.hash).waitFor();
  assert.match(await textOf(detail.locator('pre')), /"model": "forbidden-1"/);

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Export as JSON lines' }).click(),
  ]);
  const lines = readFileSync(await download.path(), 'utf8')
    .trimEnd()
    .split('\n');
  assert.equal(lines.length, 1);
  const exported = JSON.parse(lines[0] ?? '') as Readonly<Record<string, unknown>>;
  assert.deepEqual([exported['hash'], exported['seq'], exported['epoch']], [stored.hash, stored.seq, stored.epoch]);
  assert.ok(JSON.stringify(exported).includes('forbidden-1'));

  await row.getByRole('link').click();
  await heading(page, (await theDevice()).name).waitFor();
  await button('Check the chain').click();
  await said(page, 'All stored rows are what the device sent.');
});

step('an order given in the page stops all calls, and ending it lets them through', async () => {
  assert.equal((await call('gpt-4o')).status, 200);
  await view('#/orders', 'Orders');
  await button('New order').click();
  const asked = dialog(page, 'New order');
  await asked.getByLabel('What').selectOption({ label: 'Block all AI services' });
  await asked.getByLabel('Reason').fill('drill');
  await button('Give order', asked).click();
  await asked.getByRole('alert').filter({ hasText: 'Say that you are sure.' }).waitFor();
  await asked.getByLabel(/I am sure/).check();
  await button('Give order', asked).click();
  await said(page, 'The order is given: Block all AI services.');
  await rows('Table of orders in force').filter({ hasText: 'drill' }).waitFor();
  const { organisation } = await untilOrg(({ orders }) => orders.length === 1);
  assert.equal(organisation?.orders[0]?.reason, 'drill');
  assert.equal((await call('gpt-4o')).code, 'OUT_BLOCKED_ORDER');

  await page.getByRole('button', { name: /^End now/ }).click();
  await button('End now', dialog(page, 'End this order?')).click();
  await said(page, 'The order is ended: Block all AI services.');
  await page.getByRole('heading', { name: 'No order is in force' }).waitFor();
  await untilOrg(({ orders }) => orders.length === 0);
  assert.equal((await call('gpt-4o')).status, 200);
});

step('a second history of a device raises an alarm, which somebody takes on and closes', async () => {
  const device = await plane.enrolled({ facts: { name: 'laptop-17' } });
  const log = DeviceLog.begin().fill(5);
  assert.equal((await device.post('/v1/audit', log.batch(1))).status, 200);
  const other = log.copyAt(3).fill(2);
  assert.equal((await device.post('/v1/audit', other.batch(4))).status, 409);
  await view('#/', 'Overview');
  await page.getByRole('link', { name: '1 open alarm' }).click();
  const alarm = page.getByRole('article', { name: 'Two histories of one device' });
  await alarm.getByRole('link', { name: 'laptop-17' }).waitFor();
  await button('Acknowledge', alarm).click();
  await said(page, 'Acknowledged: Two histories of one device.');
  await page.getByRole('heading', { name: 'No open alarm' }).waitFor();
  await page.getByLabel('Show').selectOption({ label: 'Acknowledged' });
  await button('Apply').click();
  await alarm.getByText('by ada').waitFor();
  await button('Close alarm', alarm).click();
  await said(page, 'Closed: Two histories of one device.');
  await page.getByRole('heading', { name: 'No alarm' }).waitFor();
});

step('a device that is revoked in the page stops, and stays in the list as revoked', async () => {
  await view('#/devices?state=active', 'Devices');
  await rows('Table of devices').filter({ hasText: 'Version 1' }).getByRole('link').click();
  await button('Revoke').click();
  const asked = dialog(page, 'Revoke this device?');
  await asked.getByLabel('Reason').selectOption({ label: 'Retired' });
  await button('Revoke', asked).click();
  await said(page, /is revoked/);
  await page.getByText('Revoked: Retired').waitFor();
  assert.equal(await button('Revoke').getAttribute('aria-disabled'), 'true');
  await untilOrg(({ phase }) => phase === 'revoked');
  assert.equal((await call('gpt-4o')).code, 'OUT_DEVICE_REVOKED');
  await view('#/devices?state=revoked', 'Devices');
  await page.getByText('One on this page').waitFor();
  await rows('Table of devices').filter({ hasText: 'Revoked' }).waitFor();
});

step('the admin log has all of it in order, and says when a row of it was changed', async () => {
  await view('#/admin-log', 'Admin log');
  await rows('Table of actions').first().waitFor();
  const shown = await rows('Table of actions').evaluateAll((all) =>
    all.map((row) =>
      ['td:nth-of-type(1)', 'td:nth-of-type(2)', 'td:nth-of-type(4)'].map((cell) =>
        row.querySelector(cell)?.textContent?.trim(),
      ),
    ),
  );
  const acts = shown.map((cells) => cells.join(' ')).toReversed();
  const from = acts.indexOf('ada token.create done');
  assert.deepEqual(acts.slice(from), [
    'ada token.create done',
    'system device.enroll done',
    'ada secret.set done',
    'ada org.settings done',
    'ada user.create done',
    'ada policy.save done',
    'ada policy.propose done',
    'ada policy.approve refused',
    'ada policy.publish refused',
    'grace user.sign-in done',
    'grace user.password done',
    'grace policy.approve done',
    'grace policy.save refused',
    'ada policy.publish done',
    'ada audit.export done',
    'ada kill.issue done',
    'ada kill.end done',
    'system device.enroll done',
    'ada alarm.acknowledge done',
    'ada alarm.close done',
    'ada device.revoke done',
  ]);
  await button('Check the chain').click();
  await page.getByText(`All ${acts.length} rows are whole.`).waitFor();
  assert.deepEqual(ada.complaints, []);
  assert.deepEqual(grace?.complaints, []);

  await plane.ctx.db.query
    .updateTable('admin_log')
    .set({ body: '{"kind":"admin"}' })
    .where('org', '=', plane.org)
    .where('seq', '=', 5)
    .execute();
  await button('Check the chain').click();
  await page.getByText(/^The log is not whole: row 5 was changed/).waitFor();
});
