// SPDX-License-Identifier: Apache-2.0
// Entry of the writer thread. Wires the message port to the service; knows nothing else.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { systemClock } from '../clock.ts';
import { trimMemorySoon } from '../trim-memory.ts';
import { serveWriter } from './writer-service.ts';

const port = parentPort;
if (port === null) throw new Error('writer-worker.ts is the entry of a thread');

serveWriter(
  {
    post: (message) => port.postMessage(message),
    listen: (receive) => void port.on('message', receive),
    take: () => receiveMessageOnPort(port)?.message,
    end: () => port.close(),
  },
  workerData,
  systemClock,
);
trimMemorySoon(systemClock);
