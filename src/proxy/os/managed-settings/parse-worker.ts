// SPDX-License-Identifier: Apache-2.0
// Entry of the thread that checks the managed settings and ends. Wires the message port; knows nothing else.

import { parentPort, workerData } from 'node:worker_threads';
import { parseManagedSettings } from './parse.ts';

const port = parentPort;
if (port === null) throw new Error('parse-worker.ts is the entry of a thread');

port.postMessage(parseManagedSettings(workerData));
