// SPDX-License-Identifier: Apache-2.0
// Is what the lock file asks for installed, are the pages built from the present sources, is there a Chromium, a PostgreSQL? Only looks;
// changes nothing.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { projectNode, ROOT } from './place.mjs';

function json(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Version of the project's Node, by asking it; undefined when it is absent, broken, or of another system. */
function installedNode(root) {
  const path = projectNode(root);
  if (process.execPath === path) return process.versions.node;
  try {
    return execFileSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000, stdio: ['ignore', 'pipe', 'ignore'] })
      .trim()
      .slice(1);
  } catch {
    return undefined;
  }
}

/**
 * Why the dependencies must be installed, in a few words; undefined when they are complete. npm writes
 * node_modules/.package-lock.json last, so a half-done installation has none or an old one.
 */
export function dependenciesMissing(root = ROOT) {
  const wanted = json(join(root, 'package-lock.json'));
  const own = json(join(root, 'package.json'));
  if (wanted === undefined || own === undefined) throw new Error('package.json or package-lock.json cannot be read');
  const have = json(join(root, 'node_modules', '.package-lock.json'));
  if (have === undefined) return 'nothing is installed yet';
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === '') continue;
    const found = have.packages?.[path];
    if (found === undefined && entry.optional === true) continue; // for another platform
    if (found?.version !== entry.version || found?.integrity !== entry.integrity) return `${path} is missing or old`;
  }
  for (const name of Object.keys({ ...own.dependencies, ...own.devDependencies })) {
    if (!existsSync(join(root, 'node_modules', name, 'package.json'))) return `${name} is missing`;
  }
  const node = installedNode(root);
  const wantedNode = own.devDependencies.node;
  return node === wantedNode ? undefined : `Node ${wantedNode} is missing`;
}

function* filesBelow(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

/** Hash of all that the pages are built from. */
export function pageSources(root = ROOT) {
  const hash = createHash('sha256');
  const single = ['package-lock.json', join('build', 'page.mjs'), join('build', 'packed-contract.mjs')].map((name) =>
    join(root, name),
  );
  for (const file of [
    ...single,
    ...filesBelow(join(root, 'src', 'renderer')),
    ...['contract', 'client', 'strings'].flatMap((room) => [...filesBelow(join(root, 'src', room))]),
  ]) {
    if (!existsSync(file) || file.endsWith('.test.ts')) continue;
    hash.update(`${file.slice(root.length)}\0${statSync(file).size}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

export function pageStamp(root = ROOT) {
  return join(root, 'dist', '.page-sources');
}

/** Is there a page to build, and is the built one from other sources? */
export function pageStale(root = ROOT) {
  if (!existsSync(join(root, 'build', 'page.mjs'))) return false;
  const stamp = pageStamp(root);
  return !existsSync(stamp) || readFileSync(stamp, 'utf8') !== pageSources(root);
}

const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];

/** Path of an installed Chromium or Chrome; undefined when PATH has none. */
export function findChromium(env = process.env) {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    for (const name of CHROMIUM_NAMES) {
      const path = join(folder, name);
      if (folder !== '' && existsSync(path)) return path;
    }
  }
  return undefined;
}

/**
 * The folder of PostgreSQL's programs: OUTPOST_PG_BIN alone if it is set, else the newest of Debian's, which are not in PATH, else one
 * of PATH. Undefined when there is none.
 */
export function findPostgres(env = process.env, debian = '/usr/lib/postgresql') {
  const newest = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const usual = [...newest.map((version) => join(debian, version, 'bin')), ...(env.PATH ?? '').split(delimiter)];
  const folders = env.OUTPOST_PG_BIN === undefined ? usual : [env.OUTPOST_PG_BIN];
  return folders.find(
    (folder) => folder !== '' && ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))),
  );
}

/** Debian itself: on Ubuntu the package of that name only points to a snap. */
export function isDebian() {
  try {
    return /^ID="?debian"?$/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}
