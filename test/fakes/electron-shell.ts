// SPDX-License-Identifier: Apache-2.0
// src/main/shell.ts on the fake Electron: whoever imports `electron` gets the fake from here on.

import { mkdtempSync, rmSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Shell } from '../../src/main/shell-port.ts';
import type { WindowProbe } from './electron-contract.ts';

const FAKE = new URL('electron.ts', import.meta.url).href;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url: FAKE, shortCircuit: true } : next(specifier, context),
});

export const electron = await import('./electron.ts');
export const { createShell } = await import('../../src/main/shell.ts');

/** Chromium's own folder of this process. */
export const folder = mkdtempSync(join(tmpdir(), 'outpost-shell-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** There is one, as there is one app in a process. */
export const shell: Shell = createShell({
  folder: join(folder, 'chromium'),
  icons: join(folder, 'icons'),
  preload: join(folder, 'preload.cjs'),
});

const latest = () => {
  const window = electron.BrowserWindow.getAllWindows().at(-1);
  if (window === undefined) throw new Error('no window is open');
  return window;
};

/** What a page would do, played. */
export const probe: WindowProbe = {
  webPreferences: async () => latest().options.webPreferences,
  storagePath: async () => latest().webContents.session.storagePath,
  async navigate(url) {
    const { webContents } = latest();
    const events = ['will-navigate', 'will-frame-navigate', 'will-redirect'].map((name) => {
      const event = electron.fakeEvent({ url });
      webContents.emit(name, event);
      return event;
    });
    return events.every(({ defaultPrevented }) => defaultPrevented) ? webContents.getURL() : url;
  },
  async openWindow(url) {
    const action = latest().webContents.openHandler?.({ url }).action ?? 'allow';
    return electron.BrowserWindow.getAllWindows().length + (action === 'deny' ? 0 : 1);
  },
  async permission(name) {
    const { session } = latest().webContents;
    let asked = true;
    session.permissionRequest?.({}, name, ((answer: boolean) => {
      asked = answer;
    }) as never);
    return { asked, looked: session.permissionCheck?.() ?? true };
  },
  async request(url) {
    const { session } = latest().webContents;
    let cancelled = false;
    session.beforeRequest?.({ url }, (({ cancel }: { cancel: boolean }) => {
      cancelled = cancel;
    }) as never);
    if (cancelled) return undefined;
    const { protocol, href } = new URL(url);
    const handler = session.handlers.get(protocol.slice(0, -1));
    // Not one of ours: the network.
    if (handler === undefined) return await fetch(url);
    return await handler({ method: 'GET', url: href });
  },
  async ask(name, value) {
    const { webContents } = latest();
    const event = { sender: webContents, senderFrame: webContents.mainFrame };
    return await electron.channels.get(`outpost:${name}`)?.(event, value);
  },
};
