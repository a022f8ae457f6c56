// SPDX-License-Identifier: Apache-2.0
// Invariant A6: each flipped bit in row data is reported with its row, and the rest is salvaged; zeroed pages lose only their rows.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import type { DamagedFileName, QueueFileName } from '../../src/proxy/audit/folder.ts';
import { listQueueFiles } from '../../src/proxy/audit/folder.ts';
import { PAGE_BYTES, QueueFile } from '../../src/proxy/audit/queue-file.ts';
import { readRows, rowsOfCall } from '../../src/proxy/audit/reader.ts';
import { Salvage } from '../../src/proxy/audit/salvage.ts';
import { verifyFolder } from '../../src/proxy/audit/verify.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { openTestLog, until } from '../fakes/audit-log.ts';
import { intentBody, outcomeBody, temporaryFolder } from '../fakes/audit-rows.ts';

const FLIPS = 200;
/** Of SQLite's file format. */
const LEAF_TABLE_PAGE = 13;
const LONGEST_CELL_HEADER = 40;

/** A closed log with `calls` calls in one file. */
async function makeLog(t: TestContext, calls: number): Promise<{ dir: string; file: QueueFileName; bytes: Buffer }> {
  const dir = temporaryFolder(t);
  const log = await openTestLog(dir);
  for (let n = 0; n < calls; n++) {
    await log.intent(intentBody(`r${n}`));
    log.outcome(outcomeBody(`r${n}`));
  }
  await log.close();
  const [file] = listQueueFiles(dir);
  assert.ok(file !== undefined);
  return { dir, file, bytes: readFileSync(file.path) };
}

/** Where the data of each row lies in the file: its hash, the hash before it, its text. */
function rowData(file: QueueFileName, bytes: Buffer): { seq: number; from: number; to: number }[] {
  const db = new Database(file.path, { readonly: true });
  const rows = db.prepare<[], { seq: number; prev: Buffer; hash: Buffer; body: string }>(
    'SELECT seq, prev, hash, body FROM rows',
  );
  const places = rows.all().map(({ seq, prev, hash, body }) => {
    const stored = Buffer.concat([prev, hash, Buffer.from(body)]);
    let from = bytes.indexOf(stored);
    while (from > 0 && !isLive(bytes, from)) from = bytes.indexOf(stored, from + 1);
    assert.ok(from > 0, `row ${seq} lies in one piece`);
    return { seq, from, to: from + stored.length };
  });
  db.close();
  return places;
}

/** Pages keep old copies of rows that moved when a page was split: a live row has a cell pointer of a leaf page shortly before it. */
function isLive(bytes: Buffer, at: number): boolean {
  const page = Math.floor(at / PAGE_BYTES) * PAGE_BYTES;
  const header = page === 0 ? 100 : page;
  if (bytes[header] !== LEAF_TABLE_PAGE) return false;
  const cells = bytes.readUInt16BE(header + 3);
  return Array.from({ length: cells }, (_, cell) => page + bytes.readUInt16BE(header + 8 + 2 * cell)).some(
    (cell) => cell < at && cell > at - LONGEST_CELL_HEADER,
  );
}

function random(limit: number): number {
  return Math.floor(Math.random() * limit);
}

