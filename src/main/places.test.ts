// SPDX-License-Identifier: Apache-2.0
// Where the tray looks, in a package and in a checkout.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { placesOf } from './places.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-places-'));
after(() => rmSync(folder, { recursive: true }));
const bundle = join(folder, 'dist', 'main');

test('in a checkout the daemon runs from the sources, with the options that development asks for', () => {
  const env = { OUTPOST_DATA_DIR: '/data', OUTPOST_RUN_ARGS: '--api-port 0  --proxy-port 0' };
  const places = placesOf({ platform: 'linux', env, home: '/home/someone', resources: folder, bundle });
  assert.equal(places.outpost[1], join(folder, 'src', 'proxy', 'outpost.mjs'));
  assert.equal(places.icons, join(folder, 'build', 'icons', 'tray'));
  assert.equal(places.page, join(folder, 'dist', 'window'));
  assert.deepEqual(places.dataArgs, ['--data-dir', '/data']);
  assert.deepEqual(places.runArgs, ['--api-port', '0', '--proxy-port', '0']);
  assert.equal(places.trayDir, '/data-tray');
  assert.equal(places.ofService, false, 'the service would run on another folder');
});

test('in a package the daemon is the executable beside it, and the environment adds no options', () => {
  mkdirSync(join(folder, 'daemon'));
  writeFileSync(join(folder, 'daemon', 'outpost'), '');
  const env = { OUTPOST_RUN_ARGS: '--config /tmp/evil.yaml' };
  const places = placesOf({ platform: 'linux', env, home: '/home/someone', resources: folder, bundle });
  assert.deepEqual(places.outpost, [join(folder, 'daemon', 'outpost')]);
  assert.equal(places.icons, join(folder, 'icons'));
  assert.deepEqual(places.runArgs, []);
  assert.deepEqual(places.dataArgs, []);
  assert.equal(places.dataDir, '/home/someone/.local/state/outpost');
  assert.equal(places.ofService, true);
  const named = { OUTPOST_DATA_DIR: places.dataDir };
  assert.equal(
    placesOf({ platform: 'linux', env: named, home: '/home/someone', resources: folder, bundle }).ofService,
    true,
  );
});
