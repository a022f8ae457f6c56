// SPDX-License-Identifier: Apache-2.0
// electron-builder's hook before fuses and signatures: the build fails when a declared resource is missing, an undeclared one is there,
// or the daemon is of another version or for another machine. On macOS it takes back the leave to load anything without TLS, which electron-builder grants.

import { lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import * as asar from '@electron/asar';
import { Arch } from 'electron-builder';
import * as plist from 'plist';
import { programKind } from './daemon/program.mjs';
import { asarProblems, daemonFile, isElectrons, resourceProblems } from './resources.mjs';
import { markedVersion } from './version-mark.mjs';

export default function afterPack({ appOutDir, electronPlatformName: platform, arch, packager }) {
  const resources = packager.getResourcesDir(appOutDir);
  const files = readdirSync(resources, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({ entry, at: join(entry.parentPath ?? entry.path, entry.name) }))
    .map(({ entry, at }) => ({ entry, path: relative(resources, at).split(sep).join('/'), size: lstatSync(at).size }));
  const problems = resourceProblems(platform, files);
  // A link would lead to whatever lies there on another machine.
  const odd = files.filter(({ entry, path }) => !entry.isFile() && !isElectrons(platform, path));
  problems.push(...odd.map(({ entry, path }) => `${path} is ${entry.isSymbolicLink() ? 'a link' : 'no file'}`));
  const regular = files.filter(({ entry }) => entry.isFile()).map(({ path }) => path);
  const packed = join(resources, 'app.asar');
  if (regular.includes('app.asar')) problems.push(...asarProblems(asarFiles(packed)));
  const programs = regular.filter((path) => path === daemonFile(platform) || /^daemon\/[^/]+\.node$/.test(path));
  for (const path of programs) problems.push(...kindProblems(join(resources, path), path, platform, Arch[arch]));
  if (regular.includes(daemonFile(platform))) {
    problems.push(...daemonProblems(join(resources, daemonFile(platform)), platform, packager.appInfo.version));
  }
  if (problems.length > 0) throw new Error(`the package is not what was declared:\n  ${problems.join('\n  ')}`);
  if (platform === 'darwin') setTransportSecurity(join(resources, '..', 'Info.plist'));
}

/** Files of an app.asar, without folders, with forward slashes. */
export function asarFiles(path) {
  // The library remembers what it has read under this name before.
  asar.uncache(path);
  return asar
    .listPackage(path, { isPack: false })
    .map((name) => name.split(sep).join('/').replace(/^\//, ''))
    .filter((name) => !('files' in asar.statFile(path, name.split('/').join(sep))));
}

function kindProblems(at, path, platform, arch) {
  const kind = programKind(readFileSync(at));
  if (kind?.platform === platform && kind.arch === arch) return [];
  const is = kind === undefined ? 'nothing known' : `${kind.platform} ${kind.arch}`;
  return [`${path} is for ${is}, the package for ${platform} ${arch}`];
}

function daemonProblems(path, platform, version) {
  const problems = [];
  const found = markedVersion(readFileSync(path));
  if (found !== version) problems.push(`the daemon is of version ${found ?? '(none)'}, the package of ${version}`);
  if (platform !== 'win32' && process.platform !== 'win32' && (statSync(path).mode & 0o111) !== 0o111) {
    problems.push('the daemon is not executable for everybody');
  }
  return problems;
}

/** The tray's process asks loopback over Node's HTTP, the window nothing at all: neither needs an exception. */
function setTransportSecurity(path) {
  const info = plist.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, plist.build({ ...info, NSAppTransportSecurity: { NSAllowsArbitraryLoads: false } }));
}
