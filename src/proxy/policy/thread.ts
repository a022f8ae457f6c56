// SPDX-License-Identifier: Apache-2.0
// One question to a thread that answers and ends: zod, the YAML parser and jose would hold 20 MB of an always-on daemon for ever
// (measured), and what was made to be slow must not hold up traffic. Knows nothing of the question.

import { Worker } from 'node:worker_threads';

/** Far above what the largest allowed input (24 MB of bundle) should need; more ends the thread, not the daemon. */
const MOST_MEMORY_MB = 512;

/**
 * The first message that the thread posts. Never rejects.
 * @param failed the answer for a thread that ended without one; gets a code, since a message could repeat what was asked
 */
export function askThread<T>(entry: URL, name: string, question: unknown, failed: (code: string) => T): Promise<T> {
  return new Promise((resolve) => {
    const thread = new Worker(entry, {
      name,
      workerData: question,
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
    });
    let answer = failed('no answer');
    thread.on('message', (message: T) => {
      answer = message;
    });
    thread.on('error', (error: NodeJS.ErrnoException) => {
      answer = failed(error.code ?? error.name);
    });
    // Not before its end: then its memory is free again.
    thread.on('exit', () => resolve(answer));
  });
}
