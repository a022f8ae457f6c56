// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { temporaryFolder } from '../../../test/fakes/audit-rows.ts';
import { queueFileName } from './folder.ts';
import { openReadable } from './open-readable.ts';
import { PAGE_BYTES, QueueFile } from './queue-file.ts';

function newFile(t: TestContext): { dir: string; file: QueueFile } {
  const dir = temporaryFolder(t);
  const name = queueFileName(dir, Date.UTC(2030, 0, 1), '0123456789abcdef');
  const file = QueueFile.create(name, { rows: [{ at: 1, body: '{"kind":"epoch"}' }], carried: [], run: 1, ticket: 0 });
  t.after(() => file.db.open && file.close());
  return { dir, file };
}

test('a new file has the pragmas of the design, and is private', (t) => {
  const { file } = newFile(t);
  const pragma = (name: string) => file.db.pragma(name, { simple: true });
  assert.equal(pragma('journal_mode'), 'wal');
  assert.equal(pragma('page_size'), PAGE_BYTES);
  assert.equal(pragma('synchronous'), 2);
  assert.equal(pragma('wal_autocheckpoint'), 1000);
  assert.equal(pragma('journal_size_limit'), 16 * 1024 * 1024);
  file.append([{ at: 2, body: '{}' }], 'normal');
  if (process.platform === 'win32') return;
  for (const suffix of ['', '-wal', '-shm']) assert.equal(statSync(`${file.name.path}${suffix}`).mode & 0o777, 0o600);
});

test('each append has the durability that it was asked for', (t) => {
  const { file } = newFile(t);
  const synchronous = () => file.db.pragma('synchronous', { simple: true });
  file.append([{ at: 2, body: '{}' }], 'normal');
  assert.equal(synchronous(), 1);
  file.append([{ at: 3, body: '{}' }], 'full');
  assert.equal(synchronous(), 2);
  file.append([{ at: 4, body: '{}' }], 'normal');
  file.sync();
  assert.equal(synchronous(), 2);
});

test('an append that fails leaves the chain as it was', (t) => {
  const { file } = newFile(t);
  file.limitPages(file.pages + 1);
  const end = file.end;
  assert.throws(() => file.append([{ at: 2, body: 'x'.repeat(200_000) }], 'normal'), { code: 'SQLITE_FULL' });
  assert.deepEqual(file.end, end);
  assert.equal(file.append([{ at: 3, body: '{}' }], 'normal')[0]?.seq, 2);
});

test('a file that cannot be made leaves nothing behind', (t) => {
  const dir = temporaryFolder(t);
  const name = queueFileName(dir, 0, '0123456789abcdef');
  const twice = { request: 'r', epoch: 'e', seq: 1, run: null };
  assert.throws(() => QueueFile.create(name, { rows: [], carried: [twice, twice], run: 1, ticket: 0 }));
  assert.deepEqual(readdirSync(dir), []);
});

test('a reader never makes a file, however the writer ended', (t) => {
  const { dir, file } = newFile(t);
  file.append([{ at: 2, body: '{}' }], 'normal');
  const read = (): number => {
    const readable = openReadable(file.name.path);
    const rows = [...readable.rows()].length;
    readable.close();
    return rows;
  };
  assert.equal(read(), 2, 'beside the writer');
  file.close();
  assert.deepEqual(readdirSync(dir), [file.name.name]);
  assert.equal(read(), 2, 'after the writer closed it');
  assert.deepEqual(readdirSync(dir), [file.name.name]);
  // A file whose log is gone but which says that it has one, as a copy or a plain close leaves it.
  const marked = new Database(file.name.path);
  marked.pragma('journal_mode = WAL');
  marked.close();
  const before = readFileSync(file.name.path);
  assert.equal(before[18], 2);
  assert.equal(read(), 2, 'with the mark of a log');
  assert.deepEqual(readdirSync(dir), [file.name.name]);
  assert.deepEqual(readFileSync(file.name.path), before);
});

test('a reader that is in the way of closing does no harm', (t) => {
  const { file } = newFile(t);
  file.append([{ at: 2, body: '{}' }], 'normal');
  const readable = openReadable(file.name.path);
  const rows = readable.rows();
  rows.next();
  file.close();
  readable.close();
  assert.equal(existsSync(`${file.name.path}-wal`), true);
  const again = openReadable(file.name.path);
  assert.equal([...again.rows()].length, 2);
  again.close();
});
