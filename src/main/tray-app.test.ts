// SPDX-License-Identifier: Apache-2.0
// The wiring of the tray on the fake Electron, with a supervisor that the test plays: from what is known to icon, notices and window, and
// back.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, before, test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { electron, folder, probe, shell } from '../../test/fakes/electron-shell.ts';
import { createFakeAgent } from '../../test/fakes/fake-agent.ts';
import type { AgentClient } from '../client/agent-client.ts';
import { DEFAULT_PREFERENCES } from '../contract/tray.ts';
import { silentLog } from '../proxy/log.ts';
import { CATALOGUES } from '../strings/catalogue.ts';
import type { LoginKeeper } from './login-item.ts';
import { PREFERENCES_FILE, readPreferences } from './preferences.ts';
import type { Known, Supervisor } from './shapes.ts';
import type { Shell } from './shell-port.ts';
import { followLink, runTrayApp, type TrayApp, viewOfSecondStart, viewOfStart } from './tray-app.ts';

const PAGE = join(folder, 'window');
const HELP = 'https://help.example.com/ai';
const { en: EN, de: DE } = CATALOGUES;
const clock = new FakeClock();
const base = { ...createFakeAgent().state(), support: { url: HELP } };

let known: Known = {
  link: { kind: 'live' },
  state: base,
  warnings: [],
  keeper: 'service',
  otherVersion: undefined,
};
const listeners = new Set<(known: Known) => void>();
const calls: unknown[][] = [];
const called = (name: string) => calls.filter(([what]) => what === name);
let app: TrayApp;

/** Of an installation in which the tray itself is what is registered. */
const registered: boolean[] = [];
let full = false;
let keeper: LoginKeeper = { by: 'tray', program: '/home/al/outpost/outpost-tray' };
const login: Pick<Shell, 'loginKeeper' | 'opensAtLogin' | 'loginItem'> = {
  loginKeeper: () => keeper,
  opensAtLogin: () => registered.at(-1) ?? false,
  loginItem(open) {
    if (full) throw new Error('the disk is full');
    registered.push(open);
  },
};

