// SPDX-License-Identifier: Apache-2.0
// Every view of the admin page in every state: on its way, empty, failed, full, with its dialogs; in light and dark, wide and narrow. Axe
// finds nothing in any of them.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright';
import { buildAdminPage } from '../../build/page.mjs';
import type { AdminEndpointName } from '../../src/contract/admin/endpoints.ts';
import {
  type AdminBrowser,
  dialog,
  examine,
  heading,
  NEEDS_BROWSER,
  type OpenPage,
  overflowOf,
  startBrowser,
} from '../fakes/admin-browser.ts';
import { deviceIdOf, fakeOverview } from '../fakes/admin-page-data.ts';
import { type AdminServer, startAdminServer } from '../fakes/admin-page-server.ts';
import { FakeRefusal } from '../fakes/admin-page-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-admin-states-'));
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
    await opened?.close();
    opened = undefined;
    await server.close();
  });
}

async function open(hash: string, wishes: BrowserContextOptions = {}): Promise<Page> {
  opened = await browser.open(server.url + hash, wishes);
  return opened.page;
}

interface ViewCase {
  readonly hash: string;
  readonly title: string;
  /** What it cannot be without. */
  readonly needs: AdminEndpointName;
  /** What is empty about it: the answer, and what is said then. */
  readonly empty?: readonly [answer: unknown, said: string];
}

const NO_DEVICES = {
  total: 0,
  online: 0,
  by_platform: {},
  by_freshness: {},
  by_version: [],
  refusing: 0,
  unsent_rows: 0,
};
const NOTHING = {
  ...fakeOverview(0),
  devices: NO_DEVICES,
  alarms: { open: 0 },
  hours: [],
  policy: { active: null, rolling: null, stage: 0, proposed: 0 },
  orders: 0,
};
const DEVICE = deviceIdOf(5);

const VIEWS: readonly ViewCase[] = [
  { hash: '#/', title: 'Overview', needs: 'overview', empty: [NOTHING, 'No device yet'] },
  { hash: '#/devices', title: 'Devices', needs: 'devices', empty: [{ devices: [], next: null }, 'No device yet'] },
  { hash: `#/devices/${DEVICE}`, title: 'build-box-05', needs: 'device' },
  { hash: '#/enrolment', title: 'Enrolment', needs: 'tokens', empty: [{ tokens: [] }, 'No token yet'] },
  { hash: '#/alarms', title: 'Alarms', needs: 'alarms', empty: [{ alarms: [], next: null }, 'No open alarm'] },
  {
    hash: '#/policies',
    title: 'Policies',
    needs: 'policies',
    empty: [{ policies: [], next: null, four_eyes: false }, 'No version yet'],
  },
  { hash: '#/policies/15', title: 'Version 15', needs: 'policy' },
  {
    hash: '#/policies/15/diff',
    title: 'Version 15',
    needs: 'diffPolicy',
    empty: [{ against: 12, texts: [] }, 'No difference'],
  },
  { hash: '#/policies/13/rollout', title: 'Version 13', needs: 'rollout' },
  { hash: '#/policies/edit', title: 'Write a version', needs: 'overview' },
  { hash: '#/orders', title: 'Orders', needs: 'orders', empty: [{ orders: [] }, 'No order is in force'] },
  { hash: '#/secrets', title: 'Secrets', needs: 'secrets', empty: [{ secrets: [] }, 'No secret yet'] },
  { hash: '#/audit', title: 'Audit', needs: 'audit', empty: [{ rows: [], next: null, since: null }, 'No row yet'] },
  { hash: '#/admin-log', title: 'Admin log', needs: 'adminLog', empty: [{ rows: [], next: null }, 'Nothing yet'] },
  { hash: '#/holds', title: 'Holds', needs: 'holds', empty: [{ holds: [] }, 'No hold'] },
  { hash: '#/people', title: 'People', needs: 'users', empty: [{ users: [] }, 'Nobody yet'] },
  { hash: '#/settings', title: 'Settings', needs: 'settings' },
  { hash: '#/account', title: 'Your account', needs: 'session' },
];

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true }).first();

