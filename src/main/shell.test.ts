// SPDX-License-Identifier: Apache-2.0
// The shell on the fake Electron: every setting that keeps the window shut, and each turn from Electron's things into plain ones. The
// same contract runs against a real Electron in test/electron.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, before, test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import {
  assertAsksAreJudged,
  assertNoNetwork,
  assertServesItselfOnly,
  assertShut,
} from '../../test/fakes/electron-contract.ts';
import { createShell, electron, folder, probe, shell } from '../../test/fakes/electron-shell.ts';
import { silentLog } from '../proxy/log.ts';
import { type Handlers, serveRequests } from './ipc.ts';
import { createSchemeAnswers } from './scheme.ts';
import type { Command, TrayView } from './shapes.ts';
import type { ShellWindow, WindowOptions } from './shell-port.ts';

const PAGE = join(folder, 'window');
const answered: string[] = [];
let window: ShellWindow | undefined;

const open = (options: Partial<WindowOptions> = {}): ShellWindow => {
  window = shell.openWindow({
    address: 'outpost-app://window/#/',
    size: { width: 960, height: 720 },
    failed: () => undefined,
    closed: () => undefined,
    ...options,
  });
  return window;
};

before(async () => {
  mkdirSync(PAGE);
  writeFileSync(join(PAGE, 'index.html'), '<!doctype html>');
  writeFileSync(join(PAGE, 'page-AAAAAAAA.js'), '1');
  writeFileSync(join(PAGE, 'page-AAAAAAAA.js.map'), '{}');
  await shell.ready();
  shell.serve(createSchemeAnswers(PAGE));
  const handlers = new Proxy({} as Handlers, {
    get: (_target, name: string) => async () => {
      answered.push(name);
      return {};
    },
  });
  serveRequests({ shell, clock: new FakeClock(), handlers, log: silentLog });
});
afterEach(() => {
  window?.destroy();
  window = undefined;
});

test('the window is shut: sandboxed, in memory, no way out, no permission', async () => {
  open();
  await assertShut(probe);
  const { webPreferences } = electron.BrowserWindow.getAllWindows()[0]?.options ?? {};
  assert.equal(webPreferences?.['preload'], join(folder, 'preload.cjs'));
  assert.equal(webPreferences?.['spellcheck'], false);
  assert.equal(webPreferences?.['nodeIntegrationInWorker'], false);
  assert.equal(webPreferences?.['devTools'], true);
});

test('a packaged app has no developer tools', () => {
  electron.app.isPackaged = true;
  try {
    open();
    assert.equal(electron.BrowserWindow.getAllWindows()[0]?.options.webPreferences['devTools'], false);
  } finally {
    electron.app.isPackaged = false;
  }
});

test('the scheme serves the page by exact names, with its headers, and nothing else', async () => {
  open();
  await assertServesItselfOnly(probe);
  assert.equal((await probe.request('outpost-app://window/assets/page-AAAAAAAA.js'))?.status, 200);
  assert.equal((await probe.request('outpost-app://window/assets/page-AAAAAAAA.js.map'))?.status, 404);
});

