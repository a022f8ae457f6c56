// SPDX-License-Identifier: Apache-2.0
// Makes packages: writes what electron-builder.yml takes from dist (maintainer scripts, notices), then runs electron-builder in the
// present folder for one target and one architecture. Programs are not built here: build/daemon.mjs and build/main.mjs come first.
//
//   node build/packages.mjs --target deb [--arch x64] [--electron-dist DIR] [--output DIR] [--version 0.1.1] [--release]
//   Targets: linux-dir deb rpm tar.gz AppImage · mac-dir pkg dmg zip · win-dir nsis msi

import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
