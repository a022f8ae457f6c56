// SPDX-License-Identifier: Apache-2.0
// Entry of the upload thread. Wires the message port to the service; knows nothing else.

import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../clock.ts';
import { serveUploads } from './upload-service.ts';

const port = parentPort;
if (port === null) throw new Error('upload-worker.ts is the entry of a thread');

serveUploads(
  {
    post: (message) => port.postMessage(message),
    listen: (receive) => void port.on('message', receive),
    end: () => port.close(),
  },
  workerData,
  systemClock,
);