test('no request of any session leaves the machine, nor reaches it', async () => {
  let came = 0;
  const server = createServer((_request, response) => {
    came++;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    open();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await assertNoNetwork(probe, url, () => came);
  } finally {
    server.close();
  }
  let cancelled = false;
  electron.session.defaultSession.beforeRequest?.({ url: 'https://example.com/' }, (({
    cancel,
  }: {
    cancel: boolean;
  }) => {
    cancelled = cancel;
  }) as never);
  assert.ok(cancelled, 'the default session is guarded as well');
  assert.equal(electron.app.switches.get('host-resolver-rules'), 'MAP * ~NOTFOUND');
  assert.ok(electron.app.switches.has('no-proxy-server'));
});

test('devices, downloads, webviews and certificates are refused; a page cannot hold its window open', () => {
  open();
  const contents = electron.BrowserWindow.getAllWindows()[0]?.webContents;
  assert.equal(contents?.session.devicePermission?.(), false);
  assert.equal(contents?.session.spellChecker, false);
  for (const [emitter, name] of [
    [contents?.session, 'will-download'],
    [contents, 'will-attach-webview'],
    [contents, 'will-prevent-unload'],
  ] as const) {
    const event = electron.fakeEvent({});
    emitter?.emit(name, event);
    assert.ok(event.defaultPrevented, name);
  }
  let verdict: number | undefined;
  contents?.session.verifyCertificate?.({}, ((result: number) => {
    verdict = result;
  }) as never);
  assert.equal(verdict, -2);
  let trusted: boolean | undefined;
  electron.app.emit('certificate-error', electron.fakeEvent({}), contents, '', '', {}, (answer: boolean) => {
    trusted = answer;
  });
  assert.equal(trusted, false);
});

test('what the window asks is judged by form and by sender before anybody answers', async () => {
  open();
  answered.length = 0;
  await assertAsksAreJudged(probe);
  assert.deepEqual(answered, []);
  assert.deepEqual(await probe.ask('about', {}), { ok: true, value: {} });

  const mine = electron.BrowserWindow.getAllWindows()[0]?.webContents;
  const about = electron.channels.get('outpost:about');
  const refused = { ok: false, error: 'refused' };
  const frame = { url: 'outpost-app://window/' };
  assert.deepEqual(await about?.({ sender: mine, senderFrame: frame }, {}), refused, 'another frame of the window');
  assert.deepEqual(await about?.({ sender: {}, senderFrame: mine?.mainFrame }, {}), refused, 'another window');
  assert.deepEqual(await about?.({ sender: mine, senderFrame: null }, {}), refused, 'a frame that is gone');
  if (mine !== undefined) mine.mainFrame.url = 'https://example.com/';
  assert.deepEqual(await probe.ask('about', {}), refused, 'another page');
  if (mine !== undefined) mine.mainFrame.url = 'outpost-app://windows/';
  assert.deepEqual(await probe.ask('about', {}), refused, 'another host of the scheme');
});

test('Chromium is set up before it starts: a folder of its own, sandbox for all, a small cache', () => {
  const { app, privileged } = electron;
  assert.equal(app.getPath('userData'), join(folder, 'chromium'));
  assert.equal(app.getPath('sessionData'), join(folder, 'chromium'));
  assert.equal(statSync(join(folder, 'chromium')).mode & 0o777, 0o700);
  assert.ok(app.calls.some(([name]) => name === 'enableSandbox'));
  assert.equal(app.switches.get('disk-cache-size'), '1048576');
  assert.deepEqual(privileged, [{ scheme: 'outpost-app', privileges: { standard: true, secure: true } }]);
});

test('a window shows when it is drawn, tells its last size, and every way it can fail', () => {
  const told: unknown[] = [];
  open({ failed: (...what) => told.push(what), closed: (size) => told.push(size) });
  const [made] = electron.BrowserWindow.getAllWindows();
  assert.ok(made?.visible);
  assert.equal(made.menuBar, false);
  assert.equal(made.options['minWidth'], 380);
  assert.equal(made.options['minHeight'], 480);
  made.webContents.emit('render-process-gone', {}, { reason: 'oom' });
  made.webContents.emit('render-process-gone', {}, { reason: 'clean-exit' });
  made.webContents.emit('did-fail-load', {}, -2, 'FAILED', 'outpost-app://window/', true);
  made.webContents.emit('did-fail-load', {}, -2, 'FAILED', 'about:blank', false);
  made.emit('unresponsive');
  made.resizeTo(1000, 800);
  made.destroy();
  assert.deepEqual(told, [
    ['renderer-gone', 'oom'],
    ['load-failed', 'error -2'],
    ['unresponsive', 'unresponsive'],
    { width: 1000, height: 800 },
  ]);
});

test('the tray draws what changed, and its lines do what they say', () => {
  const chosen: Command[] = [];
  let clicks = 0;
  const icon = shell.tray({ choose: (command) => chosen.push(command), click: () => clicks++ });
  const view: TrayView = {
    icon: 'ok',
    tooltip: 'All is well',
    menu: [
      { kind: 'text', label: 'Smith & Sons' },
      { kind: 'separator' },
      { kind: 'submenu', label: 'More', lines: [{ kind: 'command', label: 'Quit', command: { do: 'quit' } }] },
    ],
  };
  icon.show(view);
  icon.show({ ...view, menu: [...view.menu] });
  const [tray] = electron.Tray.all;
  assert.equal(tray?.menus.length, 1, 'an equal menu is not set again');
  assert.equal(tray.toolTip, 'All is well');
  const items = tray.menus[0]?.items;
  assert.equal(items?.[0]?.label, process.platform === 'darwin' ? 'Smith & Sons' : 'Smith && Sons');
  assert.equal(items?.[0]?.enabled, false);
  items?.[2]?.submenu?.[0]?.click?.();
  assert.deepEqual(chosen, [{ do: 'quit' }]);
  icon.show({ ...view, icon: 'blocked' });
  assert.match(tray.image.path, /blocked/);
  tray.emit('click');
  assert.equal(clicks, process.platform === 'darwin' ? 0 : 1);
});

test('a newer notice takes the place of the one with its id, and a click does what it says', () => {
  const chosen: Command[] = [];
  const notice = { id: 'a', title: 'One', body: 'text', command: { do: 'open', hash: '#/' } } as const;
  shell.notify(notice, (command) => chosen.push(command));
  shell.notify({ ...notice, title: 'Two' }, (command) => chosen.push(command));
  const [one, two] = electron.Notification.shown;
  assert.equal(one?.closed, true);
  assert.equal(two?.closed, false);
  two?.emit('click');
  assert.deepEqual(chosen, [{ do: 'open', hash: '#/' }]);
});

/** The platform is asked for each time; only what starts once (createShell) has to be made anew. */
function asOn(platform: NodeJS.Platform, what: () => void): void {
  const real = process.platform;
  Object.defineProperty(process, 'platform', { value: platform });
  try {
    what();
  } finally {
    Object.defineProperty(process, 'platform', { value: real });
  }
}

test('marks in a notice are text on Linux, where its body is markup, and as they are elsewhere', () => {
  const notice = {
    id: 'm',
    title: 'A & B',
    body: '<b>R&D</b> <img src="http://x/">',
    command: { do: 'quit' },
  } as const;
  const bodyOn = (platform: NodeJS.Platform) => {
    asOn(platform, () => shell.notify(notice, () => undefined));
    return electron.Notification.shown.at(-1)?.options;
  };
  const escaped = '&lt;b&gt;R&amp;D&lt;/b&gt; &lt;img src="http://x/"&gt;';
  assert.deepEqual(bodyOn('linux'), { title: 'A & B', body: escaped });
  assert.deepEqual(bodyOn('darwin'), { title: 'A & B', body: notice.body });
});

test('a minimised window is not shown, and comes back when it is asked for', () => {
  const one = open();
  const [made] = electron.BrowserWindow.getAllWindows();
  assert.equal(one.isShown(), true);
  if (made !== undefined) made.minimized = true;
  assert.equal(one.isShown(), false);
  one.focus();
  assert.equal(one.isShown(), true);
  one.destroy();
  assert.equal(one.isShown(), false);
});

test('a start at login is told by the system on a Mac only', () => {
  electron.app.openedAtLogin = true;
  asOn('darwin', () => assert.equal(shell.openedAtLogin(), true));
  asOn('linux', () => assert.equal(shell.openedAtLogin(), false));
  electron.app.openedAtLogin = false;
  asOn('darwin', () => assert.equal(shell.openedAtLogin(), false));
});

test('an unexpected end of a helper is told, a clean one is not', () => {
  const told: string[] = [];
  shell.onHelperGone((reason) => told.push(reason));
  electron.app.emit('child-process-gone', {}, { type: 'Utility', reason: 'clean-exit' });
  electron.app.emit('child-process-gone', {}, { type: 'GPU', reason: 'crashed' });
  assert.deepEqual(told, ['GPU: crashed']);
});

test('a second start hands over its arguments; links and power come as plain values', () => {
  const seen: unknown[] = [];
  assert.equal(
    shell.single((args) => seen.push(args)),
    true,
  );
  electron.app.emit('second-instance', {}, ['outpost-tray', 'outpost://explain/1']);
  shell.onLink((address) => seen.push(address));
  electron.app.emit('open-url', electron.fakeEvent({}), 'outpost://explain/2');
  shell.onPower((hint) => seen.push(hint));
  electron.powerMonitor.emit('resume');
  electron.powerMonitor.emit('unlock-screen');
  assert.deepEqual(seen, [['outpost-tray', 'outpost://explain/1'], 'outpost://explain/2', 'resume', 'unlock']);
});

test('where to save: a path, or nothing when it was cancelled', async () => {
  electron.saving.answer = { canceled: true, filePath: '' };
  assert.equal(await shell.askWhereToSave({ name: 'rows.jsonl', extension: 'jsonl' }), undefined);
  electron.saving.answer = { canceled: false, filePath: '/home/someone/rows.jsonl' };
  assert.equal(await shell.askWhereToSave({ name: 'rows.jsonl', extension: 'jsonl' }), '/home/someone/rows.jsonl');
});

test('a start from a checkout changes neither the login nor who takes links', () => {
  electron.app.calls.length = 0;
  electron.app.paths['appData'] = join(folder, 'untouched');
  shell.loginItem(true);
  assert.deepEqual(electron.app.calls, []);
  assert.equal(existsSync(join(folder, 'untouched')), false);
  assert.equal(shell.packaged, false);
});

test('the end waits for its work, and comes even if that fails', async () => {
  let finish: () => void = () => undefined;
  let times = 0;
  shell.onQuit(() => {
    times++;
    return new Promise((_resolve, reject) => {
      finish = () => reject(new Error('no'));
    });
  });
  shell.quit();
  shell.quit();
  assert.ok(!electron.app.calls.some(([name]) => name === 'exit'));
  finish();
  await once(electron.app, 'fake-exit');
  assert.equal(times, 1);
  assert.equal(electron.app.calls.filter(([name]) => name === 'exit').length, 1);
});

test('Windows is told whose notices these are', () => {
  electron.app.calls.length = 0;
  asOn('win32', () => void createShell({ folder: join(folder, 'second'), icons: folder, preload: folder }));
  assert.deepEqual(
    electron.app.calls.filter(([name]) => name === 'setAppUserModelId'),
    [['setAppUserModelId', 'org.outpost.agent']],
  );
});
