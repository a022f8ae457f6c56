// SPDX-License-Identifier: Apache-2.0
// The identity worker's entry: takes lookups and reads /proc, so that the event loop of the data path never
// waits for it. Knows nothing of policy, and nothing about a connection but its ports.

import { closeSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { systemClock } from '../../clock.ts';
import { trimMemorySoon } from '../../trim-memory.ts';
import { createBatches, type ReadTable } from './batch.ts';
import { createFinder } from './finder.ts';
import type { LookupRequest } from './messages.ts';
import { findRow, findRows } from './net-table.ts';
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

/** One needle is sought in the raw bytes and ends the read; many are sought row by row. */
const readTable: ReadTable = (file, needles) => {
  try {
    const fd = openSync(`/proc/net/${file}`, 'r');
    const read = (offset: number, length: number) => readSync(fd, buffer, offset, length, null);
    try {
      const [needle] = needles;
      if (needle === undefined || needles.size > 1) return findRows(needles, buffer, read);
      const row = findRow(needle, buffer, read);
      return row === undefined ? new Map() : new Map([[needle, row]]);
    } finally {
      closeSync(fd);
    }
  } catch {
    // No such table (IPv6 switched off): the other one may have it.
    return new Map();
  }
};

if (parentPort !== null) {
  const port = parentPort;
  const answer = createBatches({
    littleEndian: endianness() === 'LE',
    readTable,
    finder,
    visible: (uid) => self === 0 || self === uid,
    say: (report) => port.postMessage(report),
    soon: (fn) => {
      const immediate = setImmediate(fn);
      return () => clearImmediate(immediate);
    },
  });
  port.on('message', (first: LookupRequest) => {
    const requests = [first];
    // Whatever came while the last batch was answered is answered together.
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      requests.push(next.message as LookupRequest);
    }
    answer(requests);
  });
}
