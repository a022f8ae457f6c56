// SPDX-License-Identifier: Apache-2.0
// The token file: made once, closed to others, replaced when it was not.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { readOrCreateToken, sameSecret } from './secret.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'outpost-token-'));
  path = join(folder, 'api-token');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('the token is made once, with 256 bits, for its owner only', () => {
  const token = readOrCreateToken(path);
  assert.equal(Buffer.from(token, 'base64url').length, 32);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(readOrCreateToken(path), token);
  assert.equal(readFileSync(path, 'utf8'), `${token}\n`);
});

test('a token that others could read is replaced', () => {
  const token = readOrCreateToken(path);
  chmodSync(path, 0o644);
  const next = readOrCreateToken(path);
  assert.notEqual(next, token);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a file that is no token is replaced', () => {
  for (const text of ['', 'short', 'x'.repeat(4_096), `${'x'.repeat(42)}!`]) {
    writeFileSync(path, text, { mode: 0o600 });
    assert.match(readOrCreateToken(path), /^[\w-]{43}$/);
  }
});

test('a link is never followed: what it points to is neither used nor overwritten', () => {
  const target = join(folder, 'other');
  writeFileSync(target, `${'y'.repeat(43)}\n`, { mode: 0o600 });
  symlinkSync(target, path);
  assert.notEqual(readOrCreateToken(path), 'y'.repeat(43));
  assert.equal(readFileSync(target, 'utf8'), `${'y'.repeat(43)}\n`);
});

test('secrets are compared whole', () => {
  assert.equal(sameSecret('abc', 'abc'), true);
  for (const other of ['', 'ab', 'abcd', 'abd']) assert.equal(sameSecret('abc', other), false);
});