test(`${FLIPS} flipped bits in row data: each is reported with its row, and the other rows are salvaged`, async (t) => {
  const { dir, file, bytes } = await makeLog(t, 60);
  const places = rowData(file, bytes);
  const all = places.length;
  const scratch = join(dir, 'scratch');
  mkdirSync(scratch);
  const into = QueueFile.create(
    { name: 'into', path: join(scratch, 'into.db'), epoch: '0'.repeat(16), created: 0 },
    { rows: [], carried: [], run: 1, ticket: 0 },
  );
  t.after(() => into.close());
  for (let n = 0; n < FLIPS; n++) {
    const place = places[random(all)];
    assert.ok(place !== undefined);
    const at = place.from + random(place.to - place.from);
    const bit = 1 << random(8);
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ bit;
    writeFileSync(file.path, flipped);
    const what = `row ${place.seq}, byte ${at - place.from}, bit ${bit}`;

    const { findings } = verifyFolder(dir);
    assert.deepEqual(
      findings.filter(({ kind }) => kind === 'hash').map(({ seq }) => seq),
      [place.seq],
      what,
    );

    const damaged: DamagedFileName = { name: `bad-${n}`, path: file.path, epoch: file.epoch };
    const salvage = new Salvage(damaged, into, all);
    let gap = salvage.step();
    while (gap === undefined) gap = salvage.step();
    assert.deepEqual(
      gap,
      { kind: 'gap', reason: 'damage', epoch: file.epoch, from_seq: 1, to_seq: all, count: 1 },
      what,
    );
    const sql = 'SELECT seq FROM salvaged WHERE file = ? AND whole = 0';
    assert.deepEqual(into.db.prepare<[string], number>(sql).pluck().all(damaged.name), [place.seq], what);
  }
});

test('50 zeroed pages: the daemon starts, keeps the damaged file, and salvages every row of the other pages', async (t) => {
  const { dir, file, bytes } = await makeLog(t, 3000);
  const rows = [...readRows(dir)].length;
  const pages = bytes.length / PAGE_BYTES;
  assert.ok(pages > 100);
  // Pages of rows only: a damaged root page takes everything with it.
  const places = rowData(file, bytes);
  const leaves = [...new Set(places.map(({ from }) => Math.floor(from / PAGE_BYTES)))];
  assert.ok(leaves.length > 60);
  const zeroed = new Set<number>();
  while (zeroed.size < 50) zeroed.add(leaves[random(leaves.length)] ?? 0);
  const damaged = Buffer.from(bytes);
  for (const page of zeroed) damaged.fill(0, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
  writeFileSync(file.path, damaged);
  assert.ok(verifyFolder(dir).findings.some(({ kind }) => kind === 'unreadable' || kind === 'gap'));
  const onZeroed = ({ from }: { from: number }) => zeroed.has(Math.floor(from / PAGE_BYTES));
  const lost = places.filter(onZeroed).length;

  const log = await openTestLog(dir);
  t.after(() => log.close());
  assert.equal(await log.intent(intentBody('after')), 'go');
  await until(() => [...readRows(dir)].some(({ row }) => row.body.kind === 'gap'), 'the salvage ends');
  await log.close();
  const gap = [...readRows(dir)].map(({ row }) => row.body).find(({ kind }) => kind === 'gap');
  t.diagnostic(`${lost} of ${rows} rows were on zeroed pages`);
  assert.deepEqual(gap, { kind: 'gap', reason: 'damage', epoch: file.epoch, from_seq: 1, to_seq: rows, count: lost });
  assert.deepEqual(verifyFolder(dir).findings, []);
});

test('a flipped bit in the last rows is noticed at the start, and traffic goes on in a new epoch', async (t) => {
  const { dir, file, bytes } = await makeLog(t, 100);
  const place = rowData(file, bytes).at(-7);
  assert.ok(place !== undefined);
  const flipped = Buffer.from(bytes);
  flipped[place.to - 5] = (flipped[place.to - 5] ?? 0) ^ 4;
  writeFileSync(file.path, flipped);
  const log = await openTestLog(dir);
  t.after(() => log.close());
  assert.equal(await log.intent(intentBody('after')), 'go');
  const told = () => [...readRows(dir)].some(({ row }) => row.body.kind === 'gap');
  await until(told, 'the salvage ends');
  await log.close();
  const rows = [...readRows(dir)].map(({ row }) => row.body);
  assert.deepEqual(rows[0], {
    kind: 'epoch',
    reason: 'damage',
    previous: rows[0]?.kind === 'epoch' ? rows[0].previous : undefined,
  });
  const gap = rows.find(({ kind }) => kind === 'gap');
  assert.deepEqual(gap, { kind: 'gap', reason: 'damage', epoch: file.epoch, from_seq: 1, to_seq: 201, count: 1 });
  const kept = readdirSync(dir).filter((name) => name.startsWith(`${file.name}.bad-`));
  assert.equal(kept.length, 1);
  assert.deepEqual(readFileSync(join(dir, kept[0] ?? '')), flipped);
  const { findings, explained } = verifyFolder(dir);
  assert.deepEqual(findings, []);
  assert.deepEqual(
    explained.map(({ reason }) => reason),
    ['damage'],
  );
});

for (const [what, damage] of [
  ['an empty file', () => Buffer.alloc(0)],
  ['a file of noise', (bytes: Buffer) => Buffer.alloc(bytes.length, 'noise')],
  ['a file that was cut in half', (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length / 2))],
  ['a zeroed header', (bytes: Buffer) => Buffer.concat([Buffer.alloc(PAGE_BYTES), bytes.subarray(PAGE_BYTES)])],
] as const) {
  test(`${what} in the place of the newest file does not keep the log from opening`, async (t) => {
    const { dir, file, bytes } = await makeLog(t, 100);
    writeFileSync(file.path, damage(bytes));
    rmSync(`${file.path}-wal`, { force: true });
    assert.notDeepEqual(verifyFolder(dir).findings, []);
    const log = await openTestLog(dir);
    t.after(() => log.close());
    assert.equal(await log.intent(intentBody('after')), 'go');
    await until(() => [...readRows(dir)].some(({ row }) => row.body.kind === 'gap'), 'the salvage ends');
    await log.close();
    assert.deepEqual(verifyFolder(dir).findings, []);
  });
}