const client: Partial<AgentClient> = {
  watch(watcher) {
    const tell = ({ link, state }: Known) => {
      watcher.link(link);
      if (state !== undefined) watcher.state(state);
    };
    tell(known);
    listeners.add(tell);
    return () => void listeners.delete(tell);
  },
  retry: () => void calls.push(['retry']),
  usage: () => Promise.reject(new Error('the daemon does not answer')),
  call: async () => undefined,
  async doctor(each) {
    const check = { name: 'ports', status: 'ok', summary: 'fine', duration_ms: 1 } as const;
    each(check);
    return { ok: true, at: 1, checks: [check] };
  },
};
const supervisor: Supervisor = {
  known: () => known,
  listen(listener) {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
  client: client as AgentClient,
  start: () => void calls.push(['start']),
  woke: () => void calls.push(['woke']),
  windowFailed: (reason) => void calls.push(['windowFailed', reason]),
  windowWorks: () => void calls.push(['windowWorks']),
  act: async (action) => {
    calls.push(['act', action]);
    return { ok: true };
  },
  save: async (what, path) => {
    calls.push(['save', what, path]);
    return { kind: 'saved', path };
  },
  quit: async () => void calls.push(['quit']),
};
const tell = (next: Partial<Known>) => {
  known = { ...known, ...next };
  for (const listener of [...listeners]) listener(known);
};
const windows = () => electron.BrowserWindow.getAllWindows();
const tray = () => electron.Tray.all[0];
const labels = () =>
  tray()
    ?.menus.at(-1)
    ?.items.map(({ label }) => label) ?? [];

before(async () => {
  mkdirSync(PAGE);
  writeFileSync(join(PAGE, 'index.html'), '<!doctype html>');
  await shell.ready();
  app = runTrayApp({
    shell: { ...shell, ...login },
    clock,
    log: silentLog,
    version: '0.1.0',
    folder,
    page: PAGE,
    createSupervisor: () => supervisor,
  });
  assert.deepEqual(registered, [true], 'the first start registers it');
  assert.deepEqual(readPreferences(folder), DEFAULT_PREFERENCES, 'and is remembered as such');
});
afterEach(() => {
  for (const window of windows()) window.destroy();
  calls.length = 0;
});

test('a start shows the window, one at login does not, one by a link shows the call', () => {
  assert.equal(viewOfStart(['/opt/outpost/outpost-tray']), '#/');
  assert.equal(viewOfStart(['/opt/outpost/outpost-tray', '--hidden']), undefined);
  assert.equal(viewOfStart(['--hidden', 'outpost://explain/abc']), '#/activity/abc');
  assert.equal(viewOfStart(['--hidden', 'outpost://quit']), undefined);
  assert.equal(viewOfStart(['/Applications/Outpost'], true), undefined, 'at login on a Mac');
  assert.equal(viewOfStart(['outpost://quit']), '#/', 'a first start with a link of others is any start');
  assert.equal(viewOfSecondStart(['/opt/outpost/outpost-tray', 'outpost://quit']), undefined);
  assert.equal(viewOfSecondStart(['outpost://explain/a', 'outpost://explain/b']), undefined);
  assert.equal(viewOfSecondStart(['outpost://explain/abc']), '#/activity/abc');
  assert.equal(viewOfSecondStart(['/opt/outpost/outpost-tray']), '#/');
  assert.equal(viewOfSecondStart(['/opt/outpost/outpost-tray', '--hidden']), undefined);
  followLink(app, 'outpost://open/../../x');
  followLink(app, 'https://example.com/');
  assert.equal(windows().length, 0);
  followLink(app, 'outpost://explain/abc');
  assert.equal(windows()[0]?.webContents.mainFrame.url, 'outpost-app://window/#/activity/abc');
});

test('the window gets link and state once it asks, and nothing after it is closed', async () => {
  app.open('#/');
  const [window] = windows();
  tell({ link: { kind: 'live' } });
  assert.equal(window?.webContents.sent.length, 0);
  await probe.ask('watch', {});
  assert.deepEqual(called('windowWorks').length, 1);
  assert.deepEqual(
    window?.webContents.sent.map(([channel]) => channel),
    ['outpost:link', 'outpost:state'],
  );
  const watching = listeners.size;
  window?.destroy();
  assert.equal(listeners.size, watching - 1);
});

test('the start at login is what the switch shows, also when it could not be changed', async () => {
  app.open('#/');
  const off = { ...DEFAULT_PREFERENCES, open_at_login: false };
  registered.length = 0;
  await probe.ask('prefer', { ...DEFAULT_PREFERENCES, theme: 'dark' });
  assert.deepEqual(registered, []);
  full = true;
  assert.deepEqual(await probe.ask('prefer', off), { ok: false, error: 'failed' });
  assert.equal(readPreferences(folder).open_at_login, true);
  full = false;
  await probe.ask('prefer', off);
  await probe.ask('prefer', DEFAULT_PREFERENCES);
  assert.deepEqual(registered, [false, true]);
});

test('a choice of language and theme is kept, drawn at once, and told to the window', async () => {
  app.open('#/');
  await probe.ask('watch', {});
  const chosen = { ...DEFAULT_PREFERENCES, language: 'de', theme: 'dark' } as const;
  const surroundings = { language: 'de', preferences: chosen };
  assert.deepEqual(await probe.ask('prefer', chosen), { ok: true, value: surroundings });
  assert.deepEqual(windows()[0]?.webContents.sent.at(-1), ['outpost:surroundings', surroundings]);
  assert.equal(electron.nativeTheme.themeSource, 'dark');
  assert.ok(labels().includes(DE.tray.open));
  assert.deepEqual(JSON.parse(readFileSync(join(folder, PREFERENCES_FILE), 'utf8')), chosen);
  await probe.ask('prefer', DEFAULT_PREFERENCES);
  assert.ok(labels().includes(EN.tray.open));
});

test('about says who keeps the daemon, and of the choices only those that can be kept: not the login where nobody starts it', async () => {
  app.open('#/');
  const about = async () => (await probe.ask('about', {})) as { value: { settable: string[]; host?: string } };
  const { value } = await about();
  assert.deepEqual(value.settable, ['language', 'theme', 'notifications', 'open_at_login']);
  const own = keeper;
  keeper = { by: 'nobody' };
  assert.deepEqual((await about()).value.settable, ['language', 'theme', 'notifications']);
  keeper = own;
  assert.equal(value.host, 'service');
  tell({ keeper: 'other' });
  assert.equal((await about()).value.host, undefined);
  tell({ keeper: 'service' });
});

test('a failed page closes the window and is said; one that opens again takes it back', async () => {
  app.open('#/');
  windows()[0]?.webContents.emit('render-process-gone', {}, { reason: 'crashed' });
  assert.deepEqual(called('windowFailed'), [['windowFailed', 'renderer-gone: crashed']]);
  assert.equal(windows().length, 0);
  electron.app.emit('child-process-gone', {}, { type: 'GPU', reason: 'crashed' });
  assert.equal(called('windowFailed').length, 1, 'without a window nobody misses a helper');
  app.open('#/');
  electron.app.emit('child-process-gone', {}, { type: 'GPU', reason: 'crashed' });
  assert.deepEqual(called('windowFailed').at(-1), ['windowFailed', 'GPU: crashed']);
  assert.equal(windows().length, 0);
});

test('waking and unlocking are hints, sleeping is none', () => {
  for (const hint of ['suspend', 'lock-screen', 'resume', 'unlock-screen']) electron.powerMonitor.emit(hint);
  assert.equal(called('woke').length, 2);
});

test('what the window asks for reaches the daemon, the desktop, or neither', async () => {
  app.open('#/');
  assert.deepEqual(await probe.ask('usage', {}), { ok: false, error: 'failed' });
  assert.deepEqual(await probe.ask('call', { id: 'x' }), { ok: true, value: {} });
  await probe.ask('act', { action: 'start' });
  assert.deepEqual(called('act'), [['act', 'start']]);
  await probe.ask('watch', {});
  await probe.ask('doctor', {});
  assert.equal(windows()[0]?.webContents.sent.at(-1)?.[0], 'outpost:check');

  electron.saving.answer = { canceled: true, filePath: '' };
  assert.deepEqual(await probe.ask('save', { what: 'rows' }), { ok: true, value: { kind: 'cancelled' } });
  assert.deepEqual(called('save'), []);
  electron.saving.answer = { canceled: false, filePath: '/tmp/a.zip' };
  await probe.ask('save', { what: 'support-bundle' });
  assert.deepEqual(called('save'), [['save', 'support-bundle', '/tmp/a.zip']]);
  const question = electron.asked.at(-1)?.at(-1) as { readonly defaultPath: string };
  assert.match(question.defaultPath, /^outpost-support-\d{8}-\d{6}\.zip$/);

  await probe.ask('copy', { text: 'outpost doctor' });
  assert.deepEqual(electron.copied, ['outpost doctor']);
});

test('only the help that the policy names is opened outside, from the window as from the menu', async () => {
  app.open('#/');
  electron.opened.length = 0;
  assert.deepEqual(await probe.ask('open', { url: 'https://example.com/' }), {
    ok: true,
    value: { ok: false, reason: EN.tray.failed.address },
  });
  assert.deepEqual(await probe.ask('open', { url: HELP }), { ok: true, value: { ok: true } });
  const help = tray()
    ?.menus.at(-1)
    ?.items.find(({ label }) => label === EN.tray.help);
  help?.click?.();
  await probe.ask('about', {});
  assert.deepEqual(electron.opened, [HELP, HELP]);
  tell({ state: { ...base, support: { url: 'http://help.example.com/' } } });
  assert.deepEqual(await probe.ask('open', { url: HELP }), {
    ok: true,
    value: { ok: false, reason: EN.tray.failed.address },
  });
  tell({ state: base });
});

test('a refusal becomes a notice whose click opens the window there; not while the window shows it', () => {
  const { shown } = electron.Notification;
  const before = shown.length;
  const blocked = (more: number) => ({ ...base.counters, blocked: base.counters.blocked + more });
  tell({ state: base });
  tell({ state: { ...base, counters: blocked(1) } });
  assert.equal(shown.length, before + 1);
  shown.at(-1)?.emit('click');
  assert.match(windows()[0]?.webContents.mainFrame.url ?? '', /#\/activity\//);
  tell({ state: { ...base, counters: blocked(2) } });
  assert.equal(shown.length, before + 1);
  clock.advance(60_000);
  const [window] = windows();
  if (window !== undefined) window.minimized = true;
  tell({ state: { ...base, counters: blocked(3) } });
  assert.equal(shown.length, before + 2, 'a minimised window shows nothing');
});

test('asks that hang do not make the next window busy', async () => {
  app.open('#/');
  const { usage } = client;
  client.usage = () => new Promise(() => undefined);
  const hung = Array.from({ length: 16 }, () => probe.ask('usage', {}));
  for (const window of windows()) window.destroy();
  await Promise.all(hung);
  client.usage = usage ?? client.usage;
  app.open('#/');
  assert.deepEqual(await probe.ask('call', { id: 'x' }), { ok: true, value: {} });
});

test('quitting closes the window, and the supervisor ends before the process does', async () => {
  app.open('#/');
  const quit = tray()
    ?.menus.at(-1)
    ?.items.find(({ label }) => label === EN.tray.quit.goesOn);
  const ended = once(electron.app, 'fake-exit');
  quit?.click?.();
  await ended;
  assert.equal(windows().length, 0);
  assert.equal(called('quit').length, 1);
});
