// SPDX-License-Identifier: Apache-2.0
// A place is believed only if both files are private, well formed, and name this machine.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { dataDirOf, readPlace } from './run-file.ts';

const READY = {
  proxy_url: 'http://127.0.0.1:1',
  gateway_url: 'http://127.0.0.1:2',
  api_url: 'http://127.0.0.1:28412',
  ca_path: '/ca.pem',
  pid: process.pid,
  version: '1.2.3',
};
const TOKEN = 'T'.repeat(43);
const uid = process.getuid?.();
let dir: string;
const run = (value: unknown): void =>
  writeFileSync(join(dir, 'run.json'), typeof value === 'string' ? value : JSON.stringify(value), { mode: 0o600 });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'outpost-run-file-'));
  run(READY);
  writeFileSync(join(dir, 'api-token'), `${TOKEN}\n`, { mode: 0o600 });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('a daemon that lives and says where is found', () => {
  assert.deepEqual(readPlace(dir, uid), {
    origin: 'http://127.0.0.1:28412',
    token: TOKEN,
    pid: process.pid,
    version: '1.2.3',
  });
});

for (const address of [
  'http://127.0.0.1',
  'http://127.0.0.1:0',
  'http://127.0.0.1:70000',
  'https://127.0.0.1:28412',
  'http://127.0.0.1:28412/other',
  'http://127.0.0.1:28412@example.com:80',
  'http://example.com:28412',
  'http://localhost:28412',
  'http://127.0.0.1.example.com:28412',
  'http://0.0.0.0:28412',
  'http://user:word@127.0.0.1:28412',
  'file:///etc/passwd',
]) {
  test(`the token is not meant for ${address}`, () => {
    run({ ...READY, api_url: address });
    assert.equal(readPlace(dir, uid), undefined);
  });
}

for (const [what, text] of [
  ['no JSON', '{'],
  ['a list', '[]'],
  ['an unknown key', JSON.stringify({ ...READY, more: 1 })],
  ['no process', JSON.stringify({ ...READY, pid: 0 })],
  ['a group of processes', JSON.stringify({ ...READY, pid: -1 })],
  ['nothing', ''],
  ['too much', `${JSON.stringify(READY)}${' '.repeat(20_000)}`],
] as const) {
  test(`a run file with ${what} counts as none`, () => {
    run(text);
    assert.equal(readPlace(dir, uid), undefined);
  });
}

test('a process that has ended is no daemon', () => {
  const pid = Number(execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }));
  run({ ...READY, pid });
  assert.equal(readPlace(dir, uid), undefined);
});

for (const name of ['run.json', 'api-token']) {
  test(`${name} that others may read or write is not believed`, () => {
    for (const mode of [0o604, 0o640, 0o620, 0o602]) {
      chmodSync(join(dir, name), mode);
      assert.equal(readPlace(dir, uid), undefined, mode.toString(8));
    }
    chmodSync(join(dir, name), 0o600);
    assert.ok(readPlace(dir, uid));
  });

  test(`${name} of somebody else is not believed`, () => {
    assert.equal(readPlace(dir, (uid ?? 0) + 1), undefined);
  });

  test(`${name} is not followed where it is a link`, () => {
    renameSync(join(dir, name), join(dir, 'elsewhere'));
    symlinkSync(join(dir, 'elsewhere'), join(dir, name));
    assert.equal(readPlace(dir, uid), undefined);
  });

  test(`a folder or a pipe in the place of ${name} does not hold the tray`, () => {
    rmSync(join(dir, name));
    mkdirSync(join(dir, name));
    assert.equal(readPlace(dir, uid), undefined);
    rmSync(join(dir, name), { recursive: true });
    execFileSync('mkfifo', ['-m', '600', join(dir, name)]);
    assert.equal(readPlace(dir, uid), undefined);
  });
}

test('a token of another form is not sent anywhere', () => {
  for (const token of ['short', `${'x'.repeat(30)}\r\nhost: other`, 'x'.repeat(200), '']) {
    writeFileSync(join(dir, 'api-token'), token);
    assert.equal(readPlace(dir, uid), undefined, JSON.stringify(token));
  }
});

test('the data folder is the default one unless another is named', () => {
  assert.equal(dataDirOf('linux', {}, '/home/a'), '/home/a/.local/state/outpost');
  assert.equal(dataDirOf('linux', { OUTPOST_DATA_DIR: '' }, '/home/a'), '/home/a/.local/state/outpost');
  assert.equal(dataDirOf('linux', { OUTPOST_DATA_DIR: '/data' }, '/home/a'), '/data');
});
