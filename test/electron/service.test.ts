// SPDX-License-Identifier: Apache-2.0
// The built tray on a real Electron where a service keeps the daemon: a stand-in for systemd, and a daemon that is not the tray's. Runs
// only with OUTPOST_ELECTRON=PATH.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CATALOGUES } from '../../src/strings/catalogue.ts';
import { type Agent, startAlone } from '../fakes/agent.ts';
import { type Desktop, openDesktop, SKIP } from './desktop.ts';
import { lives, startTray, type Tray, until } from './tray-process.ts';

const { en: EN } = CATALOGUES;
const CLI = fileURLToPath(new URL('../../src/proxy/outpost.mjs', import.meta.url));
const CONFIG = `support:
  url: https://help.example.com/ai
  label: Help desk
`;

describe('the tray beside a service', { skip: SKIP }, () => {
  let desktop: Desktop;
  let agent: Agent;
  let tray: Tray;
  const started = new Set<number>();

  before(async () => {
    desktop = await openDesktop();
    const folder = join(desktop.folder, 'service');
    mkdirSync(folder);
    agent = await startAlone({ config: CONFIG, folder });
    started.add(agent.ready.pid);
    const units = join(desktop.env['XDG_CONFIG_HOME'] ?? '', 'systemd', 'user');
    mkdirSync(units, { recursive: true });
    writeFileSync(join(units, 'outpostd.service'), '[Service]\n');
    const bin = join(desktop.folder, 'bin');
    mkdirSync(bin);
    const run = [process.execPath, CLI, 'run', '--config', agent.configPath, '--data-dir', agent.dataDir];
    const ports = '--proxy-port 0 --gateway-port 0 --api-port 0';
    // As systemd's children it inherits nothing: with Chromium's sockets in its hands the tray's end would not show.
    const letGo = 'for fd in $(ls /proc/$$/fd); do if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi; done';
    writeFileSync(
      join(bin, 'systemctl'),
      `#!/bin/bash\n${letGo} 2> /dev/null\nsetsid ${run.join(' ')} ${ports} > /dev/null 2>&1 &\n`,
    );
    chmodSync(join(bin, 'systemctl'), 0o755);
    // The place where an installed one has its data: a service has nothing to do with any other.
    const states = join(desktop.folder, 'states');
    mkdirSync(states);
    symlinkSync(agent.dataDir, join(states, 'outpost'));
    tray = await startTray(desktop, {
      args: ['--hidden'],
      env: {
        XDG_STATE_HOME: states,
        OUTPOST_DATA_DIR: join(states, 'outpost'),
        PATH: `${bin}:${desktop.env['PATH'] ?? ''}`,
      },
    });
  });
  after(async () => {
    await tray?.quit();
    for (const pid of started) if (lives(pid)) process.kill(pid, 'SIGKILL');
    await desktop?.close();
  });

  test('started at login it has no window, but an icon; the menu says that quitting leaves the protection', async () => {
    await until(async () => (await tray.labels()).includes(EN.tray.quit.goesOn) || undefined, 'the menu');
    assert.equal(tray.app.windows().length, 0);
    const found = await tray.state();
    assert.equal(found?.pid, agent.ready.pid, 'it uses the daemon that runs');
  });

  test('the help that the policy names is opened, from the menu and from the window', async () => {
    await tray.app.evaluate(({ shell }) => {
      const kept = globalThis as { opened?: string[] };
      kept.opened = [];
      shell.openExternal = async (url: string) => void kept.opened?.push(url);
      const { lastMenu } = globalThis as { lastMenu?: Electron.Menu };
      lastMenu?.items.find(({ label }) => label.includes('Help desk'))?.click();
    });
    const opened = tray.app.waitForEvent('window');
    await tray.startAgain([]);
    await opened;
    const asked = (url: string) => tray.probe.ask('open', { url });
    assert.deepEqual(await asked('https://help.example.com/other'), { ok: true, value: { ok: true } });
    assert.deepEqual(await asked('https://help.example.com.evil.example/'), {
      ok: true,
      value: { ok: false, reason: EN.tray.failed.address },
    });
    assert.deepEqual(await tray.app.evaluate(() => (globalThis as { opened?: string[] }).opened), [
      'https://help.example.com/ai',
      'https://help.example.com/other',
    ]);
  });

  test('a service that died is started through its manager', async () => {
    await agent.kill('SIGKILL');
    const page = await tray.window();
    await until(
      async () => (await page.evaluate(() => document.body.textContent)).includes(EN.frame.link.lostTitle) || undefined,
      'the window says so',
    );
    const again = await until(async () => {
      const state = await tray.state();
      return state !== undefined && state.pid !== agent.ready.pid ? state : undefined;
    }, 'the service again');
    started.add(again.pid);
  });

  test('quitting the tray leaves the service alone', async () => {
    const { pid } = await until(() => tray.state(), 'the service');
    await tray.quit();
    assert.ok(lives(pid));
    assert.equal((await tray.state())?.pid, pid);
  });
});
