// SPDX-License-Identifier: Apache-2.0
// Menus in Electron's form, names of icons that exist, and the autostart file.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { autostartEntry, writeAutostart } from './shell-autostart.ts';
import { iconFile, menuItems } from './shell-menu.ts';

test('an ampersand stays one where it would mark a letter', () => {
  const line = { kind: 'text', label: 'Smith & Sons' } as const;
  assert.equal(menuItems([line], 'linux', () => undefined)[0]?.label, 'Smith && Sons');
  assert.equal(menuItems([line], 'win32', () => undefined)[0]?.label, 'Smith && Sons');
  assert.equal(menuItems([line], 'darwin', () => undefined)[0]?.label, 'Smith & Sons');
});

test('each shape has its file on each system', () => {
  const tray = fileURLToPath(new URL('../../build/icons/tray/', import.meta.url));
  for (const platform of ['darwin', 'win32', 'linux'] as const) {
    for (const shape of ['ok', 'attention', 'blocked', 'syncing'] as const) {
      assert.ok(existsSync(join(tray, iconFile(platform, shape))), `${platform} ${shape}`);
    }
  }
});

test('the autostart file starts it hidden, or hides the one of the package; a path cannot break out of its quotes', () => {
  assert.match(autostartEntry('/opt/Outpost/outpost-tray', true), /^Exec="\/opt\/Outpost\/outpost-tray" --hidden /m);
  assert.match(autostartEntry('/a b/"$(x)`%s\\', true), /^Exec="\/a b\/\\"\\\$\(x\)\\`%%s\\\\" --hidden /m);
  assert.doesNotMatch(autostartEntry('/x', true), /Hidden=true/);
  assert.match(autostartEntry('/x', false), /^Hidden=true$/m);
  const folder = mkdtempSync(join(tmpdir(), 'outpost-autostart-'));
  try {
    writeAutostart(folder, '/x', false);
    assert.equal(readFileSync(join(folder, 'autostart', 'outpost-tray.desktop'), 'utf8'), autostartEntry('/x', false));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
