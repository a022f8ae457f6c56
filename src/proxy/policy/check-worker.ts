// SPDX-License-Identifier: Apache-2.0
// Entry of the thread that checks one configuration and ends. Wires the message port; knows nothing else.

import { parentPort, workerData } from 'node:worker_threads';
import { checkConfig } from './check.ts';

const port = parentPort;
if (port === null) throw new Error('check-worker.ts is the entry of a thread');

void checkConfig(workerData).then((checked) => port.postMessage(checked));
