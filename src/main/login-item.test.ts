// SPDX-License-Identifier: Apache-2.0
// Who starts the tray at login, per system and kind of package, and what follows for the switch.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_PREFERENCES } from '../contract/tray.ts';
import { endsAtOnce, type LoginKeeper, loginAtStart, loginKeeperOf, loginOnChange } from './login-item.ts';

const OPT = '/opt/Outpost/outpost-tray';
const ENTRY = '/etc/xdg/autostart/outpost-tray.desktop';
const IMAGE = '/home/al/Outpost.AppImage';
const MOUNT = '/tmp/.mount_Outpo1';
const NOBODY: LoginKeeper = { by: 'nobody' };
const PACKAGE: LoginKeeper = { by: 'package' };
const tray = (program: string): LoginKeeper => ({ by: 'tray', program });

test('who starts the tray at login, per system and package', async (t) => {
  const image = { APPIMAGE: IMAGE, APPDIR: MOUNT };
  const mac = '/Applications/Outpost.app/Contents/MacOS/Outpost';
  const table: readonly (readonly [
    string,
    NodeJS.Platform,
    string,
    NodeJS.ProcessEnv,
    readonly string[],
    LoginKeeper,
  ])[] = [
    ['msi and nsis', 'win32', 'C:\\Program Files\\Outpost\\Outpost.exe', {}, [], PACKAGE],
    ['pkg, dmg, zip', 'darwin', mac, {}, [], tray(mac)],
    ['a mounted dmg', 'darwin', '/Volumes/Outpost/Outpost.app/Contents/MacOS/Outpost', {}, [], NOBODY],
    [
      'a translocated app',
      'darwin',
      '/private/var/folders/x/AppTranslocation/y/d/Outpost.app/Contents/MacOS/Outpost',
      {},
      [],
      NOBODY,
    ],
    ['deb and rpm', 'linux', OPT, {}, [ENTRY], PACKAGE],
    ['deb started from an AppImage', 'linux', OPT, image, [ENTRY, IMAGE], PACKAGE],
    ['deb whose entry was taken away', 'linux', OPT, {}, [], tray(OPT)],
    ['tar.gz', 'linux', '/home/al/outpost/outpost-tray', {}, [], tray('/home/al/outpost/outpost-tray')],
    [
      'tar.gz beside a deb',
      'linux',
      '/home/al/outpost/outpost-tray',
      {},
      [ENTRY],
      tray('/home/al/outpost/outpost-tray'),
    ],
    [
      'tar.gz started from an AppImage',
      'linux',
      '/home/al/o/outpost-tray',
      image,
      [IMAGE],
      tray('/home/al/o/outpost-tray'),
    ],
    ['AppImage', 'linux', `${MOUNT}/outpost-tray`, image, [IMAGE], tray(IMAGE)],
    ['AppImage that is gone', 'linux', `${MOUNT}/outpost-tray`, image, [], NOBODY],
    ['AppImage by a relative path', 'linux', `${MOUNT}/outpost-tray`, { ...image, APPIMAGE: 'x' }, ['x'], NOBODY],
    ['AppImage without its path', 'linux', `${MOUNT}/outpost-tray`, { APPDIR: MOUNT }, [], NOBODY],
    ['a system without packages', 'freebsd', '/opt/x', {}, [], NOBODY],
  ];
  for (const [name, platform, exe, env, files, expected] of table) {
    const parts = { platform, exe, env, isFile: (path: string) => files.includes(path) };
    await t.test(name, () => {
      assert.deepEqual(loginKeeperOf({ ...parts, packaged: true }), expected);
      assert.deepEqual(loginKeeperOf({ ...parts, packaged: false }), NOBODY, 'in a checkout');
    });
  }
});

const on = DEFAULT_PREFERENCES;
const off = { ...DEFAULT_PREFERENCES, open_at_login: false };
const own = tray('/x');

test('the tray registers itself at its first start, and then shows what the system says', () => {
  assert.deepEqual(loginAtStart(own, on, { first: true, registered: false }), { open: true, register: true });
  assert.deepEqual(loginAtStart(own, on, { first: false, registered: true }), { open: true, register: true });
  assert.deepEqual(loginAtStart(own, on, { first: false, registered: false }), { open: false });
  assert.deepEqual(loginAtStart(own, off, { first: false, registered: true }), { open: true, register: true });
  assert.deepEqual(loginAtStart(own, off, { first: false, registered: undefined }), { open: false });
  for (const keeper of [PACKAGE, NOBODY]) {
    assert.deepEqual(loginAtStart(keeper, on, { first: true, registered: false }), { open: true });
    assert.deepEqual(loginAtStart(keeper, off, { first: false, registered: true }), { open: false });
  }
});

test('the system is told of a change only where the tray is what is registered', () => {
  assert.equal(loginOnChange(own, on, off), false);
  assert.equal(loginOnChange(own, off, on), true);
  assert.equal(loginOnChange(own, on, { ...on, theme: 'dark' }), undefined);
  assert.equal(loginOnChange(PACKAGE, on, off), undefined);
  assert.equal(loginOnChange(NOBODY, on, off), undefined);
});

test('a start by the package’s entry ends at once where the person does not want it', () => {
  assert.equal(endsAtOnce(PACKAGE, off, false), true);
  assert.equal(endsAtOnce(PACKAGE, off, true), false, 'somebody opened it');
  assert.equal(endsAtOnce(PACKAGE, on, false), false);
  assert.equal(endsAtOnce(own, off, false), false, 'then somebody else asked for it');
});
