// SPDX-License-Identifier: Apache-2.0
// Owns: having the managed settings checked in a thread that ends. Must not know where their text comes from.

import { Worker } from 'node:worker_threads';
import type { Parsed } from './parse.ts';

/** Far above what the largest file needs. */
const MOST_MEMORY_MB = 256;

/** The schema's library would hold 17 MB of the daemon for ever (measured). Never rejects. */
export function parseInThread(bytes: Uint8Array): Promise<Parsed> {
  return new Promise((done) => {
    const thread = new Worker(new URL('./parse-worker.ts', import.meta.url), {
      name: 'managed-settings',
      workerData: bytes,
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
    });
    let answer: Parsed = { ok: false, message: 'the file could not be checked', line: 0, column: 0, at: '' };
    thread.on('message', (parsed: Parsed) => {
      answer = parsed;
    });
    // Without its message, which could repeat what stands in the file.
    thread.on('error', () => undefined);
    thread.on('exit', () => done(answer));
  });
}
