// SPDX-License-Identifier: Apache-2.0
// A scratch project with the files of packaging of this one and, until the real ones are put in, placeholders of daemon and tray: what
// build/packages.mjs is run in by tests. The checkout is never written to.

import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildMain } from '../main.mjs';
import { markedVersion, versionMark } from '../version-mark.mjs';
import { executable } from './electron.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function put(path, content, mode = 0o644) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content, { mode });
}

/** Of the tray and its page, as build/main.mjs names them. */
const TRAY = {
  'main/main.cjs': 'process.stdout.write("stand-in\\n");\n',
  'main/preload.cjs': '"use strict";\n',
  'window/index.html': '<!doctype html><title>stand-in</title>\n',
  'window/page-ABCDEFGH.js': '"use strict";\n',
  'window/style-ABCDEFGH.css': 'body{margin:0}\n',
};

const PAGE = ['index.html', 'page-ABCDEFGH.js', 'style-ABCDEFGH.css'];

const version = () => JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;

/** Writes the placeholder of dist/daemon. */
function standInDaemon(folder, platform, arch) {
  const program = Buffer.concat([executable(platform, arch), Buffer.from(versionMark(version()))]);
  put(join(folder, platform === 'win32' ? 'outpost.exe' : 'outpost'), program, 0o755);
  const natives = ['better_sqlite3.node', ...(platform === 'linux' ? ['koffi.node'] : [])];
  for (const native of natives) put(join(folder, native), executable(platform, arch));
  for (const file of PAGE) put(join(folder, 'page', file), TRAY[`window/${file}`]);
}

/** Writes the scratch project. */
export function standInProject(folder, platform, arch) {
  const files = ['package.json', 'package-lock.json', 'electron-builder.yml', 'LICENSE', 'build'];
  for (const name of files) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
  for (const [name, text] of Object.entries(TRAY)) put(join(folder, 'dist', name), text);
  standInDaemon(join(folder, 'dist', 'daemon'), platform, arch);
  return folder;
}

/** Builds the real tray into a scratch project. */
export async function withRealTray(folder) {
  for (const name of ['main', 'window']) rmSync(join(folder, 'dist', name), { recursive: true });
  await buildMain({ folder: join(folder, 'dist') });
}

/** Puts the real daemon into a scratch project; says whether there is one of this version in dist. */
export function withRealDaemon(folder) {
  const [from, to] = [join(ROOT, 'dist', 'daemon'), join(folder, 'dist', 'daemon')];
  const built = join(from, 'outpost');
  if (!existsSync(built) || markedVersion(readFileSync(built)) !== version()) return false;
  rmSync(to, { recursive: true });
  cpSync(from, to, { recursive: true });
  chmodSync(join(to, 'outpost'), 0o755);
  return true;
}

/** Makes the daemon of a scratch project say that it is of another version, of as many characters. */
export function markDaemon(folder, other) {
  const path = join(folder, 'dist', 'daemon', 'outpost');
  const bytes = readFileSync(path);
  const old = markedVersion(bytes) ?? '';
  if (old.length !== other.length) throw new Error(`${old} has not as many characters as ${other}`);
  bytes.write(versionMark(other), bytes.indexOf(versionMark(old)), 'latin1');
  writeFileSync(path, bytes);
}
