// SPDX-License-Identifier: Apache-2.0
// Entry of the history thread. Wires the message port to the service; knows nothing else.

import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../clock.ts';
import { serveHistory } from './history-service.ts';

const port = parentPort;
if (port === null) throw new Error('history-worker.ts is the entry of a thread');

serveHistory(
  {
    post: (message) => port.postMessage(message),
    listen: (receive) => void port.on('message', receive),
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    end: () => port.close(),
  },
  workerData,
  systemClock,
  () => {
    const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
    // Without a setting; local time is UTC then, but Intl does not take its own word for it.
    return timeZone === 'Etc/Unknown' ? 'UTC' : timeZone;
  },
);
