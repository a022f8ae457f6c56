// SPDX-License-Identifier: Apache-2.0
// electron-builder's hook before fuses and signatures: the build fails when a declared resource is missing, an undeclared one is there,
// or the daemon is for another machine. On macOS it takes back the leave to load anything without TLS, which electron-builder grants.

import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import * as asar from '@electron/asar';
import { Arch } from 'electron-builder';
import * as plist from 'plist';
import { programKind } from './daemon/program.mjs';
import { asarProblems, daemonFile, resourceProblems } from './resources.mjs';

export default function afterPack({ appOutDir, electronPlatformName: platform, arch, packager }) {
  const resources = packager.getResourcesDir(appOutDir);
  const files = readdirSync(resources, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((path) => ({ path: relative(resources, path).split(sep).join('/'), size: statSync(path).size }));
  const problems = resourceProblems(platform, files);
  const packed = join(resources, 'app.asar');
  if (files.some(({ path }) => path === 'app.asar')) problems.push(...asarProblems(asarFiles(packed)));
  problems.push(...daemonProblems(join(resources, daemonFile(platform)), platform, Arch[arch]));
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

/** Enough for the header of any of the three kinds. */
const HEAD = 4_096;

function daemonProblems(path, platform, arch) {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return [];
  const file = openSync(path, 'r');
  const head = Buffer.alloc(HEAD);
  const length = readSync(file, head, 0, HEAD, 0);
  closeSync(file);
  const kind = programKind(head.subarray(0, length));
  const problems = [];
  if (kind?.platform !== platform || kind.arch !== arch) {
    problems.push(
      `the daemon is for ${kind === undefined ? 'nothing known' : `${kind.platform} ${kind.arch}`}, the package for ${platform} ${arch}`,
    );
  }
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
