// SPDX-License-Identifier: Apache-2.0
// From a path to a Policy or to errors. Has the files checked in a thread that ends afterwards.

import { indexCatalogue } from './catalogue.ts';
import type { Checked, CheckRequest, Faulty, LookedAt } from './check.ts';
import { compilePolicy } from './compile.ts';
import type { Policy } from './policy.ts';
import { askThread } from './thread.ts';

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

function failed(code: string): Faulty {
  const why = code === 'no answer' ? '' : ` (${code})`;
  const message = `the file could not be checked${why}`;
  return { ok: false, errors: [{ message, line: 0, column: 0, at: '' }], looked: undefined };
}

/** Loads. Never rejects: a thread that dies is an error of the file that it could not cope with. */
export async function loadPolicy(request: CheckRequest, generation: number): Promise<LoadResult> {
  const { env } = request;
  const entry = new URL('./check-worker.ts', import.meta.url);
  const checked = await askThread<Checked>(entry, 'policy-check', { ...request, env: { ...env } }, failed);
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
