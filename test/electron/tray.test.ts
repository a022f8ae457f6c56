// SPDX-License-Identifier: Apache-2.0
// The built tray on a real Electron with a daemon of its own: what it shows, what its window cannot do, and how it survives. Runs only
// with OUTPOST_ELECTRON=PATH.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { summarise } from '../../src/client/summary.ts';
import { WARNINGS } from '../../src/contract/health.ts';
import { DEFAULT_PREFERENCES } from '../../src/contract/tray.ts';
import type { Known, MenuLine } from '../../src/main/shapes.ts';
import { createTrayFormat } from '../../src/main/tray-format.ts';
import { trayView } from '../../src/main/tray-view.ts';
import { CATALOGUES } from '../../src/strings/catalogue.ts';
import {
  assertAsksAreJudged,
  assertNoNetwork,
  assertServesItselfOnly,
  assertShut,
} from '../fakes/electron-contract.ts';
import { type Desktop, openDesktop, SKIP } from './desktop.ts';
import { lives, startTray, type Tray, until } from './tray-process.ts';

const { en: EN, de: DE } = CATALOGUES;

function labelsOf(lines: readonly MenuLine[]): string[] {
  return lines.flatMap((line) => {
    if (line.kind === 'separator') return [];
    return [line.label.replaceAll('&', '&&'), ...(line.kind === 'submenu' ? labelsOf(line.lines) : [])];
  });
}

