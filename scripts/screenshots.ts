// SPDX-License-Identifier: Apache-2.0
// Takes the pictures of the admin page: a real control plane with an invented organisation behind the built page, in Chromium.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import { buildAdminPage } from '../build/page.mjs';
import { dialog, heading, startBrowser } from '../test/fakes/admin-browser.ts';
import { CONFIG, type Showcase, startShowcase } from '../test/fakes/admin-showcase.ts';
import { SESSION_NAME, signedIn } from '../test/fakes/control-plane-admin-client.ts';
import { smallPng } from './support/small-png.ts';

const IMAGES = fileURLToPath(new URL('../docs/images', import.meta.url));
/** Bytes: more is too much for a picture in a text. */
const MOST = 110_000;
/** What devices would call the server, in place of where it is here. */
const PUBLIC = 'https://outpost.example.com';

interface Shot {
  readonly name: string;
  readonly hash: string;
  readonly title: string | RegExp;
  readonly act?: (page: Page) => Promise<void>;
}

const shots = ({ refusing, versions: { active, rolling, proposed } }: Showcase): readonly Shot[] => [
  {
    name: 'overview',
    hash: '#/',
    title: 'Overview',
    act: (page) => page.getByText('AI calls of the last 24 hours').waitFor(),
  },
  { name: 'devices', hash: '#/devices?sort=last_seen', title: 'Devices' },
  {
    name: 'device',
    hash: `#/devices/${refusing}`,
    title: /^laptop-/,
  },
  {
    name: 'policy-error',
    hash: '#/policies/edit',
    title: 'Write a version',
    async act(page) {
      await page.getByRole('button', { name: `Begin with version ${active}` }).click();
      const text = page.getByRole('textbox', { name: 'Text of outpost.yaml' });
      await text.fill(
        CONFIG.replace('action: block', 'acton: block').replace('  deny: ["*-preview"]', '  deny: "*-preview"'),
      );
      await page.locator('.faults li').first().waitFor();
      await page.getByLabel('Note').scrollIntoViewIfNeeded();
    },
  },
  { name: 'policy-diff', hash: `#/policies/${proposed}/diff`, title: `Version ${proposed}` },
  {
    name: 'policy-dry-run',
    hash: `#/policies/${proposed}/dry-run`,
    title: `Version ${proposed}`,
    async act(page) {
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.getByText(/^Would have blocked/).waitFor();
      await page.getByRole('table').scrollIntoViewIfNeeded();
    },
  },
  { name: 'rollout', hash: `#/policies/${rolling}/rollout`, title: `Version ${rolling}` },
  {
    name: 'audit',
    hash: '#/audit?kind=refusal',
    title: 'Audit',
    async act(page) {
      await page.locator('tbody button').nth(1).click();
      await page.getByText('Place in the chain').waitFor();
      await page.evaluate(() => window.scrollTo(0, 370));
    },
  },
  { name: 'alarms', hash: '#/alarms', title: 'Alarms' },
  {
    name: 'enrolment',
    hash: '#/enrolment',
    title: 'Enrolment',
    async act(page) {
      await page.getByRole('button', { name: 'New token' }).click();
      await page.getByLabel('Note').fill('Laptops of the support team');
      await page.getByRole('button', { name: 'Make token' }).click();
      await dialog(page, 'The new token').waitFor();
    },
  },
];

const folder = resolve(process.argv[2] ?? IMAGES);
mkdirSync(folder, { recursive: true });
const pageFolder = mkdtempSync(join(tmpdir(), 'outpost-screenshots-'));
await buildAdminPage({ folder: pageFolder });
const [showcase, browser] = await Promise.all([startShowcase(pageFolder), startBrowser()]);
try {
  const { plane } = showcase;
  const { token: value = '' } = await signedIn(plane, plane.org, ['admin'], 'admin');
  const { page } = await browser.open('about:blank', { viewport: { width: 1_280, height: 800 }, timezoneId: 'UTC' });
  await page.context().addCookies([{ name: SESSION_NAME, value, domain: '127.0.0.1', path: '/admin' }]);
  await page.clock.setFixedTime(showcase.now);
  await page.route('**/api/v1/tokens', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replaceAll(plane.url, PUBLIC) });
  });
  for (const { name, hash, title, act } of shots(showcase)) {
    await page.goto('about:blank');
    await page.goto(`${plane.url}/admin/${hash}`);
    await heading(page, title).waitFor();
    await page.getByText('Loading…').waitFor({ state: 'detached' });
    await act?.(page);
    // The pointer and the caret would be in the picture.
    await page.mouse.move(0, 0);
    const path = join(folder, `admin-${name}.png`);
    const picture = smallPng(await page.screenshot({ animations: 'disabled', caret: 'hide' }));
    writeFileSync(path, picture);
    const size = picture.length;
    process.stdout.write(`admin-${name}.png ${Math.round(size / 1000)} kB\n`);
    if (size > MOST) process.exitCode = 1;
  }
} finally {
  await browser.close();
  await showcase.plane.close();
  rmSync(pageFolder, { recursive: true, force: true });
}
