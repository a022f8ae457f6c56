// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { dependenciesMissing, findPostgres, pageSources, pageStale, pageStamp } from './installed.mjs';
import { cleanEnv, outsideEnv, projectNode } from './place.mjs';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'outpost-installed-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(name, value) {
  const file = join(root, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
  return file;
}

/** A clone in which everything is installed; `node` is the running one. */
function complete(version = process.versions.node) {
  const packages = {
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/other-system': { version: '1.0.0', optional: true },
  };
  write('package.json', { dependencies: { a: '1.0.0' }, devDependencies: { node: version } });
  write('package-lock.json', { packages: { '': {}, ...packages } });
  write('node_modules/.package-lock.json', { packages: { 'node_modules/a': packages['node_modules/a'] } });
  write('node_modules/a/package.json', {});
  write('node_modules/node/package.json', {});
  mkdirSync(dirname(projectNode(root)), { recursive: true });
  symlinkSync(process.execPath, projectNode(root));
}

test('a complete installation is left alone', () => {
  complete();
  assert.equal(dependenciesMissing(root), undefined);
});

test('no node_modules, or one that npm did not finish', () => {
  complete();
  rmSync(join(root, 'node_modules', '.package-lock.json'));
  assert.equal(dependenciesMissing(root), 'nothing is installed yet');
  rmSync(join(root, 'node_modules'), { recursive: true });
  assert.equal(dependenciesMissing(root), 'nothing is installed yet');
});

test('a changed lock file, a deleted package', () => {
  complete();
  rmSync(join(root, 'node_modules', 'a'), { recursive: true });
  assert.match(dependenciesMissing(root), /^a is missing/);
  write('package-lock.json', { packages: { 'node_modules/a': { version: '1.0.1', integrity: 'sha512-b' } } });
  assert.match(dependenciesMissing(root), /node_modules\/a is missing or old/);
});

test('another Node, a broken one, none', () => {
  complete('1.2.3');
  assert.equal(dependenciesMissing(root), 'Node 1.2.3 is missing');
  rmSync(projectNode(root));
  write('node_modules/node/bin/node', 'not a program');
  chmodSync(projectNode(root), 0o755);
  assert.equal(dependenciesMissing(root), 'Node 1.2.3 is missing');
  rmSync(projectNode(root));
  assert.equal(dependenciesMissing(root), 'Node 1.2.3 is missing');
});

test('the page is stale until its stamp names the present sources', () => {
  assert.equal(pageStale(root), false, 'no page to build');
  write('build/page.mjs', '');
  const source = write('src/renderer/app.ts', 'one');
  assert.equal(pageStale(root), true);
  mkdirSync(dirname(pageStamp(root)), { recursive: true });
  writeFileSync(pageStamp(root), pageSources(root));
  assert.equal(pageStale(root), false);
  writeFileSync(source, 'two');
  assert.equal(pageStale(root), true);
});

test('PostgreSQL is found where OUTPOST_PG_BIN says, else the newest of Debian, else in PATH', () => {
  const debian = join(root, 'debian');
  const both = (folder) => dirname([write(`${folder}/initdb`, ''), write(`${folder}/postgres`, '')][0]);
  const [own, path] = [both('own'), both('path')];
  const half = dirname(write('half/initdb', ''));
  assert.equal(findPostgres({ PATH: `/none:${half}` }, debian), undefined);
  assert.equal(findPostgres({ PATH: `${half}:${path}` }, debian), path);
  both('debian/9.6/bin');
  const newest = both('debian/15/bin');
  write('debian/16/bin/initdb', '');
  assert.equal(findPostgres({ PATH: path }, debian), newest);
  assert.equal(findPostgres({ PATH: path, OUTPOST_PG_BIN: own }, debian), own);
  assert.equal(findPostgres({ PATH: path, OUTPOST_PG_BIN: half }, debian), undefined, 'no other is taken instead');
});

test('npm runs outside the project, tests run without foreign credentials and proxies', () => {
  const own = join(root, 'node_modules', '.bin');
  assert.equal(outsideEnv(root, { PATH: `${own}:/bin`, A: '1' }).PATH, '/bin');
  const env = { PATH: '/bin', OPENAI_API_KEY: 'x', https_proxy: 'x', NODE_EXTRA_CA_CERTS: 'x', PGPASSWORD: 'x' };
  assert.deepEqual(cleanEnv({ ...env, OUTPOST_HOME: 'x' }), { PATH: '/bin' });
  const meant = { HOME: '/home/x', OUTPOST_PG_BIN: '/pg/bin', OUTPOST_REQUIRE_POSTGRES: '1' };
  assert.deepEqual(cleanEnv({ ...env, ...meant }), { PATH: '/bin', ...meant });
});
