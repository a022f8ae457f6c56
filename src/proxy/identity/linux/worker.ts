// SPDX-License-Identifier: Apache-2.0
// The identity worker's entry: takes lookups and reads /proc, so that the event loop of the data path never
// waits for it. Knows nothing of policy, and nothing about a connection but its ports.

import { closeSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { systemClock } from '../../clock.ts';
import { trimMemorySoon } from '../../trim-memory.ts';
import { createFinder } from './finder.ts';
import type { LookupReport, LookupRequest } from './messages.ts';
import { findRow, type SocketRow, searchesFor } from './net-table.ts';
import { createProc } from './proc.ts';

/** One large read is several times faster than many small ones: the kernel walks its hash table anew for each (measured). */
const TABLE_BYTES = 1_048_576;
const buffer = Buffer.alloc(TABLE_BYTES);
const finder = createFinder(
  createProc('/proc'),
  systemClock.monotonic,
  () => new Promise((done) => setImmediate(done)),
);
const self = process.geteuid?.() ?? -1;
trimMemorySoon(systemClock);

function rowOf(request: LookupRequest): SocketRow | undefined {
  for (const { file, needle } of searchesFor(request.peer, endianness() === 'LE')) {
    try {
      const fd = openSync(`/proc/net/${file}`, 'r');
      try {
        const row = findRow(needle, buffer, (offset, length) => readSync(fd, buffer, offset, length, null));
        if (row !== undefined) return row;
      } finally {
        closeSync(fd);
      }
    } catch {
      // No such table (IPv6 switched off): the other one may have it.
    }
  }
  return undefined;
}

parentPort?.on('message', async (request: LookupRequest) => {
  const say = (report: LookupReport) => parentPort?.postMessage(report);
  const row = rowOf(request);
  if (row === undefined) return say({ id: request.id, kind: 'done', owner: undefined });
  say({ id: request.id, kind: 'uid', uid: row.uid });
  // Another user's descriptors cannot be seen without root: do not walk for nothing.
  const visible = self === 0 || self === row.uid;
  say({ id: request.id, kind: 'done', owner: visible ? await finder.find(row.inode) : undefined });
});
