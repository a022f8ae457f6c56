// SPDX-License-Identifier: Apache-2.0
// How the writer thread is started, and the part of it that its owner uses.

import { Worker } from 'node:worker_threads';
import type { WriterData } from './writer-protocol.ts';

/** Tests hand in a thread that can be made to fail. */
export type WriterThread = Pick<Worker, 'postMessage' | 'terminate' | 'on'>;
export type StartWriterThread = (data: WriterData) => WriterThread;

/** Rows live for one commit; by itself V8 lets their space grow to 48 MB under load, without being any faster (measured). */
const YOUNG_MB = 12;

export const startWriterThread: StartWriterThread = (data) =>
  new Worker(new URL('./writer-worker.ts', import.meta.url), {
    workerData: data,
    name: 'audit-writer',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
