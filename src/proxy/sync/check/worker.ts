// SPDX-License-Identifier: Apache-2.0
// Entry of the thread that checks what came from the control plane, or lay on the disk, and ends. Wires the message port; knows nothing else.

import { parentPort, workerData } from 'node:worker_threads';
import { check } from './check.ts';

const port = parentPort;
if (port === null) throw new Error('worker.ts is the entry of a thread');

void check(workerData).then((answer) => port.postMessage(answer));
