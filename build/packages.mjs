// SPDX-License-Identifier: Apache-2.0
// Makes packages: writes what electron-builder.yml takes from dist (maintainer scripts, notices), then runs electron-builder in the
// present folder for one target and one architecture. Programs are not built here: build/daemon.mjs and build/main.mjs come first.
//
//   node build/packages.mjs --target deb [--arch x64] [--electron-dist DIR] [--output DIR] [--version 0.1.1] [--release]
//   Targets: linux-dir deb rpm tar.gz AppImage · mac-dir pkg dmg zip · win-dir nsis msi

import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { cwd, stdout } from 'node:process';
import { command } from './command.mjs';
import { writeNotices } from './notices.mjs';

const require = createRequire(import.meta.url);

const TARGETS = {
  'linux-dir': ['LINUX', 'dir'],
  deb: ['LINUX', 'deb'],
  rpm: ['LINUX', 'rpm'],
  'tar.gz': ['LINUX', 'tar.gz'],
  AppImage: ['LINUX', 'AppImage'],
  'mac-dir': ['MAC', 'dir'],
  pkg: ['MAC', 'pkg'],
  dmg: ['MAC', 'dmg'],
  zip: ['MAC', 'zip'],
  'win-dir': ['WINDOWS', 'dir'],
  nsis: ['WINDOWS', 'nsis'],
  msi: ['WINDOWS', 'msi'],
};

/** electron-builder's own part of a maintainer script, which is for its icon, sandbox and AppArmor profile. */
function vendorScript(name) {
  const templates = join(dirname(require.resolve('app-builder-lib/package.json')), 'templates', 'linux');
  return readFileSync(join(templates, `${name}.tpl`), 'utf8');
}

/** electron-builder's part asks not: rpm runs the old version's after the new one has made its links, dpkg before. */
const ONLY_AT_REMOVAL = `
case "$1" in
  remove | purge | disappear | 0) ;;
  *) exit 0 ;;
esac
`;

/** Each is electron-builder's part, if it has one, then ours. Ours says what the package's exit code is. */
export function packageScripts(project) {
  const own = (name) => readFileSync(join(project, 'build', 'linux', `${name}.sh`), 'utf8');
  const script = (name, first) => [name, `${first.trimEnd()}\n\n${own('managers')}\n${own(name)}`];
  return Object.fromEntries([
    script('after-install', vendorScript('after-install')),
    script('before-remove', '#!/bin/bash'),
    script(
      'after-remove',
      vendorScript('after-remove').replace(/^#!.*\n/, (line) => `${line}${ONLY_AT_REMOVAL}`),
    ),
  ]);
}

function writeScripts(project) {
  const folder = join(project, 'dist', 'package-scripts');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(packageScripts(project))) {
    const path = join(folder, `${name}.sh`);
    writeFileSync(path, text);
    chmodSync(path, 0o755);
  }
}

/** What a release must have, and what tests do without. Throws with a sentence. */
function checkRelease(project, notices) {
  const lacking = [];
  if (/^[^#\n]*\.invalid\b/m.test(readFileSync(join(project, 'electron-builder.yml'), 'utf8')))
    lacking.push('electron-builder.yml has addresses that end in .invalid');
  if (!existsSync(join(notices, 'LICENSE.node.txt'))) lacking.push(`${notices} has no LICENSE.node.txt`);
  if (lacking.length > 0) throw new Error(`no release (docs/release-checklist.md): ${lacking.join('; ')}`);
}

/** Makes one package of the project in the present folder; resolves to the files made. */
export async function makePackage({ target, arch, electronDist, output, version, release, notices }) {
  const [platform, format] = TARGETS[target] ?? [];
  if (platform === undefined) throw new Error(`there is no target ${target}: ${Object.keys(TARGETS).join(' ')}`);
  const project = cwd();
  const to = join(project, 'dist', 'notices');
  if (release) checkRelease(project, notices ?? to);
  writeScripts(project);
  if (notices === undefined) await writeNotices(to);
  else cpSync(notices, to, { recursive: true });
  const { build, Platform, Arch } = await import('electron-builder');
  return build({
    projectDir: project,
    targets: Platform[platform].createTarget(format, Arch[arch]),
    publish: 'never',
    config: {
      ...(electronDist === undefined ? {} : { electronDist }),
      ...(output === undefined ? {} : { directories: { output } }),
      ...(version === undefined ? {} : { extraMetadata: { version } }),
      // Without keys nothing is signed or notarised, and a test package says so by its lack.
      ...(release ? { forceCodeSigning: true } : { mac: { identity: null, notarize: false } }),
    },
  });
}

const HELP = `usage: node build/packages.mjs --target TARGET [options]

Makes one package with electron-builder. Needs dist/daemon (node build/daemon.mjs) and dist/main (node build/main.mjs), and the network for
Electron and the tools of the target, unless they are named or in electron-builder's cache.

  --target TARGET      ${Object.keys(TARGETS).join(', ')}
  --arch ARCH          x64 or arm64 (default: this machine's)
  --electron-dist DIR  an unpacked Electron, instead of fetching one
  --output DIR         where to (default: dist/packages)
  --version VERSION    instead of package.json's
  --notices DIR        made before by build/notices.mjs
  --release            refuses to build without keys, real addresses and all licences (docs/release-checklist.md)
`;

const text = { type: 'string' };
await command(
  import.meta.url,
  HELP,
  {
    target: text,
    arch: { type: 'string', default: process.arch },
    'electron-dist': text,
    output: text,
    version: text,
    notices: text,
    release: { type: 'boolean', default: false },
  },
  async ({ target = '', 'electron-dist': electronDist, ...values }) => {
    for (const path of await makePackage({ ...values, electronDist, target })) stdout.write(`${path}\n`);
  },
);
