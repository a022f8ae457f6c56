// SPDX-License-Identifier: Apache-2.0
// The bundle has the system's roots and ours, and is never half-written or ours alone.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeTestCa } from '../../../test/fakes/pki.ts';
import { writeBundle } from './bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-bundle-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'ca-bundle.pem');
const [a, b, ours] = ['a', 'b', 'ours'].map((commonName) => makeTestCa({ commonName }).cert) as [
  string,
  string,
  string,
];
const count = (text: string) => text.split('-----BEGIN CERTIFICATE-----').length - 1;

test('each certificate is in it once, ours last; other users may read it', async () => {
  const umask = process.umask(0o077);
  try {
    assert.equal(await writeBundle([a + b, a, ours, 'garbage'], [ours], path), 3);
  } finally {
    process.umask(umask);
  }
  const text = readFileSync(path, 'utf8');
  assert.equal(count(text), 3);
  assert.ok(text.trim().endsWith(ours.trim()));
  assert.equal(statSync(path).mode & 0o777, 0o644);
});

test('it refuses to write a bundle that would cut tools off, and leaves the old file', async () => {
  writeFileSync(path, 'old');
  await assert.rejects(writeBundle([], [ours], path), /no system roots/);
  await assert.rejects(writeBundle([ours], [ours], path), /no system roots/);
  await assert.rejects(writeBundle([a], [], path), /no certificate of our own/);
  assert.equal(readFileSync(path, 'utf8'), 'old');
});

test('a failed write leaves no draft behind', async () => {
  const before = readdirSync(folder);
  await assert.rejects(writeBundle([a], [ours], folder));
  assert.deepEqual(readdirSync(folder), before);
});
