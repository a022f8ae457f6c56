// SPDX-License-Identifier: Apache-2.0
// How the history thread is started, and the part of it that its owner uses.

import { Worker } from 'node:worker_threads';
import type { FromHistory, HistoryData, ToHistory } from './history-protocol.ts';

/** Tests hand in a thread that can be made to fail. */
export interface HistoryThread {
  postMessage(message: ToHistory): void;
  terminate(): Promise<unknown>;
  on(event: 'message', listener: (message: FromHistory) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: () => void): unknown;
}
export type StartHistoryThread = (data: HistoryData) => HistoryThread;

/** The largest count of usage and the fullest page need less; whatever the log holds, the daemon must not pay for it. */
const MEMORY_MB = { maxYoungGenerationSizeMb: 12, maxOldGenerationSizeMb: 128 };

export const startHistoryThread: StartHistoryThread = (data) =>
  new Worker(new URL('./history-worker.ts', import.meta.url), {
    workerData: data,
    name: 'history',
    resourceLimits: MEMORY_MB,
  });