/** Whatever opens over a view, or unfolds in it. */
const OPENED: readonly (readonly [name: string, hash: string, act: (page: Page) => Promise<void>])[] = [
  [
    'table of hours',
    '#/',
    async (page) => {
      await page.getByText('The same as a table').click();
      await page.getByRole('columnheader', { name: 'Refused' }).waitFor();
    },
  ],
  [
    'override code',
    `#/devices/${DEVICE}`,
    async (page) => {
      await button(page, 'Override code').click();
      await button(page, 'Show code').click();
      await page.getByText('4821 9930').waitFor();
    },
  ],
  [
    'checked chain',
    `#/devices/${DEVICE}`,
    async (page) => {
      await button(page, 'Check the chain').click();
      await page.getByText('1 stretch does not hold together.').waitFor();
    },
  ],
  ...(
    [
      ['Revoke', `#/devices/${DEVICE}`, /Revoke this device/],
      ['Choose ring', `#/devices/${DEVICE}`, 'Choose a ring'],
      ['New token', '#/enrolment', 'New enrolment token'],
      ['Halt', '#/policies/13', 'Halt version 13?'],
      ['Put this version back', '#/policies/9', 'Put version 9 back?'],
      ['New order', '#/orders', 'New order'],
      ['New secret', '#/secrets', 'New secret'],
      ['New hold', '#/holds', 'New hold'],
      ['New person', '#/people', /New person/],
      ['Switch off', '#/settings', 'Switch four eyes off?'],
    ] as const
  ).map(
    ([name, hash, title]) =>
      [
        name,
        hash,
        async (page: Page) => {
          await button(page, name).click();
          await dialog(page, title).waitFor();
        },
      ] as const,
  ),
  [
    'new token shown',
    '#/enrolment',
    async (page) => {
      await button(page, 'New token').click();
      await page.getByLabel('Note').fill('Sales');
      await button(page, 'Make token').click();
      await page.getByText('shown this once').waitFor();
    },
  ],
  [
    'row in full',
    '#/audit',
    async (page) => {
      await page.locator('tbody button').nth(2).click();
      await page.getByText('Place in the chain').waitFor();
      await page.getByText('More filters').click();
    },
  ],
  [
    'dry run',
    '#/policies/15/dry-run',
    async (page) => {
      await button(page, 'Run').click();
      await page.getByText('Would have blocked 12 of 3,410 calls').waitFor();
    },
  ],
  [
    'settings with a fault',
    '#/settings',
    async (page) => {
      await page.getByRole('textbox', { name: 'Settings as JSON' }).fill('{\n  "silent_days": 3,\n}');
      await button(page, 'Save settings').click();
      await button(page, 'Line 3, column 1').waitFor();
      await page.getByText('How audit rows are sent elsewhere').click();
    },
  ],
  [
    'text with faults',
    '#/policies/edit',
    async (page) => {
      await button(page, 'Begin with version 12').click();
      await page
        .getByRole('textbox', { name: 'Text of outpost.yaml' })
        .fill('hosts:\n  - host: a.example\n    acton: block');
      await page.getByText('1 fault, 1 warning').first().waitFor();
    },
  ],
];

async function doors(page: Page): Promise<void> {
  server.world.session.roles = undefined;
  server.world.session.oidc = true;
  await page.reload();
  await page.getByLabel('Name').fill('ada');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('The name or the password is wrong.').waitFor();
}

/** In the dark only colours are others, so that only they are looked at again. */
async function examineBoth(page: Page, where: string): Promise<string[]> {
  const findings = await examine(page, where);
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await page.evaluate(async () => {
    const { axe: tool } = window as unknown as {
      axe: {
        run(wish: object): Promise<Record<'violations' | 'passes' | 'incomplete', { nodes: { html: string }[] }[]>>;
      };
    };
    const { violations, passes, incomplete } = await tool.run({ runOnly: ['color-contrast'] });
    const found = violations.flatMap(({ nodes }) => nodes.map(({ html }) => html));
    return { looked: [...violations, ...passes, ...incomplete].length > 0, found };
  });
  await page.emulateMedia({ colorScheme: 'light' });
  assert.ok(dark.looked, `axe looked at nothing: ${where}`);
  return [...findings, ...dark.found.map((html) => `${where} in the dark: contrast of ${html.slice(0, 300)}`)];
}

const WIDE = { width: 1_280, height: 900 };
/** The smallest telephones, and a laptop at 200 %. */
const NARROW = [
  { width: 360, height: 640 },
  { width: 640, height: 400 },
];

/** What is wrong with what is shown, in any light and at any width. */
async function lookAt(page: Page, where: string): Promise<string[]> {
  const findings = await examineBoth(page, where);
  for (const size of NARROW) {
    await page.setViewportSize(size);
    const inside = page.evaluate(() => {
      const shown = document.querySelector('dialog[open]');
      return shown === null ? 0 : shown.scrollWidth - shown.clientWidth;
    });
    const overflow = Math.max(await overflowOf(page), await inside);
    if (overflow > 0) findings.push(`${where} at ${size.width}: wider by ${overflow}`);
  }
  await page.setViewportSize(WIDE);
  return findings;
}

