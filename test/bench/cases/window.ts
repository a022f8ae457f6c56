// SPDX-License-Identifier: Apache-2.0
// The window's page on a long history, from the real daemon in a real browser: until it is painted, until it shows figures; and what twenty
// openings leave behind in the daemon.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright';
import { loginCode } from '../../../src/contract/local-api.ts';
import { callApi } from '../../../src/proxy/commands/running.ts';
import { openDesktop, SKIP } from '../../electron/desktop.ts';
import { startTray, until } from '../../electron/tray-process.ts';
import { type Agent, startAgent } from '../../fakes/agent.ts';
import { median } from '../client.ts';
import { pssMb, treeOf } from '../idle.ts';
import { loadNow } from '../load.ts';
import { rssMb } from '../process.ts';
import { makeQueue } from '../queue.ts';
import type { Bench, Finding } from './types.ts';

const BAR_MS = 300;
/** MB; what twenty pages may leave in the daemon: a leak of one state (60 KB) each would be 1. */
const MOST_GROWTH_MB = 5;
/** MB; Chromium's caches move by some, a window that stays would be 100. */
const MOST_TRAY_GROWTH_MB = 10;
const OPENINGS = 20;
const CHROMIUM = process.env['OUTPOST_CHROMIUM'] ?? '/usr/bin/chromium';
const PAINT = 'first paint of the window, 100,000 rows';
const GROWTH = `daemon's memory, from ${OPENINGS} to ${2 * OPENINGS} openings of the page`;

interface Seen {
  /** Milliseconds from the navigation. */
  readonly paint: number;
  /** Until the view showed what it is for. */
  readonly shown: number;
}

async function open(browser: Browser, agent: Agent, hash: string, ready: string): Promise<Seen> {
  const { url } = loginCode.parse(await callApi(agent.dataDir, agent.ready, 'POST', '/v1/login-code'));
  const context = await browser.newContext({ viewport: { width: 960, height: 720 } });
  try {
    const page = await context.newPage();
    await page.goto(url);
    // Signed in; the figure is of the page itself, not of the redirect.
    await page.goto('about:blank');
    await page.goto(`${agent.ready.api_url}/${hash}`, { waitUntil: 'commit' });
    await page.locator(ready).first().waitFor();
    return await page.evaluate(async () => {
      const shown = performance.now();
      const found = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
      while (found() === undefined) await new Promise((resolve) => requestAnimationFrame(resolve));
      return { paint: found() ?? 0, shown };
    });
  } finally {
    await context.close();
  }
}

/** Each view with what it shows once its figures have come. */
const VIEWS = [
  ['overview', '#/', '.counters dd'],
  ['usage', '#/usage', 'main svg'],
  ['activity', '#/activity', 'main tbody tr'],
] as const;

export async function windowCase(bench: Bench): Promise<readonly Finding[]> {
  const bar = `<= ${BAR_MS} ms`;
  if (!existsSync(CHROMIUM)) {
    return [{ name: PAINT, value: undefined, bar, holds: false, reason: `there is no ${CHROMIUM}` }];
  }
  const folder = mkdtempSync(join(tmpdir(), 'outpost-bench-'));
  const rows = bench.quick ? 10_000 : 100_000;
  makeQueue(join(folder, 'data', 'audit'), rows);
  const agent = await startAgent({ config: '{}', folder });
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-background-networking', '--disable-quic'],
  });
  try {
    const findings: Finding[] = [];
    for (const [name, hash, ready] of VIEWS) {
      const seen: Seen[] = [];
      for (let round = 0; round < (bench.quick ? 2 : 7); round++) seen.push(await open(browser, agent, hash, ready));
      const paint = median(seen.map((each) => each.paint));
      const shown = median(seen.map((each) => each.shown));
      bench.print(
        `  ${name}, ${rows} rows: painted after ${paint.toFixed(0)} ms (${seen.map((each) => each.paint.toFixed(0)).join(' ')}), figures after ${shown.toFixed(0)} ms (${seen.map((each) => each.shown.toFixed(0)).join(' ')}); ${loadNow()}`,
      );
      findings.push({ name: `${PAINT}, ${name}`, value: `${paint.toFixed(0)} ms`, bar, holds: paint <= BAR_MS });
    }
    const memory: number[] = [];
    for (let round = 0; round < 2; round++) {
      for (let each = 0; each < OPENINGS; each++) await open(browser, agent, '#/', VIEWS[0][2]);
      memory.push(rssMb(agent.ready.pid));
    }
    const [first = 0, second = 0] = memory;
    const grown = second - first;
    const value = `${grown.toFixed(1)} MB (${first.toFixed(0)} to ${second.toFixed(0)})`;
    findings.push({ name: GROWTH, value, bar: `<= ${MOST_GROWTH_MB} MB`, holds: grown <= MOST_GROWTH_MB });
    return [...findings, await trayGrowth(bench)];
  } finally {
    await browser.close();
    await agent.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The tray's own window, opened and closed; the daemon is not counted. */
async function trayGrowth(bench: Bench): Promise<Finding> {
  const name = `tray's memory, from ${OPENINGS} to ${2 * OPENINGS} openings of its window`;
  const bar = `<= ${MOST_TRAY_GROWTH_MB} MB`;
  if (SKIP !== false) return { name, value: undefined, bar, holds: false, reason: SKIP };
  const desktop = await openDesktop();
  const tray = await startTray(desktop, { args: ['--hidden'] });
  try {
    const { pid } = await until(() => tray.state(), 'its daemon');
    const own = () => pssMb(treeOf(tray.app.process().pid ?? 0, pid));
    const before = own();
    const memory: number[] = [];
    for (let round = 0; round < 2; round++) {
      for (let each = 0; each < OPENINGS; each++) {
        await tray.startAgain([]);
        await (await tray.window()).locator(VIEWS[0][2]).first().waitFor();
        await tray.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
        await until(() => tray.app.windows().length === 0 || undefined, 'the window is closed');
      }
      memory.push(own());
    }
    const [first = 0, second = 0] = memory;
    bench.print(
      `  tray without a window ${before.toFixed(0)} MB, later ${memory.map((mb) => mb.toFixed(0)).join(', ')} MB`,
    );
    const value = `${(second - first).toFixed(1)} MB (${first.toFixed(0)} to ${second.toFixed(0)})`;
    return { name, value, bar, holds: second - first <= MOST_TRAY_GROWTH_MB };
  } finally {
    await tray.quit();
    await desktop.close();
  }
}
