// SPDX-License-Identifier: Apache-2.0
// Invariant A8, local part: a fork, an epoch reset, a restored old file, a deleted file, a deleted row: each is its own finding.

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { listQueueFiles, type QueueFileName, queueFileName, readHead } from '../../src/proxy/audit/folder.ts';
import { QueueFile } from '../../src/proxy/audit/queue-file.ts';
import { type Finding, verifyFolder } from '../../src/proxy/audit/verify.ts';
import { openTestLog } from '../fakes/audit-log.ts';
import { intentBody, outcomeBody, temporaryFolder } from '../fakes/audit-rows.ts';

/** Rotates as soon as a file has its smallest size. */
const SMALL = { fileBytes: 1 };

async function call(dir: string, prefix: string, calls: number, more: { fileBytes?: number } = {}): Promise<void> {
  const log = await openTestLog(dir, more);
  const one = async (request: string): Promise<void> => {
    await log.intent(intentBody(request));
    log.outcome(outcomeBody(request));
  };
  // A few at a time: a file is rotated between commits only.
  for (let n = 0; n < calls; n += 20) {
    await Promise.all(Array.from({ length: Math.min(20, calls - n) }, (_, k) => one(`${prefix}${n + k}`)));
  }
  await log.close();
}

/** A whole log of several files. */
async function makeLog(t: TestContext): Promise<{ dir: string; files: readonly QueueFileName[] }> {
  const dir = temporaryFolder(t);
  await call(dir, 'r', 600, SMALL);
  const files = listQueueFiles(dir);
  assert.ok(files.length >= 4, `${files.length} files`);
  assert.deepEqual(verifyFolder(dir).findings, []);
  return { dir, files };
}

function kinds(findings: readonly Finding[]): string[] {
  return findings.map(({ kind }) => kind);
}

function nth(files: readonly QueueFileName[], index: number): QueueFileName {
  const file = files.at(index);
  assert.ok(file !== undefined);
  return file;
}

function edit(file: QueueFileName, sql: string): void {
  const db = new Database(file.path);
  db.exec(sql);
  db.close();
}

test('two files of one epoch with different content: a fork, with the first row that differs', async (t) => {
  const dir = temporaryFolder(t);
  await call(dir, 'r', 10);
  const file = nth(listQueueFiles(dir), 0);
  const other = temporaryFolder(t);
  for (const name of [file.name, 'head.json']) copyFileSync(join(dir, name), join(other, name));
  await call(dir, 'one', 5);
  await call(other, 'two', 5);
  const copy = queueFileName(dir, file.created + 1, file.epoch);
  copyFileSync(join(other, basename(file.path)), copy.path);
  const { findings } = verifyFolder(dir);
  assert.deepEqual(
    findings.filter(({ kind }) => kind === 'fork').map(({ file: name, seq }) => [name, seq]),
    [[copy.name, 22]],
  );
});

test('the same file twice is a copy, not a fork', async (t) => {
  const dir = temporaryFolder(t);
  await call(dir, 'r', 10);
  const file = nth(listQueueFiles(dir), 0);
  copyFileSync(file.path, queueFileName(dir, file.created + 1, file.epoch).path);
  assert.deepEqual(kinds(verifyFolder(dir).findings), ['copy']);
});

test('a new epoch that denies those before it: an epoch reset', async (t) => {
  const { dir, files } = await makeLog(t);
  const name = queueFileName(dir, nth(files, -1).created + 1, '0123456789abcdef');
  const body = '{"kind":"epoch","reason":"first"}';
  QueueFile.create(name, { rows: [{ at: 1, body }], carried: [], run: 1, ticket: 0 }).close();
  const { findings } = verifyFolder(dir);
  assert.deepEqual(kinds(findings), ['epoch-reset']);
  assert.equal(findings[0]?.file, name.name);
});

test('a daemon that finds a foreign newest file does not go on in it', async (t) => {
  const { dir, files } = await makeLog(t);
  const name = queueFileName(dir, nth(files, -1).created + 1, '0123456789abcdef');
  const body = '{"kind":"epoch","reason":"first"}';
  QueueFile.create(name, { rows: [{ at: 1, body }], carried: [], run: 1, ticket: 0 }).close();
  await call(dir, 'after', 2);
  assert.equal(listQueueFiles(dir).length, files.length + 2);
  assert.ok(kinds(verifyFolder(dir).findings).includes('epoch-reset'));
});

