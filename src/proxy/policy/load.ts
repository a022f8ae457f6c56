// SPDX-License-Identifier: Apache-2.0
// From a path to a Policy or to errors. Has the files checked in a thread that ends afterwards: zod and the YAML parser would
// hold 20 MB of an always-on daemon for ever (measured), and a file made to be slow must not hold up traffic.

import { Worker } from 'node:worker_threads';
import { indexCatalogue } from './catalogue.ts';
import type { Checked, CheckRequest } from './check.ts';
import { compilePolicy } from './compile.ts';
import type { Policy, PolicyError } from './policy.ts';
import type { Environment } from './providers.ts';

/** Far above what the largest allowed file (1 MB) should need; a file that needs more is refused with the thread, not with the daemon. */
const MOST_MEMORY_MB = 512;

export type LoadResult =
  | {
      readonly ok: true;
      readonly policy: Policy;
      /** SHA-256 over all that was read; equal means nothing changed. */
      readonly fingerprint: string;
      /** Files that were read besides the configuration. */
      readonly files: readonly string[];
    }
  | {
      readonly ok: false;
      readonly errors: readonly PolicyError[];
      readonly files: readonly string[];
    };

function failed(message: string): Checked & { ok: false } {
  return { ok: false, errors: [{ message, line: 0, column: 0, at: '' }], files: [] };
}

/** Never rejects: a thread that dies is an error of the file that it could not cope with. */
function checkInThread(request: CheckRequest): Promise<Checked> {
  return new Promise((resolve) => {
    const thread = new Worker(new URL('./check-worker.ts', import.meta.url), {
      name: 'policy-check',
      workerData: request,
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
    });
    let answer = failed('the file could not be checked') as Checked;
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

/** Loads. `path` undefined: the built-in defaults. Never rejects. */
export async function loadPolicy(path: string | undefined, env: Environment, generation: number): Promise<LoadResult> {
  const checked = await checkInThread({ path, env: { ...env } });
  if (!checked.ok) return checked;
  const { config, text, rows, folder, fingerprint, files } = checked;
  const compiled = compilePolicy({ config, text, catalogue: indexCatalogue(rows), env, folder, generation });
  // The check has compiled the same before; were it ever to differ, nothing half-checked becomes active.
  if (!compiled.ok) {
    return {
      ok: false,
      files,
      errors: compiled.issues.map(({ message }) => ({ message, line: 0, column: 0, at: '' })),
    };
  }
  return { ok: true, policy: compiled.policy, fingerprint, files };
}
