// SPDX-License-Identifier: Apache-2.0
// Makes packages: writes what electron-builder.yml takes from dist (maintainer scripts, notices), then runs electron-builder in the
// present folder for one target and one architecture. Programs are not built here: build/daemon.mjs and build/main.mjs come first.
//
//   node build/packages.mjs --target deb [--arch x64] [--electron-dist DIR] [--output DIR] [--version 0.1.1] [--release]
//   Targets: linux-dir deb rpm tar.gz AppImage · mac-dir pkg dmg zip · win-dir nsis msi

import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { argv, cwd, stderr, stdout } from 'node:process';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
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

/** Each is electron-builder's part, if it has one, then ours. Ours says what the package's exit code is. */
export function packageScripts(project) {
  const own = (name) => readFileSync(join(project, 'build', 'linux', `${name}.sh`), 'utf8');
  const script = (name, first) => [name, `${first.trimEnd()}\n\n${own('managers')}\n${own(name)}`];
  return Object.fromEntries([
    script('after-install', vendorScript('after-install')),
    script('before-remove', '#!/bin/bash'),
    script('after-remove', vendorScript('after-remove')),
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

/** Makes one package of the project in the present folder; resolves to the files made. */
export async function makePackage({ target, arch, electronDist, output, version, release, notices }) {
  const [platform, format] = TARGETS[target] ?? [];
  if (platform === undefined) throw new Error(`there is no target ${target}: ${Object.keys(TARGETS).join(' ')}`);
  const project = cwd();
  writeScripts(project);
  const to = join(project, 'dist', 'notices');
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

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: {
      target: { type: 'string' },
      arch: { type: 'string', default: process.arch },
      'electron-dist': { type: 'string' },
      output: { type: 'string' },
      version: { type: 'string' },
      /** A folder of notices that were made before. */
      notices: { type: 'string' },
      release: { type: 'boolean', default: false },
    },
  });
  try {
    const made = await makePackage({ ...values, electronDist: values['electron-dist'], target: values.target ?? '' });
    for (const path of made) stdout.write(`${path}\n`);
  } catch (error) {
    stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
