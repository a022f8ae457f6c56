// SPDX-License-Identifier: Apache-2.0
// From a path to a Policy or to errors. Has the files checked in a thread that ends afterwards: zod and the YAML parser would
// hold 20 MB of an always-on daemon for ever (measured), and a file made to be slow must not hold up traffic.

import { Worker } from 'node:worker_threads';
import { indexCatalogue } from './catalogue.ts';
import type { Checked, CheckRequest, Faulty, LookedAt } from './check.ts';
import { compilePolicy } from './compile.ts';
import type { Policy } from './policy.ts';

/** Far above what the largest allowed file (1 MB) should need; a file that needs more is refused with the thread, not with the daemon. */
const MOST_MEMORY_MB = 512;

export type LoadResult =
  | {
      readonly ok: true;
      readonly policy: Policy;
      /** False: there is no file, and the defaults rule. */
      readonly present: boolean;
      /** SHA-256 over all that was read; equal means nothing changed. */
      readonly fingerprint: string;
      readonly looked: LookedAt;
    }
  | Faulty;

function failed(message: string): Faulty {
  return { ok: false, errors: [{ message, line: 0, column: 0, at: '' }], looked: undefined };
}

/** Never rejects: a thread that dies is an error of the file that it could not cope with. */
function checkInThread(request: CheckRequest): Promise<Checked> {
  return new Promise((resolve) => {
    const thread = new Worker(new URL('./check-worker.ts', import.meta.url), {
      name: 'policy-check',
      workerData: request,
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
    });
    let answer: Checked = failed('the file could not be checked');
    thread.on('message', (checked: Checked) => {
      answer = checked;
    });
    thread.on('error', (error: NodeJS.ErrnoException) => {
      // The code only: a message could repeat what stands in the file.
      answer = failed(`the file could not be checked (${error.code ?? error.name})`);
    });
    // Not before its end: then its memory is free again.
    thread.on('exit', () => resolve(answer));
  });
}

/** Loads. Never rejects. */
export async function loadPolicy(request: CheckRequest, generation: number): Promise<LoadResult> {
  const { env } = request;
  const checked = await checkInThread({ ...request, env: { ...env } });
  if (!checked.ok) return checked;
  const { config, text, rows, named, fingerprint, looked } = checked;
  const catalogue = indexCatalogue(rows);
  const compiled = compilePolicy({ config, text: text ?? '', catalogue, env, named, generation });
  // The check has compiled the same before; were it ever to differ, nothing half-checked becomes active.
  if (!compiled.ok) {
    return {
      ok: false,
      looked,
      errors: compiled.issues.map(({ message }) => ({ message, line: 0, column: 0, at: '' })),
    };
  }
  return { ok: true, policy: compiled.policy, present: text !== undefined, fingerprint, looked };
}
