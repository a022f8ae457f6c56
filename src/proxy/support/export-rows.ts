// SPDX-License-Identifier: Apache-2.0
// All rows of the log as JSON lines, for whoever may see them: the lines of `outpost audit export`, read in a thread of their own, at the
// reader's pace, in bounded memory. Knows no HTTP.

import { on } from 'node:events';
import { Worker } from 'node:worker_threads';

/** Each reads files of up to the log's size. */
const AT_ONCE = 2;
/** Above what a piece and zod need; more ends the thread, not the daemon. */
const MOST_MEMORY_MB = 256;

export type ExportRows = (gone: AbortSignal) => AsyncGenerator<Uint8Array>;

/** @param dir the audit folder. Of the exports that are asked for, two run and the others wait. Each throws once its reader has gone. */
export function createExportRows(dir: string): ExportRows {
  let running = 0;
  const waiting: (() => void)[] = [];

  async function* rows(gone: AbortSignal): AsyncGenerator<Uint8Array> {
    const thread = new Worker(new URL('./export-worker.ts', import.meta.url), {
      name: 'audit-export',
      workerData: dir,
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
    });
    try {
      for await (const [piece] of on(thread, 'message', { close: ['exit'], signal: gone })) {
        yield piece as Uint8Array;
        thread.postMessage('more');
      }
    } finally {
      await thread.terminate();
    }
  }

  return async function* exportRows(gone) {
    while (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      gone.throwIfAborted();
      yield* rows(gone);
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}
