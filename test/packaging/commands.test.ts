// SPDX-License-Identifier: Apache-2.0
// The scripts that build what is shipped, as a person meets them: help, and a plain line for a word that they do not know.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fromRoot } from './kit.ts';

const run = (name: string, ...args: readonly string[]) =>
  spawnSync(process.execPath, [fromRoot('build', `${name}.mjs`), ...args], { encoding: 'utf8' });

for (const name of ['daemon', 'icons', 'main', 'notices', 'packages']) {
  test(`build/${name}.mjs tells how it is used, and does nothing else`, () => {
    const { status, stdout, stderr } = run(name, '--help');
    assert.equal(stderr, '');
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^usage: node build/${name}\\.mjs `));
    assert.doesNotMatch(stdout, /notes?:|written to|KiB/);
  });

  test(`build/${name}.mjs says in one line that it does not know an option`, () => {
    const { status, stdout, stderr } = run(name, '--no-such-option');
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.equal(stderr, `build/${name}.mjs: Unknown option '--no-such-option'; see --help\n`);
  });
}

test('a target that there is not is named, with those that there are', () => {
  const { status, stderr } = run('packages', '--target', 'floppy');
  assert.equal(status, 1);
  assert.match(stderr, /^build\/packages\.mjs: there is no target floppy: .*\bdeb\b.*\n$/);
});
