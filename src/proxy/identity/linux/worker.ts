// SPDX-License-Identifier: Apache-2.0
// The identity worker's entry: takes lookups and asks the kernel, so that the event loop of the data path never
// waits for it. Knows nothing of policy, and nothing about a connection but its ports.

import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { systemClock } from '../../clock.ts';
import { trimMemorySoon } from '../../trim-memory.ts';
import { createBatches } from './batch.ts';
import { createFinder } from './finder.ts';
import type { LookupRequest } from './messages.ts';
import { createProc } from './proc.ts';
import { openSockDiag } from './sock-diag.ts';
import { openTableRows, type RowsOf } from './table-rows.ts';

const finder = createFinder(
  createProc('/proc'),
  systemClock.monotonic,
  () => new Promise((done) => setImmediate(done)),
);
const tables = openTableRows();
const self = process.geteuid?.() ?? -1;
trimMemorySoon(systemClock);

/** From here on questions are answered; those that came before have waited. */
function serve(port: MessagePort, rowsOf: RowsOf): void {
  const answer = createBatches({
    rowsOf,
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

const port = parentPort;
if (port !== null) void openSockDiag(tables).then((rowsOf) => serve(port, rowsOf ?? tables));