describe('the tray on a real Electron', { skip: SKIP }, () => {
  let desktop: Desktop;
  let tray: Tray;
  const text = async () => await (await tray.window()).evaluate(() => document.body.textContent);

  before(async () => {
    desktop = await openDesktop();
    tray = await startTray(desktop);
  });
  after(async () => {
    await tray?.quit();
    await desktop?.close();
  });

  test('it starts, shows its window, and shows there what its daemon says', async () => {
    const page = await tray.window();
    assert.equal(page.url(), 'outpost-app://window/#/');
    const state = await until(() => tray.state(), 'a daemon of its own');
    const { text: summary } = summarise({ kind: 'live' }, state, EN);
    await until(async () => (await text()).includes(summary) || undefined, `"${summary}" in the window`);
    assert.equal(await tray.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible()), true);
  });

  test('its window is shut, as the contract says', async () => {
    await assertShut(tray.probe);
    await assertServesItselfOnly(tray.probe);
    await assertAsksAreJudged(tray.probe);
  });

  test('no request of its sessions reaches a server on this machine, nor does the page', async () => {
    let came = 0;
    const server = createServer((_request, response) => {
      came++;
      response.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      await assertNoNetwork(tray.probe, url, () => came);
      const page = await tray.window();
      const outcome = await page.evaluate(
        async (to) => ({
          fetch: await fetch(to).then(
            () => 'came',
            () => 'refused',
          ),
          image: await new Promise((done) => {
            const image = new Image();
            image.onload = () => done('came');
            image.onerror = () => done('refused');
            image.src = to;
          }),
          beacon: navigator.sendBeacon(to) && 'sent',
        }),
        url,
      );
      assert.equal(outcome.fetch, 'refused');
      assert.equal(outcome.image, 'refused');
      const main = await tray.app.evaluate(
        ({ net }, to) =>
          net.fetch(to).then(
            () => 'came',
            () => 'refused',
          ),
        url,
      );
      assert.equal(main, 'refused', 'the default session is guarded as well');
      assert.equal(came, 0);
    } finally {
      server.close();
    }
  });

  test('the page has two verbs and no Node, and runs no code but its own files', async () => {
    const page = await tray.window();
    const seen = await page.evaluate(async () => {
      const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      document.body.append(script);
      // Later, because what Playwright runs itself may make code.
      const made = await new Promise((done) =>
        setTimeout(() => {
          try {
            done(new Function('return "made"')());
          } catch {
            done('refused');
          }
        }),
      );
      return {
        require: typeof (globalThis as { require?: unknown }).require,
        process: typeof (globalThis as { process?: unknown }).process,
        verbs: Object.keys(window.outpost ?? {}).sort(),
        injected: (window as { injected?: boolean }).injected ?? false,
        made,
      };
    });
    assert.deepEqual(seen, {
      require: 'undefined',
      process: 'undefined',
      verbs: ['ask', 'on'],
      injected: false,
      made: 'refused',
    });
    for (const name of ['toString', 'constructor', 'quit', '../call']) {
      const refused = await page.evaluate(
        (what) =>
          window.outpost?.ask(what as 'about', {}).then(
            () => 'answered',
            () => 'refused',
          ),
        name,
      );
      assert.equal(refused, 'refused', name);
    }
  });

  test('the menu says what trayView computes, in the language that is chosen', async () => {
    const page = await tray.window();
    for (const [language, words] of [
      ['de', DE],
      ['en', EN],
    ] as const) {
      await page.evaluate((chosen) => window.outpost?.ask('prefer', chosen), { ...DEFAULT_PREFERENCES, language });
      await until(async () => {
        const state = await tray.state();
        if (state === undefined) return undefined;
        const known: Known = { link: { kind: 'live' }, state, warnings: [], keeper: 'child', otherVersion: undefined };
        const wanted = labelsOf(trayView(known, Date.now(), words, createTrayFormat(language)).menu);
        return JSON.stringify(wanted) === JSON.stringify(await tray.labels()) || undefined;
      }, `the menu in ${language}`);
      assert.ok((await tray.labels()).includes(words.tray.quit.ends));
      await until(
        async () => (await text()).includes(words.frame.pages.recorded) || undefined,
        `the page in ${language}`,
      );
    }
    await page.evaluate((chosen) => window.outpost?.ask('prefer', chosen), DEFAULT_PREFERENCES);
  });

  test('a link that another start brings opens the window at that call; anything else is no link', async () => {
    const page = await tray.window();
    await tray.startAgain(['outpost://explain/abc-123']);
    await until(() => page.url() === 'outpost-app://window/#/activity/abc-123' || undefined, 'the call');
    await tray.startAgain(['--hidden', 'outpost://quit/', 'outpost://explain/../../x']);
    await tray.startAgain([]);
    await until(() => page.url() === 'outpost-app://window/#/' || undefined, 'the first view');
    assert.equal(tray.app.windows().length, 1);
  });

  test('saving, copying and opening go through the desktop, and only what is allowed', async () => {
    const rows = join(desktop.folder, 'rows.jsonl');
    const asked = (name: string, value: unknown) => tray.probe.ask(name, value);
    await tray.app.evaluate(({ dialog, shell }, path) => {
      const kept = globalThis as { opened?: string[] };
      kept.opened = [];
      dialog.showSaveDialog = async () => ({ canceled: false, filePath: path });
      shell.openExternal = async (url: string) => void kept.opened?.push(url);
    }, rows);
    assert.deepEqual(await asked('save', { what: 'rows' }), { ok: true, value: { kind: 'saved', path: rows } });
    assert.equal(statSync(rows).mode & 0o777, 0o600);
    for (const line of readFileSync(rows, 'utf8').split('\n').filter(Boolean)) JSON.parse(line);

    await tray.app.evaluate(({ dialog }) => {
      dialog.showSaveDialog = async () => ({ canceled: true, filePath: '' });
    });
    assert.deepEqual(await asked('save', { what: 'support-bundle' }), { ok: true, value: { kind: 'cancelled' } });

    assert.deepEqual(await asked('copy', { text: 'outpost doctor' }), { ok: true, value: {} });
    assert.equal(await tray.app.evaluate(async ({ clipboard }) => await clipboard.readText()), 'outpost doctor');

    const { failed } = EN.tray;
    for (const url of ['https://example.com/', 'file:///etc/passwd', 'http://127.0.0.1/']) {
      assert.deepEqual(await asked('open', { url }), { ok: true, value: { ok: false, reason: failed.address } }, url);
    }
    assert.deepEqual(await tray.app.evaluate(() => (globalThis as { opened?: string[] }).opened), []);
  });

  test('a window that fails is closed and said; it can be opened again', async () => {
    await tray.app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer(),
    );
    await until(async () => {
      const count = await tray.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length);
      return count === 0 || undefined;
    }, 'the end of the window');
    await until(async () => {
      const warned = (await tray.labels()).some((label) => /^(?:One warning|\d+ warnings)/.test(label));
      return warned || undefined;
    }, 'the warning in the menu');
    const next = tray.app.waitForEvent('window');
    await tray.startAgain([]);
    await next;
    await until(async () => (await text()).includes(EN.frame.pages.overview) || undefined, 'the new window');
  });

  test('a closed window leaves no page behind, and the tray goes on without a warning', async () => {
    await tray.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
    await until(async () => {
      const types = await tray.app.evaluate(({ app }) => app.getAppMetrics().map(({ type }) => type));
      return !types.includes('Tab') || undefined;
    }, 'the end of the page');
    const next = tray.app.waitForEvent('window');
    await tray.startAgain([]);
    await next;
    await until(async () => (await text()).includes(EN.frame.pages.overview) || undefined, 'the new window');
    assert.ok(!(await text()).includes(WARNINGS['window-failed'].title));
  });

  test('a daemon that is killed is missed in the window, and comes back', async () => {
    const killed = (await until(() => tray.state(), 'the daemon')).pid;
    const page = await tray.window();
    await page.evaluate(() => {
      const kept = window as { links?: unknown[] };
      kept.links = [];
      window.outpost?.on('link', (link) => kept.links?.push((link as { kind: string }).kind));
    });
    process.kill(killed, 'SIGKILL');
    await until(
      async () => (await page.evaluate(() => (window as { links?: string[] }).links?.includes('lost'))) || undefined,
      'the window says so',
    );
    const again = await until(async () => {
      const state = await tray.state();
      return state !== undefined && state.pid !== killed ? state : undefined;
    }, 'another daemon');
    await until(
      async () => (await page.evaluate(() => (window as { links?: string[] }).links?.at(-1) === 'live')) || undefined,
      'the window is live',
    );
    await until(
      async () => (await text()).includes(WARNINGS['daemon-restarted'].title) || undefined,
      'the warning about the end',
    );
    assert.ok(lives(again.pid));
  });

  test('quitting the tray ends the daemon that is its own', async () => {
    const { pid } = await until(() => tray.state(), 'the daemon');
    await tray.quit();
    await until(() => !lives(pid) || undefined, 'the end of the daemon');
  });
});
