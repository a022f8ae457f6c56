// SPDX-License-Identifier: Apache-2.0
// What is packed for the three systems, from stand-ins for Electron: contents, fuses, integrity, what the systems are told. Nothing of it
// is started, signed or put into an installer here; docs/release-checklist.md says who does that.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createPackage, extractAll, getRawHeader } from '@electron/asar';
import { FuseState, FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { Arch } from 'electron-builder';
import { parse as parsePlist } from 'plist';
import afterPack, { asarFiles } from '../../build/after-pack.mjs';
import { daemonFile, type PackedPlatform, requiredResources } from '../../build/resources.mjs';
import { executable, programFacts } from '../../build/stand-ins/electron.mjs';
import { withRealTray } from '../../build/stand-ins/project.mjs';
import { filesBelow, projectIn, scratch, textOf } from './kit.ts';

const place = scratch('packages');
after(place.remove);

/** The real tray's; the hashes in its names are looked at in the tests of the page. */
const ASAR = [
  'dist/main/main.cjs',
  'dist/main/preload.cjs',
  'dist/window/index.html',
  'dist/window/page-HASH.js',
  'dist/window/style-HASH.css',
  'package.json',
];

/** Name of each fuse, and whether it is on in what we ship. */
const FUSES: Readonly<Record<string, boolean>> = {
  RunAsNode: false,
  EnableCookieEncryption: true,
  EnableNodeOptionsEnvironmentVariable: false,
  EnableNodeCliInspectArguments: false,
  EnableEmbeddedAsarIntegrityValidation: true,
  OnlyLoadAppFromAsar: true,
  LoadBrowserProcessSpecificV8Snapshot: false,
  GrantFileProtocolExtraPrivileges: false,
};

async function fusesOf(program: string): Promise<Readonly<Record<string, boolean>>> {
  const wire: Readonly<Record<number, unknown>> = { ...(await getCurrentFuseWire(program)) };
  const state = (name: string) => wire[FuseV1Options[name as keyof typeof FuseV1Options]];
  return Object.fromEntries(Object.keys(FUSES).map((name) => [name, state(name) === FuseState.ENABLE]));
}

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');
const headerHash = (asar: string) => sha256(getRawHeader(asar).headerString);

interface Packed {
  readonly out: string;
  readonly resources: string;
  readonly asar: string;
}

async function packed(name: string, platform: PackedPlatform, arch: 'x64' | 'arm64', target: string): Promise<Packed> {
  const project = projectIn(join(place.path, name), platform, arch);
  await withRealTray(project.folder);
  if (name === 'again') {
    // Another folder, other dates: what must make no difference.
    const [then, now] = [new Date(1e12), new Date(1.1e12)];
    for (const { path } of filesBelow(join(project.folder, 'dist')))
      utimesSync(join(project.folder, 'dist', path), then, now);
  }
  await project.make(target);
  const folders: Readonly<Record<string, string>> = {
    linux: 'linux-unpacked',
    darwin: 'mac-arm64',
    win32: 'win-unpacked',
  };
  const out = join(project.packages, folders[platform] ?? '');
  const resources = platform === 'darwin' ? join(out, 'Outpost.app', 'Contents', 'Resources') : join(out, 'resources');
  return { out, resources, asar: join(resources, 'app.asar') };
}

const linux = packed('linux', 'linux', 'x64', 'linux-dir');
const mac = linux.then(() => packed('mac', 'darwin', 'arm64', 'mac-dir'));
const windows = mac.then(() => packed('windows', 'win32', 'x64', 'win-dir'));
const again = windows.then(() => packed('again', 'linux', 'x64', 'linux-dir'));

for (const [name, made] of Object.entries({ linux, mac, windows })) {
  test(`${name}: app.asar holds the bundles and the page, and nothing else`, async () => {
    const files = asarFiles((await made).asar).toSorted();
    assert.deepEqual(
      files.map((path) => path.replace(/-[A-Z0-9]{8}\./, '-HASH.')),
      ASAR,
    );
    assert.ok(!files.some((path) => path.includes('ABCDEFGH')), 'placeholders');
  });
}

for (const [platform, made] of [
  ['linux', linux],
  ['darwin', mac],
  ['win32', windows],
] as const) {
  test(`${platform}: the resources are those that are declared`, async () => {
    const found = filesBelow((await made).resources).map(({ path }) => path);
    for (const path of requiredResources(platform)) assert.ok(found.includes(path), path);
    assert.ok(!found.some((path) => /\.map$|\.ts$|node_modules/.test(path)));
  });
}

test('the fuses that were asked for are in the packed programs', async () => {
  assert.deepEqual(await fusesOf(join((await linux).out, 'outpost-tray')), FUSES);
  assert.deepEqual(await fusesOf(join((await mac).out, 'Outpost.app')), FUSES);
  assert.deepEqual(await fusesOf(join((await windows).out, 'Outpost.exe')), FUSES);
});

test('two builds have the same app.asar, byte for byte', async () => {
  assert.equal(sha256(readFileSync((await linux).asar)), sha256(readFileSync((await again).asar)));
});

test('linux: the languages of our strings, and only those', async () => {
  const found = filesBelow(join((await linux).out, 'locales')).map(({ path }) => path);
  assert.deepEqual(found, ['de.pak', 'en-US.pak']);
});

test('mac: Info.plist names the app, its link, its asar, and grants nothing', async () => {
  const { resources, asar } = await mac;
  const info = parsePlist(readFileSync(join(resources, '..', 'Info.plist'), 'utf8')) as Readonly<
    Record<string, unknown>
  >;
  assert.equal(info['CFBundleIdentifier'], 'org.outpost.agent');
  assert.equal(info['LSUIElement'], true);
  assert.equal(info['LSMinimumSystemVersion'], '13.0');
  assert.deepEqual(info['NSAppTransportSecurity'], { NSAllowsArbitraryLoads: false });
  assert.deepEqual(info['CFBundleURLTypes'], [
    { CFBundleTypeRole: 'Editor', CFBundleURLName: 'Outpost', CFBundleURLSchemes: ['outpost'] },
  ]);
  assert.deepEqual(info['ElectronAsarIntegrity'], {
    'Resources/app.asar': { algorithm: 'SHA256', hash: headerHash(asar) },
  });
});

test('windows: the program says what it is, and which asar it takes', async () => {
  const { out, asar } = await windows;
  const { strings, integrity } = programFacts(readFileSync(join(out, 'Outpost.exe')));
  assert.equal(strings['ProductName'], 'Outpost');
  assert.equal(strings['FileDescription'], 'Outpost');
  assert.equal(strings['CompanyName'], 'The Outpost Authors');
  assert.deepEqual(integrity, [{ file: 'resources\\app.asar', alg: 'SHA256', value: headerHash(asar) }]);
});

const { version: VERSION } = JSON.parse(textOf('package.json')) as { readonly version: string };

/** Runs the hook on a copy of what was packed, after `harm` was done to it. */
async function afterHarm(
  harm: (resources: string) => void | Promise<void>,
  arch: Arch = Arch.x64,
  version = VERSION,
): Promise<void> {
  const copy = join(place.path, 'harmed');
  rmSync(copy, { recursive: true, force: true });
  cpSync((await linux).out, copy, { recursive: true });
  await harm(join(copy, 'resources'));
  afterPack({
    appOutDir: copy,
    electronPlatformName: 'linux',
    arch,
    packager: { getResourcesDir: (out) => join(out, 'resources'), appInfo: { version } },
  });
}

test('the build fails when a declared resource is missing', async () => {
  await afterHarm(() => undefined);
  await assert.rejects(
    afterHarm((resources) => rmSync(join(resources, 'icons', 'blocked.png'))),
    /icons\/blocked\.png is missing/,
  );
});

test('the build fails when anything undeclared is there', async () => {
  await assert.rejects(
    afterHarm((resources) => writeFileSync(join(resources, 'daemon', 'notes.txt'), '')),
    /daemon\/notes\.txt may not be there/,
  );
});

test('the build fails when a link is there, declared or not, to a file, a folder or nothing', async () => {
  const linked = (to: string, name: string) =>
    afterHarm((resources) => {
      rmSync(join(resources, name), { force: true });
      symlinkSync(to, join(resources, name));
    });
  await assert.rejects(linked('/etc/hostname', 'daemon/notes.txt'), /daemon\/notes\.txt may not be there/);
  await assert.rejects(linked('/etc', 'daemon/etc'), /daemon\/etc is a link/);
  await assert.rejects(linked('/nowhere', 'icons/blocked.png'), /icons\/blocked\.png is a link/);
  await assert.rejects(linked('koffi.node', 'daemon/better_sqlite3.node'), /better_sqlite3\.node is a link/);
  await assert.rejects(linked('better_sqlite3.node', 'daemon/outpost'), /daemon\/outpost is a link/);
});

test('the build fails when the daemon is of another version, or says none', async () => {
  await assert.rejects(
    afterHarm(() => undefined, Arch.x64, '9.9.9'),
    new RegExp(`the daemon is of version ${VERSION.replaceAll('.', '\\.')}, the package of 9\\.9\\.9`),
  );
  await assert.rejects(
    afterHarm((resources) => writeFileSync(join(resources, daemonFile('linux')), executable('linux', 'x64'))),
    /the daemon is of version \(none\)/,
  );
});

test('the build fails when a module of the daemon is for another machine', async () => {
  for (const name of ['better_sqlite3.node', 'koffi.node']) {
    await assert.rejects(
      afterHarm((resources) => writeFileSync(join(resources, 'daemon', name), executable('linux', 'arm64'))),
      new RegExp(`daemon/${name} is for linux arm64, the package for linux x64`),
    );
  }
});

test('a release with addresses of nobody, or without the licence of Node, is refused', async () => {
  const project = projectIn(join(place.path, 'release'), 'linux', 'x64');
  await assert.rejects(
    project.make('linux-dir', ['--release']),
    /no release .*addresses that end in \.invalid; .*no LICENSE\.node\.txt/,
  );
  assert.ok(!existsSync(project.packages));
});

test('the build fails when app.asar holds more than bundles and page, or less', async () => {
  const repacked = async (resources: string, change: (folder: string) => void) => {
    const folder = join(place.path, 'repacked');
    rmSync(folder, { recursive: true, force: true });
    extractAll(join(resources, 'app.asar'), folder);
    change(folder);
    await createPackage(folder, join(resources, 'app.asar'));
  };
  const more = (folder: string) => writeFileSync(join(folder, 'dist', 'main', 'main.cjs.map'), '{}');
  const less = (folder: string) => rmSync(join(folder, 'dist', 'main', 'preload.cjs'));
  await assert.rejects(
    afterHarm((resources) => repacked(resources, more)),
    /app\.asar: dist\/main\/main\.cjs\.map may not be there/,
  );
  await assert.rejects(
    afterHarm((resources) => repacked(resources, less)),
    /app\.asar: dist\/main\/preload\.cjs is missing/,
  );
});

test('the build fails when the resources outgrow their budget', async () => {
  await assert.rejects(
    afterHarm((resources) => writeFileSync(join(resources, 'daemon', 'koffi.node'), Buffer.alloc(16 * 1024 * 1024))),
    /bytes of resources; at most/,
  );
});

test('the build fails when the daemon is for another machine', async () => {
  await assert.rejects(
    afterHarm(() => undefined, Arch.arm64),
    /daemon\/outpost is for linux x64, the package for linux arm64/,
  );
  await assert.rejects(
    afterHarm((resources) => writeFileSync(join(resources, daemonFile('linux')), executable('win32', 'x64'))),
    /daemon\/outpost is for win32 x64/,
  );
});
