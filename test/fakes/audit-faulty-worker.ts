// SPDX-License-Identifier: Apache-2.0
// A writer thread with faults: the real service behind a port that stalls or ends the thread when the test says so.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { ToWriter } from '../../src/proxy/audit/writer-protocol.ts';
import { serveWriter } from '../../src/proxy/audit/writer-service.ts';
import { systemClock } from '../../src/proxy/clock.ts';

const port = parentPort;
if (port === null) throw new Error('this is the entry of a thread');
const faults = new Int32Array(workerData.faults);
/** A thread that nobody wakes does so by itself: whoever waits for it would never get to waking it. Milliseconds. */
const LONGEST_SLEEP = 15_000;

/** Lets the fault that is set happen to a message that has come. */
function suffer(message: ToWriter): ToWriter {
  if (Atomics.exchange(faults, 0, 0) === 1) {
    Atomics.store(faults, 3, 1);
    Atomics.wait(faults, 3, 1, LONGEST_SLEEP);
    Atomics.store(faults, 3, 0);
  }
  // In a thread, process.exit ends the thread only.
  if (message.type === 'rows' && Atomics.exchange(faults, 1, 0) === 1) process.exit(1);
  return message;
}

serveWriter(
  {
    post: (message) => {
      if (message.type === 'stored' && message.through > 0 && Atomics.exchange(faults, 2, 0) === 1) process.exit(1);
      port.postMessage(message);
    },
    listen: (receive) => void port.on('message', (message) => receive(suffer(message))),
    take: () => {
      const taken = receiveMessageOnPort(port);
      return taken === undefined ? undefined : suffer(taken.message);
    },
    end: () => port.close(),
  },
  workerData.data,
  systemClock,
);
