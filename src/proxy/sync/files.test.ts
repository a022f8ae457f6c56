// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FilePort, filePort, readOwn, replaceFile } from './files.ts';
import { openOrgFolder } from './org-folder.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'outpost-files-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The real port, with what was done to which name. */
function watched(): { readonly port: FilePort; readonly done: string[] } {
  const done: string[] = [];
  const noted = <T>(what: string, paths: readonly string[], result: () => Promise<T>): Promise<T> => {
    done.push([what, ...paths.map((path) => basename(path))].join(' '));
    return result();
  };
  const port: FilePort = {
    write: (path, bytes) => noted('write', [path], () => filePort.write(path, bytes)),
    sync: (path) => noted('sync', [path], () => filePort.sync(path)),
    rename: (from, to) => noted('rename', [from, to], () => filePort.rename(from, to)),
    syncFolder: (path) => noted('sync-folder', [], () => filePort.syncFolder(path)),
    remove: (path) => noted('remove', [path], () => filePort.remove(path)),
  };
  return { port, done };
}

test('a file is written aside, made durable, and only then given its name', async (t) => {
  const dir = folder(t);
  const { port, done } = watched();
  await replaceFile(port, join(dir, 'a'), Buffer.from('one'));
  await replaceFile(port, join(dir, 'a'), Buffer.from('two'));
  assert.deepEqual(done.slice(4), ['write a.new', 'sync a.new', 'rename a.new a', 'sync-folder']);
  assert.equal(readFileSync(join(dir, 'a'), 'utf8'), 'two');
  assert.equal(statSync(join(dir, 'a')).mode & 0o777, 0o600);
});

test('what lies in the way of a file that is being written is not written into', async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'elsewhere'), 'mine');
  symlinkSync(join(dir, 'elsewhere'), join(dir, 'a.new'));
  await replaceFile(filePort, join(dir, 'a'), Buffer.from('x'));
  assert.equal(readFileSync(join(dir, 'elsewhere'), 'utf8'), 'mine');
});

test('only a regular file that nobody else can open is read, and not more of it than allowed', async (t) => {
  const dir = folder(t);
  const path = join(dir, 'a');
  assert.equal(await readOwn(path, 10), undefined);
  writeFileSync(path, 'content', { mode: 0o600 });
  assert.equal((await readOwn(path, 7))?.toString(), 'content');
  await assert.rejects(readOwn(path, 6), /larger than 6 bytes/);
  chmodSync(path, 0o640);
  await assert.rejects(readOwn(path, 10), /open to other users/);
  symlinkSync(path, join(dir, 'link'));
  await assert.rejects(readOwn(join(dir, 'link'), 10));
  mkdirSync(join(dir, 'folder'));
  await assert.rejects(readOwn(join(dir, 'folder'), 10), /not a regular file/);
});

test('a new generation takes the place of the one before, which is kept', async (t) => {
  const dir = join(folder(t), 'org');
  const { port, done } = watched();
  const files = openOrgFolder(dir, port);
  const read = async () => [String(await files.readPolicy('current')), String(await files.readPolicy('previous'))];
  await files.activate(Buffer.from('1'), false);
  assert.deepEqual(await read(), ['1', 'undefined']);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  done.length = 0;
  await files.activate(Buffer.from('2'), true);
  assert.deepEqual(await read(), ['2', '1']);
  assert.deepEqual(done, [
    'write policy.next',
    'sync policy.next',
    'rename policy.current policy.previous',
    'rename policy.next policy.current',
    'sync-folder',
  ]);
  await files.activate(Buffer.from('3'), false);
  assert.deepEqual(await read(), ['3', '1'], 'a generation that cannot rule does not replace one that can');
});
