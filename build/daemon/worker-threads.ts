// SPDX-License-Identifier: Apache-2.0
// Takes the place of node:worker_threads in the executable. All rooms start a thread by the address of its source, which here is the name
// of a text inside the executable; they do not know the difference.

import { Worker as NodeWorker, type WorkerOptions } from 'node:worker_threads';
import { embeddedText } from './embedded.ts';

export * from 'node:worker_threads';

export class Worker extends NodeWorker {
  constructor(entry: string, options: WorkerOptions) {
    super(embeddedText(entry), { ...options, eval: true });
  }
}
