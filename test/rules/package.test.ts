// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  dependenciesDocumented,
  exactPins,
  type LockFile,
  lockIsComplete,
  lockNamesNoHost,
  type Manifest,
  readmeCommands,
  scriptsExist,
} from './package.ts';
import { allFiles, ROOT } from './repository.ts';

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const manifest = JSON.parse(read('package.json')) as Manifest;
const lock = JSON.parse(read('package-lock.json')) as LockFile;

test('dependencies are pinned exactly', () => {
  assert.deepEqual(exactPins(manifest), []);
  assert.equal(exactPins({ dependencies: { a: '^1.0.0', b: '1.0.0' }, devDependencies: { c: 'latest' } }).length, 2);
  assert.equal(exactPins({ optionalDependencies: { a: '1' } }).length, 1);
});

test('the lock file names no host', () => {
  assert.deepEqual(lockNamesNoHost(lock), []);
  assert.equal(lockNamesNoHost({ packages: { 'node_modules/a': { resolved: 'https://host/a.tgz' } } }).length, 1);
});

test('the lock file has all that npm ci asks for', () => {
  assert.deepEqual(lockIsComplete(manifest, lock), []);
  const bad = { packages: { 'node_modules/a': { version: '1.0.0', optionalDependencies: { 'a-darwin': '1.0.0' } } } };
  assert.equal(lockIsComplete({ dependencies: { a: '1.0.0' } }, bad).length, 1);
  assert.equal(
    lockIsComplete({ dependencies: { a: '1.0.1' } }, { packages: { 'node_modules/a': { version: '1.0.0' } } }).length,
    1,
  );
});

test('docs/dependencies.md has each dependency with its version and a reason', () => {
  assert.deepEqual(dependenciesDocumented(manifest, read('docs/dependencies.md')), []);
  const asked = { dependencies: { a: '1.0.0' } };
  assert.deepEqual(dependenciesDocumented(asked, '| `a` | 1.0.0 | MIT | why |'), []);
  assert.equal(dependenciesDocumented(asked, '').length, 1);
  assert.equal(dependenciesDocumented(asked, '| `a` | 0.9.0 | MIT | why |').length, 1);
  assert.equal(dependenciesDocumented(asked, '| `a` | 1.0.0 | MIT | |').length, 1);
  assert.equal(dependenciesDocumented(asked, '| `a` | 1.0.0 | MIT | why |\n| `b` | 1.0.0 | MIT | why |').length, 1);
});

test('npm scripts and the commands of the README exist', () => {
  const paths = new Set(allFiles().map(({ path }) => path));
  assert.deepEqual(scriptsExist(manifest, paths), []);
  assert.equal(scriptsExist({ scripts: { a: 'node scripts/none.mjs && node b.ts' } }, paths).length, 2);
  assert.deepEqual(readmeCommands(manifest, read('README.md')), []);
  assert.equal(readmeCommands({ scripts: { start: '', test: '' } }, 'npm start').length, 1);
  assert.equal(readmeCommands({ scripts: { start: '', test: '' } }, 'npm start, npm test, npm run fly').length, 1);
});