for (const when of ['before the daemon starts', 'after the daemon has gone on'] as const) {
  test(`an old copy of the newest file is put back, looked at ${when}: rolled back`, async (t) => {
    const dir = temporaryFolder(t);
    await call(dir, 'old', 10);
    const file = nth(listQueueFiles(dir), 0);
    const old = join(temporaryFolder(t), 'old');
    copyFileSync(file.path, old);
    await call(dir, 'new', 10);
    copyFileSync(old, file.path);
    if (when === 'after the daemon has gone on') await call(dir, 'later', 10);
    const { findings } = verifyFolder(dir);
    assert.deepEqual(kinds(findings), ['rolled-back']);
    assert.match(findings[0]?.text ?? '', /ends at row 21 but once had 41/);
  });

  test(`the newest file is deleted, looked at ${when}: a missing file`, async (t) => {
    const { dir, files } = await makeLog(t);
    rmSync(nth(files, -1).path);
    if (when === 'after the daemon has gone on') await call(dir, 'later', 10);
    const { findings } = verifyFolder(dir);
    assert.deepEqual(kinds(findings), ['missing-file']);
    assert.match(findings[0]?.text ?? '', new RegExp(nth(files, -1).epoch));
  });
}

for (const index of [0, 1]) {
  test(`file ${index} of a longer log is deleted: a missing file, named by the one behind it`, async (t) => {
    const { dir, files } = await makeLog(t);
    rmSync(nth(files, index).path);
    const { findings } = verifyFolder(dir);
    assert.deepEqual(kinds(findings), ['missing-file']);
    assert.equal(findings[0]?.file, nth(files, index + 1).name);
  });
}

test('an older file was changed at its end: each way is its own finding', async (t) => {
  const { dir, files } = await makeLog(t);
  const file = nth(files, 1);
  const kept = join(temporaryFolder(t), 'kept');
  copyFileSync(file.path, kept);
  const end = verifyFolder(dir).rows;
  assert.ok(end > 0);
  edit(file, 'DELETE FROM rows WHERE seq = (SELECT max(seq) FROM rows)');
  assert.deepEqual(kinds(verifyFolder(dir).findings), ['rolled-back']);
  copyFileSync(kept, file.path);
  const more = QueueFile.open(file, 1);
  more.append([{ at: 1, body: '{"kind":"gap","reason":"stopped"}' }], 'full');
  more.close();
  assert.deepEqual(kinds(verifyFolder(dir).findings), ['fork']);
});

test('rows that are deleted, changed, or put in elsewhere are found in their file and row', async (t) => {
  const { dir, files } = await makeLog(t);
  const file = nth(files, 1);
  const kept = join(temporaryFolder(t), 'kept');
  copyFileSync(file.path, kept);
  for (const [sql, expected] of [
    ['DELETE FROM rows WHERE seq = 30', [['gap', 31]]],
    ["UPDATE rows SET body = replace(body, 'model-a', 'model-b') WHERE seq = 31", [['hash', 31]]],
    ['UPDATE rows SET at = at + 1 WHERE seq = 31', [['hash', 31]]],
    [
      'UPDATE rows SET seq = -seq WHERE seq = 31; UPDATE rows SET seq = 31 WHERE seq = 32',
      [
        ['hash', -31],
        ['hash', 31],
        ['gap', 33],
      ],
    ],
  ] as const) {
    copyFileSync(kept, file.path);
    edit(file, sql);
    const { findings } = verifyFolder(dir);
    const found = findings.map(({ kind, seq, file: name }) => {
      assert.equal(name, file.name);
      return [kind, seq];
    });
    assert.deepEqual(found, expected, sql);
  }
});

test('a missing or unreadable head file is a finding, and the daemon writes it anew', async (t) => {
  const { dir } = await makeLog(t);
  rmSync(join(dir, 'head.json'));
  assert.deepEqual(kinds(verifyFolder(dir).findings), ['head']);
  writeFileSync(join(dir, 'head.json'), '{"v":1,"epoch":"');
  assert.deepEqual(kinds(verifyFolder(dir).findings), ['head']);
  await call(dir, 'later', 1);
  assert.deepEqual(verifyFolder(dir).findings, []);
  assert.equal(readHead(dir).state, 'known');
});

test('an empty or absent folder is whole, and looking makes nothing', (t) => {
  const dir = join(temporaryFolder(t), 'absent');
  assert.deepEqual(verifyFolder(dir), { files: 0, rows: 0, findings: [], explained: [] });
  assert.equal(existsSync(dir), false);
  mkdirSync(dir);
  assert.deepEqual(verifyFolder(dir), { files: 0, rows: 0, findings: [], explained: [] });
});
