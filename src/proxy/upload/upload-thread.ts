// SPDX-License-Identifier: Apache-2.0
// How the upload thread is started, and the part of it that its owner uses.

import { Worker } from 'node:worker_threads';
import type { FromUpload, ToUpload, UploadData } from './upload-protocol.ts';

/** Tests hand in a thread that can be made to fail. */
export interface UploadThread {
  postMessage(message: ToUpload): void;
  terminate(): Promise<unknown>;
  on(event: 'message', listener: (message: FromUpload) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: () => void): unknown;
}
export type StartUploadThread = (data: UploadData) => UploadThread;

/** A batch and its text are a few MB; whatever a server answers, the daemon must not pay for it. */
const MEMORY_MB = { maxYoungGenerationSizeMb: 12, maxOldGenerationSizeMb: 128 };

export const startUploadThread: StartUploadThread = (data) =>
  new Worker(new URL('./upload-worker.ts', import.meta.url), {
    workerData: data,
    name: 'upload',
    resourceLimits: MEMORY_MB,
  });
