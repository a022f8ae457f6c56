// SPDX-License-Identifier: Apache-2.0
// Entry of the thread that checks one bundle and ends. Wires the message port; knows nothing else.

import { parentPort, workerData } from 'node:worker_threads';
import { checkBundle } from './check-bundle.ts';

const port = parentPort;
if (port === null) throw new Error('check-worker.ts is the entry of a thread');

port.postMessage(await checkBundle(workerData));