test(
  'in any view, dialog or door axe finds nothing, in light and dark, and nothing but tables and texts scrolls sideways from 360 pixels on',
  NEEDS_BROWSER,
  async () => {
    server = await startAdminServer(folder, Date.now());
    const findings: string[] = [];
    const page = await open('#/', { colorScheme: 'light', viewport: WIDE });
    for (const { hash, title } of VIEWS) {
      await page.goto(server.url + hash);
      await heading(page, title).waitFor();
      await page.getByText('Loading…').waitFor({ state: 'detached' });
      findings.push(...(await lookAt(page, hash)));
    }
    for (const [name, hash, act] of OPENED) {
      await page.goto('about:blank');
      await page.goto(server.url + hash);
      await act(page);
      findings.push(...(await lookAt(page, name)));
    }
    await page.goto('about:blank');
    await page.goto(server.url);
    await heading(page, 'Overview').waitFor();
    await doors(page);
    findings.push(...(await lookAt(page, 'door')));
    server.world.session.roles = ['viewer'];
    await page.goto(`${server.url}#/audit`);
    await page.reload();
    await heading(page, 'Your roles do not permit this page').waitFor();
    findings.push(...(await lookAt(page, 'not permitted')));
    server.world.session.roles = ['admin'];
    server.world.session.changePassword = true;
    await page.reload();
    await heading(page, 'Choose your own password').waitFor();
    findings.push(...(await lookAt(page, 'first password')));
    assert.deepEqual(opened?.complaints, []);
    assert.deepEqual(findings, []);
  },
);

test(
  'every view says that it is on its way, that it is empty, and that it failed, and comes back',
  NEEDS_BROWSER,
  async () => {
    server = await startAdminServer(folder, Date.now());
    const page = await open('#/account');
    await heading(page, 'Your account').waitFor();
    const findings: string[] = [];
    for (const { hash, title, needs, empty } of VIEWS.filter(({ needs: name }) => name !== 'session')) {
      const show = async () => {
        await page.goto(`${server.url}#/account`);
        await heading(page, 'Your account').waitFor();
        await page.goto(server.url + hash);
      };
      // Let go afterwards: a browser has few connections to a server.
      const held: (() => void)[] = [];
      server.instead.set(needs, () => new Promise<void>((resolve) => held.push(resolve)));
      await show();
      await page.getByRole('status').filter({ hasText: 'Loading…' }).waitFor();
      findings.push(...(await examine(page, `${hash} loading`)));
      server.instead.set(needs, () => {
        throw new FakeRefusal(500, 'internal', 'the server has a defect; its log says more (req-1)');
      });
      for (const release of held) release();
      await show();
      await page.getByRole('heading', { name: 'The control plane failed.' }).waitFor();
      findings.push(...(await examine(page, `${hash} failed`)));
      server.instead.delete(needs);
      await page.getByRole('button', { name: 'Try again' }).click();
      await page.getByRole('heading', { name: 'The control plane failed.' }).waitFor({ state: 'detached' });
      await heading(page, title).waitFor();
      if (empty === undefined) continue;
      const [answer, words] = empty;
      server.instead.set(needs, () => answer);
      await show();
      await page.getByRole('heading', { name: words }).waitFor();
      findings.push(...(await examine(page, `${hash} empty`)));
      server.instead.delete(needs);
    }
    assert.deepEqual(findings, []);
    assert.deepEqual(opened?.complaints, []);
  },
);

test(
  'where there is little room the pages are behind a button, which says whether they are shown',
  NEEDS_BROWSER,
  async () => {
    server = await startAdminServer(folder, Date.now());
    const page = await open('#/', { viewport: { width: 360, height: 640 } });
    const link = page.getByRole('link', { name: 'Policies', exact: true });
    const menu = page.getByRole('button', { name: 'Menu' });
    await menu.waitFor();
    assert.equal(await link.isVisible(), false);
    assert.equal(await menu.getAttribute('aria-expanded'), 'false');
    await menu.click();
    await link.click();
    await heading(page, 'Policies').waitFor();
    assert.equal(await link.isVisible(), false, 'it folds itself when a page was chosen');
  },
);

test('with the person’s own colours marks and bars are still told apart', NEEDS_BROWSER, async () => {
  server = await startAdminServer(folder, Date.now());
  const page = await open('#/', { forcedColors: 'active' });
  await heading(page, 'Overview').waitFor();
  const fill = (name: string) =>
    page
      .locator(`.chart .${name}`)
      .first()
      .evaluate((element) => getComputedStyle(element).fill);
  assert.notEqual(await fill('bar-allowed'), await fill('bar-refused'));
  await page.goto(`${server.url}#/policies/edit`);
  await button(page, 'Begin with version 12').click();
  await page.getByRole('textbox', { name: 'Text of outpost.yaml' }).fill('acton: 1');
  const mark = page.locator('.fault-line').first();
  await mark.waitFor();
  assert.notEqual(await mark.evaluate((element) => getComputedStyle(element).outlineStyle), 'none');
});
