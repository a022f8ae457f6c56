// SPDX-License-Identifier: Apache-2.0
// Remembered state over the real thread and file: exact, private to provider and caller, ended in time, bounded, and never fatal.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { FakeClock } from '../../../test/fakes/clock.ts';
import type { Log } from '../../contract/log.ts';
import type { PostedState } from './protocol.ts';
import type { StateEntry } from './record.ts';
import { open, seal } from './seal.ts';
import { createStateStore, DEFAULT_TTL_MS, type StateStore } from './store.ts';
import { openStateTable } from './table.ts';

const PLACE = { provider: 'anthropic', scope: 'app' };
const SECRET = randomBytes(32).toString('base64url');

let folder: string;
let path: string;
let clock: FakeClock;
let warnings: string[];
let stores: StateStore[];

const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (event, fields) => void warnings.push(`${event} ${JSON.stringify(fields)}`),
  error: () => undefined,
};

function store(options: { readonly secret?: string; readonly maxRows?: number; readonly maxBytes?: number } = {}) {
  const { secret = SECRET, ...bounds } = options;
  const one = createStateStore({ path, clock, log, secret: () => secret, ttlMs: () => DEFAULT_TTL_MS, ...bounds });
  stores.push(one);
  return one;
}

function entry(anchor: string, data = `data of ${anchor}`): StateEntry {
  const opaque = { dialect: 'anthropic-messages', form: 'signature', data } as const;
  return { anchor, record: [{ kind: 'reasoning', text: `thought of ${anchor}`, opaque }] };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'outpost-state-'));
  path = join(folder, 'state.db');
  clock = new FakeClock();
  warnings = [];
  stores = [];
});
afterEach(async () => {
  await Promise.all(stores.map((one) => one.close()));
  rmSync(folder, { recursive: true });
});

test('what was remembered is found again byte for byte, also after a restart', async () => {
  const odd = entry('call:1', `+/=\\n\r\n\u2028"\ud83d\ude00\ud800${'A'.repeat(100_000)}`);
  const first = store();
  first.remember(PLACE, [odd, entry('call:2')]);
  const found = await first.recall(PLACE, ['call:0', 'call:1', 'call:2']);
  assert.deepEqual(
    [...found],
    [
      ['call:1', odd.record],
      ['call:2', entry('call:2').record],
    ],
  );
  await first.close();
  assert.deepEqual((await store().recall(PLACE, ['call:1'])).get('call:1'), odd.record);
  assert.deepEqual(warnings, []);
});

test('another provider and another caller find nothing', async () => {
  const one = store();
  one.remember(PLACE, [entry('call:1')]);
  assert.equal((await one.recall({ ...PLACE, provider: 'other' }, ['call:1'])).size, 0);
  assert.equal((await one.recall({ ...PLACE, scope: 'other' }, ['call:1'])).size, 0);
  assert.equal((await one.recall({ provider: 'anthropic","app', scope: '' }, ['call:1'])).size, 0);
  assert.equal((await one.recall(PLACE, ['call:1'])).size, 1);
});

test('nothing of it can be read in the files, which are their owner’s alone', async () => {
  const one = store();
  one.remember(PLACE, [entry('call:secret-id', 'secret-data')]);
  await one.recall(PLACE, ['call:secret-id']);
  const bytes = () =>
    Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name)))).toString('latin1');
  for (const word of ['secret', 'thought', 'anthropic', 'app']) assert.equal(bytes().includes(word), false, word);
  for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name);
  await one.close();
  assert.equal(bytes().includes('secret'), false);
  assert.ok(bytes().length > 0);
});

test('a row ends with its time', async () => {
  const one = store();
  one.remember(PLACE, [entry('call:1')]);
  clock.jumpWall(DEFAULT_TTL_MS - 1);
  assert.equal((await one.recall(PLACE, ['call:1'])).size, 1);
  clock.jumpWall(1);
  assert.equal((await one.recall(PLACE, ['call:1'])).size, 0);
});

test('the newest rows are kept, within the number and within the bytes', async () => {
  const few = store({ maxRows: 3 });
  for (const name of ['a', 'b', 'c', 'd']) few.remember(PLACE, [entry(name)]);
  assert.deepEqual([...(await few.recall(PLACE, ['a', 'b', 'c', 'd'])).keys()], ['b', 'c', 'd']);
  // Remembered anew, a row is new.
  few.remember(PLACE, [entry('b')]);
  few.remember(PLACE, [entry('e')]);
  assert.deepEqual([...(await few.recall(PLACE, ['a', 'b', 'c', 'd', 'e'])).keys()], ['b', 'd', 'e']);
  await few.close();
  const small = store({ maxBytes: 25_000 });
  for (const name of ['x', 'y', 'z']) small.remember(PLACE, [entry(name, 'A'.repeat(10_000))]);
  assert.deepEqual([...(await small.recall(PLACE, ['d', 'e', 'x', 'y', 'z'])).keys()], ['y', 'z']);
});

test('no thread and no file where nothing was ever remembered', async () => {
  const one = store();
  assert.equal((await one.recall(PLACE, ['call:1'])).size, 0);
  one.remember(PLACE, []);
  await one.close();
  assert.equal(existsSync(path), false);
  one.remember(PLACE, [entry('call:1')]);
  assert.equal((await one.recall(PLACE, ['call:1'])).size, 0);
});

test('an idle thread ends, and the next use starts another', async () => {
  const one = store();
  one.remember(PLACE, [entry('call:1')]);
  await one.recall(PLACE, ['call:1']);
  await clock.advanceAsync(300_000);
  assert.equal((await one.recall(PLACE, ['call:1'])).size, 1);
  assert.deepEqual(warnings, []);
});

