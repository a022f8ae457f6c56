// SPDX-License-Identifier: Apache-2.0
// A scratch project with the files of packaging of this one, the real bundles where they were built, and placeholders where not: what
// build/packages.mjs is run in by tests. The checkout is never written to.

import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
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

/** Writes the placeholder of dist/daemon. */
function standInDaemon(folder, platform, arch) {
  put(join(folder, platform === 'win32' ? 'outpost.exe' : 'outpost'), executable(platform, arch), 0o755);
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

/** Puts the real tray into a scratch project, if it was built; says whether it was. */
export function withRealTray(folder) {
  return copyBuilt(folder, ['main', 'window'], join('main', 'main.cjs'));
}

/** Puts the real daemon into a scratch project, if it was built; says whether it was. */
export function withRealDaemon(folder) {
  const done = copyBuilt(folder, ['daemon'], join('daemon', 'outpost'));
  if (done) chmodSync(join(folder, 'dist', 'daemon', 'outpost'), 0o755);
  return done;
}

function copyBuilt(folder, names, proof) {
  if (!existsSync(join(ROOT, 'dist', proof))) return false;
  for (const name of names) rmSync(join(folder, 'dist', name), { recursive: true, force: true });
  for (const name of names)
    cpSync(join(ROOT, 'dist', name), join(folder, 'dist', name), { recursive: true, force: true });
  return true;
}
