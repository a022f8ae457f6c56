// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Owner } from '../owner.ts';
import { type BatchDeps, createBatches } from './batch.ts';
import type { LookupReport, LookupRequest } from './messages.ts';
import { type SocketRow, searchesFor } from './net-table.ts';
import { type ReadTable, rowsInTables } from './table-rows.ts';

const OWNER: Owner = { pid: 1, uid: 1000, name: 'n', exe: '/n', script: undefined, started: '1', app: 'n' };

function request(id: number, port = 40_000 + id): LookupRequest {
  return { id, peer: { family: 4, localPort: 1, remotePort: port } };
}

function needle({ peer }: LookupRequest, file: 'tcp' | 'tcp6'): string {
  return searchesFor(peer, true).find((search) => search.file === file)?.needle ?? '';
}

/** A machine whose tables hold `rows` by needle; walks end when told to. */
function rig(rows: ReadonlyMap<string, SocketRow>) {
  const said: LookupReport[] = [];
  const reads: string[] = [];
  const walks: { readonly inodes: readonly string[]; end(...found: readonly string[]): Promise<void> }[] = [];
  const later = new Set<() => void>();
  const readTable: ReadTable = (file, needles) => {
    reads.push(`${file} ${needles.size}`);
    return new Map([...rows].filter(([key]) => needles.has(key)));
  };
  const deps: BatchDeps = {
    rowsOf: (peers) => rowsInTables(peers, true, readTable),
    finder: {
      find: (inodes, found) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        walks.push({
          inodes: [...inodes],
          end: async (...names) => {
            for (const inode of names) found(inode, OWNER);
            resolve();
            await new Promise((done) => setImmediate(done));
          },
        });
        return promise;
      },
    },
    visible: (uid) => uid === 1000,
    say: (report) => void said.push(report),
    soon: (fn) => {
      later.add(fn);
      return () => void later.delete(fn);
    },
  };
  return { answer: createBatches(deps), said, reads, walks, later };
}

const brief = (reports: readonly LookupReport[]) =>
  reports.map((report) =>
    report.kind === 'uid'
      ? `${report.id} uid ${report.uid}`
      : `${report.id} done ${report.uid} ${report.owner === undefined ? '-' : report.owner.pid}`,
  );

test('a hundred lookups cost one read of each table and one walk, and all users come before the first process', async () => {
  const requests = Array.from({ length: 100 }, (_, id) => request(id));
  const { answer, said, reads, walks } = rig(
    new Map(
      requests.map(
        (each, i) => [needle(each, i < 90 ? 'tcp' : 'tcp6'), { uid: 1000, inode: String(500 + i) }] as const,
      ),
    ),
  );
  answer(requests);
  assert.deepEqual(reads, ['tcp 100', 'tcp6 10']);
  assert.equal(walks.length, 1);
  assert.equal(walks[0]?.inodes.length, 100);
  assert.deepEqual(
    brief(said.splice(0)),
    requests.map(({ id }) => `${id} uid 1000`),
  );
  await walks[0]?.end(...Array.from({ length: 99 }, (_, i) => String(500 + i)));
  assert.deepEqual(
    brief(said),
    requests.map(({ id }) => (id < 99 ? `${id} done 1000 1` : '99 done 1000 -')),
  );
});

test('a lone lookup reads one table and says its user only where the walk takes long', async () => {
  const one = request(1);
  const { answer, said, reads, walks, later } = rig(new Map([[needle(one, 'tcp'), { uid: 1000, inode: '7' }]]));
  answer([one]);
  assert.deepEqual([reads, said.length, later.size], [['tcp 1'], 0, 1]);
  await walks[0]?.end('7');
  assert.deepEqual(brief(said.splice(0)), ['1 done 1000 1']);
  assert.equal(later.size, 0);
  answer([one]);
  for (const fn of later) fn();
  assert.deepEqual(brief(said), ['1 uid 1000']);
});

test('what comes during a walk is told its user at once and waits for one walk together', async () => {
  const all = [1, 2, 3].map((id) => request(id));
  const { answer, said, walks } = rig(
    new Map(all.map((each) => [needle(each, 'tcp'), { uid: 1000, inode: `${each.id}` }] as const)),
  );
  for (const each of all) answer([each]);
  assert.equal(walks.length, 1);
  assert.deepEqual(brief(said.splice(0)), ['2 uid 1000', '3 uid 1000']);
  await walks[0]?.end('1');
  assert.deepEqual(walks[1]?.inodes, ['2', '3']);
  await walks[1]?.end('3', '2');
  assert.deepEqual(brief(said), ['1 done 1000 1', '3 done 1000 1', '2 done 1000 1']);
});

test('unknown connections and other users’ are answered without a walk; one connection asked for twice is answered twice', async () => {
  const other = request(2);
  const twice = [request(3, 50_000), request(4, 50_000)] as const;
  const { answer, said, walks } = rig(
    new Map([
      [needle(other, 'tcp'), { uid: 7, inode: '1' }],
      [needle(twice[0], 'tcp'), { uid: 1000, inode: '2' }],
    ]),
  );
  answer([request(1), other]);
  assert.deepEqual(brief(said.splice(0)), ['1 done undefined -', '2 done 7 -']);
  assert.equal(walks.length, 0);
  answer(twice);
  assert.deepEqual(walks[0]?.inodes, ['2']);
  await walks[0]?.end('2');
  assert.deepEqual(brief(said), ['3 uid 1000', '4 uid 1000', '3 done 1000 1', '4 done 1000 1']);
});