for (const [name, spoil] of Object.entries({
  'not a database': () => writeFileSync(path, 'x'.repeat(8_192)),
  'another table': () => writeFileSync(path, Buffer.alloc(0)),
  'damaged pages': () => {
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4_096);
    writeFileSync(path, bytes);
  },
  'cut off': () => writeFileSync(path, readFileSync(path).subarray(0, 5_000)),
})) {
  test(`a file that is no longer one is replaced: ${name}`, async () => {
    const before = store();
    before.remember(PLACE, [entry('call:1')]);
    await before.close();
    spoil();
    const after = store();
    assert.equal((await after.recall(PLACE, ['call:1'])).size, 0);
    after.remember(PLACE, [entry('call:2')]);
    after.remember(PLACE, [entry('call:3')]);
    assert.equal((await after.recall(PLACE, ['call:3'])).size, 1);
  });
}

test('a file under another secret is replaced, and says so', async () => {
  const before = store({ secret: 'another secret of somebody else' });
  before.remember(PLACE, [entry('call:1')]);
  await before.close();
  const after = store();
  assert.equal((await after.recall(PLACE, ['call:1'])).size, 0);
  assert.deepEqual(warnings, ['state.file {"code":"FOREIGN","replaced":true}']);
  after.remember(PLACE, [entry('call:2')]);
  assert.equal((await after.recall(PLACE, ['call:2'])).size, 1);
});

test('a link in the place of the file is not followed', async () => {
  const other = join(folder, 'other');
  writeFileSync(other, 'mine');
  symlinkSync(other, path);
  const one = store();
  one.remember(PLACE, [entry('call:1')]);
  assert.equal((await one.recall(PLACE, ['call:1'])).size, 0);
  assert.equal(readFileSync(other, 'utf8'), 'mine');
});

test('without a secret or a folder nothing is remembered and nothing fails', async () => {
  const one = createStateStore({
    path,
    clock,
    log,
    ttlMs: () => 1,
    secret: () => {
      throw new Error('the text of the secret');
    },
  });
  one.remember(PLACE, [entry('call:1')]);
  await one.close();
  assert.deepEqual(warnings, ['state.not-started {"reason":"UNKNOWN"}']);
  path = join(folder, 'none', 'state.db');
  const two = store();
  two.remember(PLACE, [entry('call:1')]);
  await two.close();
});

test('a thread that dies loses what it held, answers who waits, and is started again after half a minute', async () => {
  let starts = 0;
  const one = createStateStore({
    path,
    clock,
    log,
    ttlMs: () => DEFAULT_TTL_MS,
    secret: () => SECRET,
    startThread: (workerData) => {
      starts += 1;
      const dies = "require('node:worker_threads').parentPort.on('message', () => process.exit(3))";
      return starts === 1
        ? new Worker(dies, { eval: true })
        : new Worker(new URL('./state-worker.ts', import.meta.url), { workerData });
    },
  });
  stores.push(one);
  one.remember(PLACE, [entry('call:1')]);
  assert.equal((await one.recall(PLACE, ['call:1'])).size, 0);
  assert.deepEqual(warnings, ['state.thread-died {"reason":"it ended by itself"}']);
  one.remember(PLACE, [entry('call:2')]);
  assert.equal(starts, 1);
  clock.advance(30_000);
  one.remember(PLACE, [entry('call:3')]);
  assert.deepEqual([...(await one.recall(PLACE, ['call:2', 'call:3'])).keys()], ['call:3']);
});

test('a thread that does not answer is waited for a second', async () => {
  const silent =
    "require('node:worker_threads').parentPort.on('message', (m) => m.type === 'close' && process.exit(0))";
  const startThread = () => new Worker(silent, { eval: true });
  const one = createStateStore({ path, clock, log, ttlMs: () => 1_000, secret: () => SECRET, startThread });
  stores.push(one);
  one.remember(PLACE, [entry('call:1')]);
  const answer = one.recall(PLACE, ['call:1']);
  clock.advance(1_000);
  assert.equal((await answer).size, 0);
});

test('a row opens only whole, under its own key and its own end', () => {
  const [secret, key, other] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  const box = seal(secret, key, 5, 'text');
  assert.equal(open(secret, key, 5, box), 'text');
  assert.notDeepEqual(seal(secret, key, 5, 'text'), box);
  assert.equal(open(other, key, 5, box), undefined);
  assert.equal(open(secret, other, 5, box), undefined);
  assert.equal(open(secret, key, 6, box), undefined);
  for (let at = 0; at < box.length; at += 1) {
    const changed = Buffer.from(box);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(open(secret, key, 5, changed), undefined);
    assert.equal(open(secret, key, 5, box.subarray(0, at)), undefined);
  }
});

test('a row moved to another key, or given a longer life, in the file is not given out', () => {
  const options = { path, secret: randomBytes(32), maxRows: 10, maxBytes: 1_000_000 };
  const table = openStateTable(options, (code) => assert.fail(code));
  const [mine, theirs] = [randomBytes(32), randomBytes(32)];
  const row = (key: Buffer, value: string): PostedState => ({ key, value, expires: 10 });
  table.put([row(mine, 'mine'), row(theirs, 'theirs')], 1);
  assert.deepEqual(table.get([mine, theirs], 1), ['mine', 'theirs']);
  const file = new Database(path);
  const boxOf = file.prepare('SELECT box FROM state WHERE key = ?').pluck();
  file.prepare('UPDATE state SET box = ? WHERE key = ?').run(boxOf.get(theirs), mine);
  file.prepare('UPDATE state SET expires = 99 WHERE key = ?').run(theirs);
  file.close();
  assert.deepEqual(table.get([mine, theirs], 1), [undefined, undefined]);
  table.close();
});
