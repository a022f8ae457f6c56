// SPDX-License-Identifier: Apache-2.0
// The start at login on the fake Electron, as on each system: what is written, and what the system is asked and told.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { electron, folder, shell } from '../../test/fakes/electron-shell.ts';

/** An installed one on another system, as far as the start at login goes. */
function installed(platform: NodeJS.Platform, exe: string, what: () => void): void {
  const { paths, calls } = electron.app;
  const before = { exe: paths['exe'] ?? '', isPackaged: electron.app.isPackaged, platform: process.platform };
  electron.app.isPackaged = true;
  paths['exe'] = exe;
  paths['appData'] = folder;
  Object.defineProperty(process, 'platform', { value: platform });
  calls.length = 0;
  try {
    what();
  } finally {
    electron.app.isPackaged = before.isPackaged;
    paths['exe'] = before.exe;
    Object.defineProperty(process, 'platform', { value: before.platform });
  }
}
const AUTOSTART = join(folder, 'autostart', 'outpost-tray.desktop');

test('on Linux without a package it starts hidden at login, or not, as its own file says', () => {
  installed('linux', '/home/al/outpost/outpost-tray', () => {
    assert.equal(shell.opensAtLogin(), false);
    shell.loginItem(true);
    const exec = /^Exec="\/home\/al\/outpost\/outpost-tray" --hidden --js-flags=--optimize-for-size$/m;
    assert.match(readFileSync(AUTOSTART, 'utf8'), exec);
    assert.equal(shell.opensAtLogin(), true);
    shell.loginItem(false);
    assert.match(readFileSync(AUTOSTART, 'utf8'), /^Hidden=true$/m);
    assert.equal(shell.opensAtLogin(), false);
    writeFileSync(AUTOSTART, '[Desktop Entry]\nX-GNOME-Autostart-enabled=false\n');
    assert.equal(shell.opensAtLogin(), false, 'switched off in the settings of the desktop');
    rmSync(AUTOSTART);
    assert.deepEqual(electron.app.calls, []);
  });
});

test('an AppImage registers its image, not where it is mounted', () => {
  const image = join(folder, 'Outpost.AppImage');
  writeFileSync(image, '');
  const { APPIMAGE, APPDIR } = process.env;
  Object.assign(process.env, { APPIMAGE: image, APPDIR: '/tmp/.mount_x' });
  try {
    installed('linux', '/tmp/.mount_x/outpost-tray', () => {
      shell.loginItem(true);
      assert.ok(readFileSync(AUTOSTART, 'utf8').includes(`Exec="${image}" --hidden`));
      rmSync(AUTOSTART);
    });
  } finally {
    for (const [name, value] of Object.entries({ APPIMAGE, APPDIR })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

test('on macOS the system is asked and told', () => {
  installed('darwin', '/Applications/Outpost.app/Contents/MacOS/Outpost', () => {
    assert.equal(shell.opensAtLogin(), false);
    for (const openAtLogin of [true, false]) shell.loginItem(openAtLogin);
    assert.deepEqual(electron.app.calls, [
      ['setLoginItemSettings', { openAtLogin: true }],
      ['setLoginItemSettings', { openAtLogin: false }],
    ]);
    electron.app.opensAtLogin = true;
    assert.equal(shell.opensAtLogin(), true);
    electron.app.opensAtLogin = false;
  });
});

test('on Windows the entry is the package’s: the system is never told', () => {
  installed('win32', 'C:\\Program Files\\Outpost\\Outpost.exe', () => {
    assert.deepEqual(shell.loginKeeper(), { by: 'package' });
    for (const wanted of [true, false]) shell.loginItem(wanted);
    assert.equal(shell.opensAtLogin(), undefined);
    assert.deepEqual(electron.app.calls, []);
    assert.equal(existsSync(AUTOSTART), false);
  });
});
