// SPDX-License-Identifier: Apache-2.0
// Unexpected ends are found once each, counted for a day, and whatever stands in their file is no trouble.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RESTARTS_FILE, readRestarts, takeRestarts } from './restarts.ts';

const all = mkdtempSync(join(tmpdir(), 'outpost-restarts-'));
after(() => rmSync(all, { recursive: true }));

const NOW = Date.UTC(2030, 4, 6, 9, 0);
const HOUR = 3_600_000;
const BOOTED = NOW - 100 * HOUR;
let folders = 0;

/** With a run file of that age; undefined: none. */
function folderWith(begun: number | undefined): string {
  const folder = join(all, String(++folders));
  mkdirSync(folder);
  if (begun !== undefined) leave(folder, begun);
  return folder;
}

function leave(folder: string, begun: number): void {
  writeFileSync(join(folder, 'run.json'), '{}');
  utimesSync(join(folder, 'run.json'), begun / 1_000, begun / 1_000);
}

test('after an orderly end there is nothing to tell', () => {
  const folder = folderWith(undefined);
  assert.equal(takeRestarts(folder, NOW, BOOTED, true), undefined);
  assert.equal(existsSync(join(folder, RESTARTS_FILE)), false);
});

test('a run file that was left is told of once, with the time at which it was found', () => {
  const folder = folderWith(NOW - 5 * HOUR);
  assert.deepEqual(takeRestarts(folder, NOW, BOOTED, true), { at: NOW, times: 1 });
  assert.equal(existsSync(join(folder, 'run.json')), false, 'a start that fails now is not counted again');
  assert.deepEqual(takeRestarts(folder, NOW + HOUR, BOOTED, true), { at: NOW, times: 1 });
  if (process.platform !== 'win32') assert.equal(statSync(join(folder, RESTARTS_FILE)).mode & 0o777, 0o600);
});

test('those of the last 24 hours are counted, and then forgotten', () => {
  const folder = folderWith(NOW - HOUR);
  takeRestarts(folder, NOW, BOOTED, true);
  leave(folder, NOW);
  assert.deepEqual(takeRestarts(folder, NOW + 10 * HOUR, BOOTED, true), { at: NOW + 10 * HOUR, times: 2 });
  assert.deepEqual(takeRestarts(folder, NOW + 24 * HOUR, BOOTED, true), { at: NOW + 10 * HOUR, times: 1 });
  assert.equal(takeRestarts(folder, NOW + 34 * HOUR, BOOTED, true), undefined);
});

test('where the system ends programs without a word, only the second end within an hour is told of', () => {
  const folder = folderWith(NOW - 12 * HOUR);
  const end = (at: number, begun: number) => {
    leave(folder, begun);
    return takeRestarts(folder, at, BOOTED, false);
  };
  assert.equal(end(NOW, NOW - 12 * HOUR), undefined, 'a sign-out');
  assert.equal(end(NOW + 10 * HOUR, NOW), undefined, 'and another one');
  const second = NOW + 10.5 * HOUR;
  assert.deepEqual(end(second, NOW + 10 * HOUR), { at: second, times: 1 });
  assert.deepEqual(takeRestarts(folder, second + 20 * HOUR, BOOTED, false), { at: second, times: 1 });
  assert.equal(takeRestarts(folder, second + 24 * HOUR, BOOTED, false), undefined);
});

test('a machine that was itself started since then is not blamed on Outpost', () => {
  const folder = folderWith(NOW - 2 * HOUR);
  assert.equal(takeRestarts(folder, NOW, NOW - HOUR, true), undefined);
  assert.equal(existsSync(join(folder, 'run.json')), false);
});

test('the file does not grow without end', () => {
  const folder = folderWith(undefined);
  for (let at = NOW; at < NOW + 100; at++) {
    leave(folder, at);
    takeRestarts(folder, at, BOOTED, true);
  }
  assert.equal(readRestarts(folder, NOW + 100).length, 64);
  assert.equal(takeRestarts(folder, NOW + 100, BOOTED, true)?.times, 64);
});

test('a damaged or foreign file counts as none, and is replaced', async (t) => {
  const table: readonly (readonly [string, string])[] = [
    ['no JSON', '{'],
    ['another form', '{"v":2,"found":[]}'],
    ['unknown members', `{"v":1,"found":[${NOW - 1}],"x":1}`],
    ['texts for times', '{"v":1,"found":["1"]}'],
    ['times of the future', `{"v":1,"found":[${NOW + 1},${NOW + HOUR}]}`],
    ['negative times', '{"v":1,"found":[-1]}'],
    ['too many', JSON.stringify({ v: 1, found: Array(65).fill(NOW) })],
    ['too large', `{"v":1,"found":[${NOW - 1}]}${' '.repeat(5_000)}`],
  ];
  for (const [name, text] of table) {
    await t.test(name, () => {
      const folder = folderWith(NOW - HOUR);
      writeFileSync(join(folder, RESTARTS_FILE), text);
      assert.deepEqual(readRestarts(folder, NOW), []);
      assert.deepEqual(takeRestarts(folder, NOW, BOOTED, true), { at: NOW, times: 1 });
      assert.deepEqual(readRestarts(folder, NOW), [NOW]);
    });
  }
});

test('links and pipes are neither followed nor waited for', { skip: process.platform === 'win32' }, () => {
  const folder = folderWith(NOW - HOUR);
  const elsewhere = join(folder, 'elsewhere');
  writeFileSync(elsewhere, JSON.stringify({ v: 1, found: [NOW - 1] }));
  symlinkSync(elsewhere, join(folder, RESTARTS_FILE));
  symlinkSync(elsewhere, join(folder, `${RESTARTS_FILE}.new`));
  assert.deepEqual(readRestarts(folder, NOW), []);
  assert.deepEqual(takeRestarts(folder, NOW, BOOTED, true), { at: NOW, times: 1 });
  assert.equal(readFileSync(elsewhere, 'utf8'), JSON.stringify({ v: 1, found: [NOW - 1] }));

  const other = folderWith(undefined);
  execFileSync('mkfifo', [join(other, RESTARTS_FILE), join(other, 'run.json')]);
  assert.equal(takeRestarts(other, NOW, BOOTED, true), undefined);
});
