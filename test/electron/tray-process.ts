// SPDX-License-Identifier: Apache-2.0
// The tray on a real Electron, held by Playwright: its window, its menu, the daemon that it keeps, and how it is asked to end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { _electron, type ElectronApplication, type Page } from 'playwright';
import { API_TOKEN_FILE, RUN_FILE } from '../../src/contract/data-files.ts';
import { type AgentState, agentState } from '../../src/contract/local-api.ts';
import { readySchema } from '../../src/contract/ready.ts';
import type { Bridge } from '../../src/contract/tray.ts';
import type { WindowProbe } from '../fakes/electron-contract.ts';
import type { Desktop } from './desktop.ts';

/** As root, and without a graphics card. */
const SWITCHES = ['--no-sandbox', '--disable-gpu'];
/** What is awaited comes within a moment, but the machine may be busy. Milliseconds. */
const PATIENCE = 60_000;

declare global {
  interface Window {
    readonly outpost?: Bridge;
  }
}

/** Waits for what no event tells. */
export async function until<T>(what: () => Promise<T | undefined> | T | undefined, name: string): Promise<T> {
  const limit = Date.now() + PATIENCE;
  for (;;) {
    const value = await what();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > limit) throw new Error(`never came: ${name}`);
    await pause(100);
  }
}

export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export interface Tray {
  readonly app: ElectronApplication;
  readonly dataDir: string;
  /** The window, when it is there. */
  window(): Promise<Page>;
  /** What the daemon says of itself; undefined: none answers. */
  state(): Promise<AgentState | undefined>;
  /** The labels of the menu as the desktop has them, those of submenus behind theirs. */
  labels(): Promise<readonly string[]>;
  /** Another start with these arguments; resolves when it has ended. */
  startAgain(args: readonly string[]): Promise<void>;
  /** As the menu does it; resolves when the process has ended. */
  quit(): Promise<void>;
  readonly probe: WindowProbe;
}

async function daemonState(dataDir: string): Promise<AgentState | undefined> {
  try {
    const { api_url } = readySchema.parse(JSON.parse(readFileSync(join(dataDir, RUN_FILE), 'utf8')));
    const token = readFileSync(join(dataDir, API_TOKEN_FILE), 'utf8').trim();
    const response = await fetch(new URL('/v1/state', api_url), { headers: { authorization: `Bearer ${token}` } });
    return agentState.parse(await response.json());
  } catch {
    return undefined;
  }
}

export async function startTray(
  desktop: Desktop,
  { args = [], env = {} }: { readonly args?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Tray> {
  const dataDir = env['OUTPOST_DATA_DIR'] ?? join(desktop.folder, 'data');
  const full = {
    ...desktop.env,
    OUTPOST_DATA_DIR: dataDir,
    // Anybody's ports may be taken here.
    OUTPOST_RUN_ARGS: '--proxy-port 0 --gateway-port 0 --api-port 0',
    ...env,
  };
  const app = await _electron.launch({
    executablePath: desktop.executable,
    args: [...SWITCHES, ...args],
    env: full as Record<string, string>,
    timeout: PATIENCE,
  });
  const ended = once(app.process(), 'exit');
  app.process().stderr?.on('data', (chunk: Buffer) => {
    if (process.env['OUTPOST_ELECTRON_LOG'] !== undefined) process.stderr.write(chunk);
  });
  // Menus cannot be read back; so whatever is set from here on is kept.
  await app.evaluate(({ Tray: Icon }) => {
    const kept = globalThis as { lastMenu?: Electron.Menu };
    const set = Icon.prototype.setContextMenu;
    Icon.prototype.setContextMenu = function (menu) {
      if (menu !== null) kept.lastMenu = menu;
      return set.call(this, menu);
    };
  });
  const pageNow = async () => app.windows()[0] ?? (await app.waitForEvent('window', { timeout: PATIENCE }));

  const probe: WindowProbe = {
    webPreferences: () =>
      app.evaluate(({ BrowserWindow }) => {
        // Not in the types: what was made of the options.
        type Contents = { getLastWebPreferences(): Record<string, unknown> };
        const [window] = BrowserWindow.getAllWindows();
        if (window === undefined) throw new Error('no window is open');
        return (window.webContents as unknown as Contents).getLastWebPreferences();
      }),
    storagePath: () =>
      app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.session.storagePath ?? null),
    async navigate(url) {
      const page = await pageNow();
      await page.evaluate((to) => {
        location.href = to;
      }, url);
      await pause(200);
      return await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getURL() ?? '');
    },
    async openWindow(url) {
      await (await pageNow()).evaluate((to) => void window.open(to), url);
      await pause(200);
      return await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length);
    },
    async permission(name) {
      const page = await pageNow();
      const looked = await page.evaluate(async (what) => {
        try {
          return (await navigator.permissions.query({ name: what as PermissionName })).state === 'granted';
        } catch {
          // Chromium does not know it by this name.
          return false;
        }
      }, name);
      const asked = await page.evaluate(async (what) => {
        const tries: Record<string, () => Promise<boolean>> = {
          geolocation: () =>
            new Promise((done) =>
              navigator.geolocation.getCurrentPosition(
                () => done(true),
                ({ code }) => done(code !== 1),
              ),
            ),
          notifications: async () => (await Notification.requestPermission()) === 'granted',
          media: () => navigator.mediaDevices.getUserMedia({ audio: true }).then(() => true),
          'clipboard-read': () => navigator.clipboard.readText().then(() => true),
          midi: () => navigator.requestMIDIAccess({ sysex: true }).then(() => true),
        };
        return (await tries[what]?.().catch(() => false)) ?? false;
      }, name);
      return { asked, looked };
    },
    async request(url) {
      const answer = await app.evaluate(async ({ BrowserWindow }, to) => {
        try {
          const response = await BrowserWindow.getAllWindows()[0]?.webContents.session.fetch(to);
          return response === undefined ? undefined : { status: response.status, headers: [...response.headers] };
        } catch {
          return undefined;
        }
      }, url);
      return answer === undefined ? undefined : { status: answer.status, headers: new Headers(answer.headers) };
    },
    async ask(name, value) {
      const page = await pageNow();
      return await page.evaluate(([what, given]) => window.outpost?.ask(what as 'about', given), [
        name,
        value,
      ] as const);
    },
  };

  return {
    app,
    dataDir,
    window: pageNow,
    state: () => daemonState(dataDir),
    labels: () =>
      app.evaluate(() => {
        const { lastMenu } = globalThis as { lastMenu?: Electron.Menu };
        const of = (menu: Electron.Menu | undefined): string[] =>
          (menu?.items ?? []).flatMap((item) => [item.label, ...of(item.submenu)]).filter((label) => label !== '');
        return of(lastMenu);
      }),
    async startAgain(more) {
      const child = spawn(desktop.executable, [...SWITCHES, ...more], { env: full, stdio: 'ignore' });
      await once(child, 'exit');
    },
    async quit() {
      // The connection breaks as it ends.
      await app.evaluate(({ app: electron }) => electron.quit()).catch(() => undefined);
      await app.close().catch(() => undefined);
      await ended;
    },
    probe,
  };
}
