// SPDX-License-Identifier: Apache-2.0
// A real browser for tests of the admin page: opens it, keeps what the browser complains about, lets axe look at it.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright';
import { ADMIN_API } from '../../src/contract/admin/endpoints.ts';

const CHROMIUM = process.env['OUTPOST_CHROMIUM'] ?? '/usr/bin/chromium';
/** For each test that needs a browser. */
export const NEEDS_BROWSER: { readonly skip?: string } = existsSync(CHROMIUM)
  ? {}
  : { skip: `needs a Chromium at ${CHROMIUM}` };

export interface OpenPage {
  readonly page: Page;
  /** What the browser complained about, but for refused requests: those are the page's to show. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

export interface AdminBrowser {
  open(url: string, wishes?: BrowserContextOptions): Promise<OpenPage>;
  close(): Promise<void>;
}

export async function startBrowser(): Promise<AdminBrowser> {
  const browser: Browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-background-networking', '--disable-quic'],
  });
  return {
    async open(url, wishes = {}) {
      const context = await browser.newContext({
        reducedMotion: 'reduce',
        locale: 'en-GB',
        timezoneId: 'Europe/Berlin',
        viewport: { width: 1_280, height: 900 },
        ...wishes,
      });
      const page = await context.newPage();
      page.setDefaultTimeout(30_000);
      const complaints: string[] = [];
      page.on('console', (message) => {
        const text = message.text();
        const refused = text.startsWith('Failed to load resource');
        if (['error', 'warning'].includes(message.type()) && !refused) complaints.push(text);
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(url);
      return { page, complaints, close: () => context.close() };
    },
    close: () => browser.close(),
  };
}

export const heading = (page: Page, name: string | RegExp): Locator => page.getByRole('heading', { level: 1, name });

/** What has just been done, as a screen reader hears it. */
export const said = (page: Page, text: string | RegExp): Promise<void> =>
  page.locator('.said').getByRole('status').filter({ hasText: text }).waitFor();

export const textOf = async (where: Locator): Promise<string> => (await where.textContent()) ?? '';

/** Status with which the page's own server answers whoever is signed in there, whatever the page would let them do. */
export function ask(page: Page, method: string, path: string, body?: object): Promise<number> {
  const wish = { address: ADMIN_API + path, method, body: body === undefined ? undefined : JSON.stringify(body) };
  return page.evaluate(async ({ address, body: text, method: how }) => {
    const json = text === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: text };
    return (await fetch(address, { ...json, method: how })).status;
  }, wish);
}

/** Of the dialog that is open. */
export const dialog = (page: Page, name: string | RegExp): Locator => page.getByRole('dialog', { name });

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds, with where it was. Throws when it looked at nothing. */
export async function examine(page: Page, where: string): Promise<string[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { axe: tool } = window as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[]; passes: unknown[] }> };
    };
    const { violations, passes } = await tool.run();
    return {
      passes: passes.length,
      violations: violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 300)}`)),
    };
  });
  if (found.passes < 5) throw new Error(`axe looked at nothing: ${where}`);
  return found.violations.map((violation) => `${where}: ${violation}`);
}

/** Pixels by which the page is wider than its window. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}