test('who looks at rows gets those of the whole files, and does not end the writer', async (t) => {
  const { dir, file, bytes } = await makeLog(t, 100);
  const log = await openTestLog(dir, { fileBytes: 1 });
  t.after(() => log.close());
  for (const request of ['a', 'b']) assert.equal(await log.intent(intentBody(request)), 'go');
  const newest = (await log.recent(3)).map(({ seq }) => seq);
  // It opens, but its newest rows are gone.
  const half = Math.floor(bytes.length / 2);
  writeFileSync(file.path, Buffer.concat([bytes.subarray(0, half), Buffer.alloc(bytes.length - half)]));
  assert.deepEqual(
    (await log.recent(1_000)).slice(0, 3).map(({ seq }) => seq),
    newest,
  );
  assert.equal(rowsOfCall(dir, 'b').length, 1);
  assert.equal(log.stats().state, 'healthy');
  assert.equal(await log.intent(intentBody('c')), 'go');
});

test('a look that fails gives nothing, and does not end the writer', async (t) => {
  const { dir, file } = await makeLog(t, 100);
  const told: string[] = [];
  const recorder = {
    ...silentLog,
    warn: (event: string) => told.push(event),
    error: (event: string) => told.push(event),
  };
  const log = await openTestLog(dir, { fileBytes: 1, log: recorder });
  t.after(() => log.close());
  assert.equal(await log.intent(intentBody('a')), 'go');
  const db = new Database(file.path);
  db.exec("UPDATE meta SET value = '2' WHERE key = 'format'");
  db.close();
  assert.deepEqual(await log.recent(1_000), []);
  assert.equal(await log.intent(intentBody('b')), 'go');
  assert.deepEqual(told, ['audit.recent-failed'], 'the writer was not started again');
});

test('a file of another version of the log is left as it is, and the reason is told', async (t) => {
  const { dir, file } = await makeLog(t, 1);
  const db = new Database(file.path);
  db.exec("UPDATE meta SET value = '2' WHERE key = 'format'; ALTER TABLE rows RENAME COLUMN body TO content");
  db.close();
  const before = readFileSync(file.path);
  const log = await openTestLog(dir);
  t.after(() => log.close());
  assert.equal(log.stats().state, 'down');
  assert.match(log.stats().reason ?? '', /has form 2 of the audit log.*run the version that made it/);
  assert.throws(() => verifyFolder(dir), /has form 2 of the audit log/);
  assert.deepEqual(readFileSync(file.path), before);
  assert.deepEqual(listQueueFiles(dir), [file]);
});
