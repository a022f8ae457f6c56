// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Owner } from '../owner.ts';
import { createFinder, type Finder } from './finder.ts';
import { type Proc, readStat } from './proc.ts';

/** A system of processes with sockets, that counts who was asked. */
function system(sockets: Map<number, readonly string[]>) {
  const asked: number[] = [];
  const starts = new Map<number, string>();
  const proc: Proc = {
    pids: () => [...sockets.keys()],
    descriptors: (pid) => {
      asked.push(pid);
      return (sockets.get(pid) ?? []).map((_, index) => String(index));
    },
    socketAt: (pid, descriptor) => sockets.get(pid)?.[Number(descriptor)],
    read: (pid) =>
      sockets.has(pid)
        ? {
            pid,
            parent: 1,
            uid: 1,
            comm: 'c',
            exe: `/opt/${pid}/app${pid}`,
            script: undefined,
            helper: false,
            started: starts.get(pid) ?? '1',
          }
        : undefined,
  };
  return { proc, asked, starts };
}

const instantly = () => Promise.resolve();

async function findOne(finder: Finder, inode: string): Promise<Owner | undefined> {
  let answer: Owner | undefined;
  await finder.find([inode], (_inode, owner) => {
    answer = owner;
  });
  return answer;
}

test('the newest process is asked first, and one that was found before all others', async () => {
  const { proc, asked } = system(
    new Map([
      [10, ['a', 'b']],
      [20, ['c']],
      [30, ['d']],
    ]),
  );
  const finder = createFinder(proc, () => 0, instantly);
  assert.equal((await findOne(finder, 'a'))?.pid, 10);
  assert.deepEqual(asked.splice(0), [30, 20, 10]);
  assert.equal((await findOne(finder, 'b'))?.app, 'app10');
  assert.deepEqual(asked.splice(0), [10]);
  assert.equal(await findOne(finder, 'nowhere'), undefined);
  assert.deepEqual(asked, [10, 30, 20]);
});

test('sixteen processes are remembered', async () => {
  const { proc, asked } = system(new Map(Array.from({ length: 40 }, (_, i) => [i + 1, [`s${i + 1}`]])));
  const finder = createFinder(proc, () => 0, instantly);
  for (let pid = 1; pid <= 20; pid++) await findOne(finder, `s${pid}`);
  asked.length = 0;
  await findOne(finder, 's5');
  assert.deepEqual(
    asked,
    Array.from({ length: 16 }, (_, i) => 20 - i),
  );
  asked.length = 0;
  await findOne(finder, 's4');
  assert.ok(asked.length > 16);
});

test('a process that loses the socket while it is read is not its owner', async () => {
  const sockets = new Map([[10, ['a']]]);
  const { proc } = system(sockets);
  const finder = createFinder(
    {
      ...proc,
      read: (pid) => {
        const info = proc.read(pid);
        sockets.set(pid, []);
        return info;
      },
    },
    () => 0,
    instantly,
  );
  assert.equal(await findOne(finder, 'a'), undefined);
});

test('a pid that was given to another process is another owner', async () => {
  const { proc, starts } = system(new Map([[10, ['a']]]));
  const finder = createFinder(proc, () => 0, instantly);
  const first = await findOne(finder, 'a');
  starts.set(10, '2');
  const second = await findOne(finder, 'a');
  assert.deepEqual([first?.started, second?.started], ['1', '2']);
});

test('a long walk lets others run, and ends', async () => {
  const { proc, asked } = system(new Map(Array.from({ length: 10_000 }, (_, i) => [i + 1, []])));
  let now = 0;
  let breaths = 0;
  const finder = createFinder(
    proc,
    () => (now += 1),
    () => {
      breaths += 1;
      return Promise.resolve();
    },
  );
  assert.equal(await findOne(finder, 'nowhere'), undefined);
  assert.ok(asked.length < 1000, `${asked.length}`);
  assert.ok(breaths > 20, `${breaths}`);
});

test('many sockets are found in one walk that visits and reads each process once', async () => {
  const many = Array.from({ length: 150 }, (_, i) => `s${i}`);
  const { proc, asked } = system(
    new Map([
      [10, ['a', ...many.slice(0, 100), 'b']],
      [20, ['c']],
      [30, many.slice(100)],
    ]),
  );
  const read: number[] = [];
  const finder = createFinder(
    {
      ...proc,
      read: (pid) => {
        read.push(pid);
        return proc.read(pid);
      },
    },
    () => 0,
    instantly,
  );
  const pids = new Map<string, number>();
  await finder.find([...many, 'nowhere'], (inode, { pid }) => pids.set(inode, pid));
  assert.deepEqual(
    many.map((inode) => pids.get(inode)),
    many.map((_, i) => (i < 100 ? 10 : 30)),
  );
  assert.equal(pids.size, 150);
  assert.deepEqual(asked.splice(0), [30, 20, 10]);
  // Each and, for the name of the app, its parent.
  assert.deepEqual(read, [30, 10]);
  // Both are remembered, the latest first.
  await finder.find(['b', 's149'], () => undefined);
  assert.deepEqual(asked, [10, 30]);
});

test('a name with spaces and parentheses does not shift the fields of stat', () => {
  const fields = ['S', '77', ...Array.from({ length: 17 }, (_, i) => String(i)), '4242', 'x'];
  assert.deepEqual(readStat(`12 (a) b (c)) ${fields.join(' ')}`), { comm: 'a) b (c)', parent: 77, started: '4242' });
  assert.equal(readStat(''), undefined);
  assert.equal(readStat('12 (x) S'), undefined);
});
