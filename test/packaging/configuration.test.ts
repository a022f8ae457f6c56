// SPDX-License-Identifier: Apache-2.0
// electron-builder.yml against the schema of the pinned electron-builder, and the settings that a package must not lose.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { parse } from 'yaml';
import { textOf } from './kit.ts';

interface Target {
  readonly target: string;
  readonly arch: readonly string[];
}

interface Configuration {
  readonly appId: string;
  readonly publish: null;
  readonly npmRebuild: boolean;
  readonly files: readonly string[];
  readonly electronFuses: Readonly<Record<string, boolean>>;
  readonly extraMetadata: Readonly<Record<string, unknown>>;
  readonly mac: { readonly target: readonly Target[]; readonly hardenedRuntime: boolean; readonly notarize: boolean };
  readonly win: { readonly target: readonly Target[] };
  readonly linux: { readonly target: readonly Target[]; readonly syncDesktopName: boolean };
  readonly nsis: Readonly<Record<string, unknown>>;
  readonly pkg: Readonly<Record<string, unknown>>;
  readonly msi: Readonly<Record<string, unknown>>;
}

type Validate = (config: unknown, debug: { readonly isEnabled: boolean }) => Promise<void>;

/** An internal module: the exact version is pinned, and this is the one place that knows of it. */
const { validateConfiguration } = createRequire(import.meta.url)('app-builder-lib/out/util/config/config.js') as {
  readonly validateConfiguration: Validate;
};
const valid = (config: unknown) => validateConfiguration(config, { isEnabled: false });
const written = (): Configuration => parse(textOf('electron-builder.yml')) as Configuration;

test('electron-builder accepts its configuration', () => valid(written()));

test('a misspelt key is refused, at the top and in a target', async () => {
  await assert.rejects(valid({ ...written(), electronFusess: {} }), /electronFusess/);
  await assert.rejects(valid({ ...written(), nsis: { ...written().nsis, perMachin: true } }), /configuration\.nsis/);
});

test('every system has its packages for both processors', () => {
  const { mac, win, linux } = written();
  const named = (targets: readonly Target[]) => targets.map(({ target, arch }) => [target, ...arch].join(' '));
  assert.deepEqual(named(mac.target), ['pkg x64 arm64', 'dmg x64 arm64', 'zip x64 arm64']);
  assert.deepEqual(named(win.target), ['nsis x64 arm64', 'msi x64 arm64']);
  assert.deepEqual(named(linux.target), ['deb x64 arm64', 'rpm x64 arm64', 'tar.gz x64 arm64', 'AppImage x64 arm64']);
});

test('nothing updates itself, rebuilds or brings node_modules along', () => {
  const { publish, npmRebuild, files } = written();
  assert.equal(publish, null);
  assert.equal(npmRebuild, false);
  assert.ok(files.includes('!node_modules/**'));
});

test('installers are for the whole machine and start nothing by themselves', () => {
  const { nsis, msi, pkg, mac } = written();
  assert.equal(nsis['perMachine'], true);
  assert.equal(nsis['runAfterFinish'], false);
  assert.equal(nsis['deleteAppDataOnUninstall'], false);
  assert.equal(nsis['warningsAsErrors'], true);
  assert.match(String(nsis['guid']), /^[0-9a-f-]{36}$/);
  assert.equal(msi['perMachine'], true);
  assert.match(String(msi['upgradeCode']), /^[0-9A-F-]{36}$/);
  for (const key of ['allowAnywhere', 'allowCurrentUserHome', 'isRelocatable']) assert.equal(pkg[key], false, key);
  assert.equal(mac.hardenedRuntime, true);
  assert.equal(mac.notarize, true);
});

test('a window belongs to the desktop entry of its package', () => {
  const { linux, extraMetadata } = written();
  assert.equal(linux.syncDesktopName, true);
  assert.equal(extraMetadata['desktopName'], 'outpost-tray.desktop');
});
