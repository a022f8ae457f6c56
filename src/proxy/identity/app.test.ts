// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appOf, nameOf, nameOfScript, type ProcessInfo } from './app.ts';

function p(pid: number, parent: number, exe: string | undefined, more: Partial<ProcessInfo> = {}): ProcessInfo {
  return { pid, parent, uid: 1000, comm: 'comm', exe, script: undefined, helper: false, started: '1', ...more };
}

/** The app of the first process, among the others. */
function app(...all: readonly [ProcessInfo, ...ProcessInfo[]]): string {
  return appOf(all[0], (pid) => all.find((each) => each.pid === pid));
}

const shell = p(2, 1, '/usr/bin/bash');

test('a browser’s network service is the browser', () => {
  const chrome = '/opt/google/chrome/chrome';
  assert.equal(app(p(4, 3, chrome, { helper: true }), p(3, 2, chrome), shell), 'chrome');
});

test('a helper inside the app’s own folder is the app', () => {
  assert.equal(
    app(p(5, 4, '/opt/Slack/resources/bin/helper'), p(4, 3, '/opt/Slack/slack'), p(3, 2, '/usr/bin/gnome-shell')),
    'slack',
  );
});

test('an extension of an editor speaks for the editor', () => {
  const server = p(9, 8, '/home/u/.vscode/extensions/x.y-1.0/bin/server');
  assert.equal(
    app(server, p(8, 7, '/usr/share/code/code', { helper: true }), p(7, 2, '/usr/share/code/code'), shell),
    'code',
  );
});

test('what a shell, a script or an unrelated program started is its own app', () => {
  assert.equal(app(p(3, 2, '/usr/bin/curl'), shell), 'curl');
  assert.equal(app(p(4, 3, '/usr/bin/curl'), p(3, 2, '/usr/bin/node', { script: '/opt/x/tool.js' }), shell), 'curl');
  // Neighbours in a folder that everyone shares.
  assert.equal(app(p(4, 3, '/usr/bin/curl'), p(3, 2, '/usr/bin/git'), shell), 'curl');
  assert.equal(app(p(4, 3, '/home/u/.local/bin/a'), p(3, 2, '/home/u/.local/bin/b'), shell), 'a');
});

test('two programs of one interpreter are two apps', () => {
  const outer = p(3, 2, '/usr/bin/node', { script: '/opt/outer/outer.js' });
  assert.equal(app(p(4, 3, '/usr/bin/node', { script: '/opt/inner/inner.js' }), outer, shell), 'inner');
});

test('a process of another user is never taken for the app', () => {
  assert.equal(app(p(4, 3, '/opt/app/helper'), p(3, 2, '/opt/app/app', { uid: 0 })), 'helper');
});

test('a script has the name of its package, its file, or the folder above a file of no meaning', () => {
  assert.equal(nameOfScript('/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js'), 'claude-code');
  assert.equal(nameOfScript('/x/node_modules/a/node_modules/aider/dist/index.js'), 'aider');
  assert.equal(nameOfScript('/home/u/bot.py'), 'bot');
  assert.equal(nameOfScript('/home/u/assistant/src/main.py'), 'assistant');
  assert.equal(nameOfScript('C:\\tools\\helper\\index.js'), 'helper');
  assert.equal(nameOfScript('aider'), 'aider');
  assert.equal(nameOfScript('/main.py'), 'main.py');
  assert.equal(app(p(3, 2, '/usr/bin/python3.13', { script: '/home/u/bot.py' }), shell), 'bot');
  assert.equal(app(p(3, 2, '/usr/bin/python3.13'), shell), 'python3.13');
});

test('a macOS bundle has the name of the app', () => {
  const helper = '/Applications/Claude.app/Contents/Frameworks/Claude Helper.app/Contents/MacOS/Claude Helper';
  assert.equal(
    app(p(4, 3, helper, { helper: true }), p(3, 1, '/Applications/Claude.app/Contents/MacOS/Claude')),
    'Claude',
  );
});

test('names come from the executable, which a process cannot choose, and have an end', () => {
  assert.equal(nameOf(p(1, 0, '/usr/bin/evil', { comm: 'chrome' })), 'evil');
  assert.equal(nameOf(p(1, 0, undefined, { comm: 'kernel' })), 'kernel');
  assert.equal(nameOf(p(1, 0, `/x/${'y'.repeat(200)}`)).length, 64);
  assert.equal(app(p(3, 2, '/usr/bin/node', { script: `/x/${'y'.repeat(200)}.js` })).length, 64);
});

test('a ring of parents ends', () => {
  assert.equal(app(p(3, 4, '/opt/a/x'), p(4, 3, '/opt/a/x')), 'x');
});
