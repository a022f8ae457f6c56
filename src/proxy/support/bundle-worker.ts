// SPDX-License-Identifier: Apache-2.0
// Entry of the thread that makes one support bundle and ends. Wires the message port; knows nothing else.

import { parentPort, workerData } from 'node:worker_threads';
import { type BundleInput, makeBundle } from './bundle.ts';

const port = parentPort;
if (port === null) throw new Error('bundle-worker.ts is the entry of a thread');

const { name, bytes } = makeBundle(workerData as BundleInput);
port.postMessage({ kind: 'made', name, bytes });
