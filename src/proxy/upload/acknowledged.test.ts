// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../../test/fakes/audit-rows.ts';
import { Acknowledgements, readAcknowledged } from './acknowledged.ts';

const EPOCH = '0123456789abcdef';
const OTHER = 'fedcba9876543210';
const receipt = { payload: 'cGF5', signatures: [{ protected: 'aGVhZA', signature: 'A'.repeat(86) }] };
const one = { device: `d-${'1'.repeat(32)}`, seq: 3, hash: 'ab'.repeat(32), receipt };

test('what was acknowledged is there after a restart, in a private file', (t) => {
  const dir = join(temporaryFolder(t), 'org');
  const acks = new Acknowledgements(dir);
  assert.ok(!acks.damaged);
  assert.ok(!existsSync(dir), 'nothing is made before there is something to say');
  acks.put(EPOCH, one);
  acks.put(OTHER, { ...one, seq: 9, quarantined: 2 });
  const again = new Acknowledgements(dir);
  assert.deepEqual(again.get(EPOCH), one);
  assert.deepEqual([again.get(OTHER)?.seq, again.quarantined], [9, 2]);
  assert.deepEqual(readdirSync(dir), ['upload.json']);
  if (process.platform !== 'win32') assert.equal(statSync(join(dir, 'upload.json')).mode & 0o777, 0o600);
});

test('epochs that have no file any more are forgotten with the next one', (t) => {
  const dir = temporaryFolder(t);
  const acks = new Acknowledgements(dir);
  acks.put(EPOCH, one);
  acks.keepOnly(new Set([OTHER]));
  assert.equal(readAcknowledged(dir)?.size, 1);
  acks.put(OTHER, one);
  assert.deepEqual([...(readAcknowledged(dir)?.keys() ?? [])], [OTHER]);
});

test('a file that was cut off while it was written does not count, the old one does', (t) => {
  const dir = temporaryFolder(t);
  new Acknowledgements(dir).put(EPOCH, one);
  writeFileSync(join(dir, 'upload.json.new'), '{"v":1,"epochs":{');
  const acks = new Acknowledgements(dir);
  assert.deepEqual(acks.get(EPOCH), one);
  acks.put(EPOCH, { ...one, seq: 4 });
  assert.equal(readAcknowledged(dir)?.get(EPOCH)?.seq, 4);
});

test('what could not be written down is still known', (t) => {
  const dir = temporaryFolder(t);
  const acks = new Acknowledgements(dir);
  // In the way of the new file, also for a superuser.
  mkdirSync(join(dir, 'upload.json.new'));
  assert.throws(() => acks.put(EPOCH, one));
  assert.deepEqual(acks.get(EPOCH), one);
});

test('a damaged file counts as none, and is told', (t) => {
  const dir = temporaryFolder(t);
  new Acknowledgements(dir).put(EPOCH, one);
  const path = join(dir, 'upload.json');
  const good = JSON.parse(readFileSync(path, 'utf8'));
  const entry = good.epochs[EPOCH];
  for (const bad of [
    '',
    '{',
    '[]',
    'null',
    { ...good, v: 2 },
    { ...good, more: 1 },
    { v: 1 },
    { v: 1, epochs: null },
    { v: 1, epochs: { x: entry } },
    { v: 1, epochs: { [EPOCH]: { ...entry, seq: 0 } } },
    { v: 1, epochs: { [EPOCH]: { ...entry, seq: '3' } } },
    { v: 1, epochs: { [EPOCH]: { ...entry, hash: 'zz' } } },
    { v: 1, epochs: { [EPOCH]: { ...entry, quarantined: -1 } } },
    { v: 1, epochs: { [EPOCH]: { ...entry, more: 1 } } },
    { v: 1, epochs: { [EPOCH]: { ...entry, receipt: null } } },
    '{"v":1,"epochs":{"__proto__":{}}}',
  ]) {
    writeFileSync(path, typeof bad === 'string' ? bad : JSON.stringify(bad));
    const acks = new Acknowledgements(dir);
    assert.deepEqual([acks.damaged, acks.get(EPOCH)], [true, undefined], JSON.stringify(bad));
  }
});
