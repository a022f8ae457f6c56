// SPDX-License-Identifier: Apache-2.0
// Has a policy checked, in a thread that ends: a text made to be slow must not hold up the polls of all devices. What it finds is what
// devices would find. Knows no version and no state.

import { Worker } from 'node:worker_threads';
import { bundlePayload } from '../../contract/sync/objects.ts';
import { LIMITS } from '../../contract/sync/words.ts';
import { indexCatalogue } from '../../proxy/policy/catalogue.ts';
import { compilePolicy } from '../../proxy/policy/compile.ts';
import type { Policy } from '../../proxy/policy/policy.ts';
import type { Context } from '../context.ts';
import { fewAtOnce } from '../few-at-once.ts';
import { secretValues } from '../objects/secrets.ts';
import { type PolicyFault, Refused } from '../refused.ts';
import type { BundleToCheck, CheckedBundle } from './check-bundle.ts';

/** As much as devices allow it. */
const MOST_MEMORY_MB = 512;
/** Milliseconds. The largest text that is allowed takes a few seconds. */
const LONGEST = 60_000;
const MOST_THREADS = 2;
/** Each of them keeps its texts, of up to 18 MB. */
const MOST_WAITING = 4;
/** Bytes of a signed bundle besides its texts. */
const OVERHEAD = 4_096;

/** Of the whole process. */
const threads = fewAtOnce({
  atOnce: MOST_THREADS,
  waiting: MOST_WAITING,
  refusal: 'too many policies are being checked just now; try again in a minute',
});

export interface PolicyText {
  /** outpost.yaml. */
  readonly config: string;
  /** What it names, by that name. */
  readonly files: Readonly<Record<string, string>>;
}

export type PolicyCheck =
  | { readonly ok: true; readonly warnings: readonly PolicyFault[] }
  | { readonly ok: false; readonly faults: readonly PolicyFault[]; readonly warnings: readonly PolicyFault[] };

/** Checks as devices do, and that no key stands in it. Faults are the answer; refuses only when too many are checked already. */
export async function checkPolicy(ctx: Context, org: string, policy: PolicyText): Promise<PolicyCheck> {
  const checked = await check(ctx, org, policy);
  const { warnings } = checked;
  return checked.ok ? { ok: true, warnings } : { ok: false, faults: checked.errors, warnings };
}

/** Refuses a policy with faults. */
export async function assertGood(ctx: Context, org: string, policy: PolicyText): Promise<void> {
  const checked = await checkPolicy(ctx, org, policy);
  if (!checked.ok) throw new Refused('invalid', 'the policy has faults', checked.faults);
}

/** The policy as devices would compile it; variables of theirs are unknown here. Refuses one with faults. */
export async function compiledPolicy(ctx: Context, org: string, policy: PolicyText): Promise<Policy> {
  const checked = await check(ctx, org, policy);
  if (!checked.ok) throw new Refused('invalid', 'the policy has faults', checked.errors);
  const { config, rows, named, env } = checked;
  const secrets = await secretValues(ctx, org);
  const catalogue = indexCatalogue(rows);
  const compiled = compilePolicy({ config, text: policy.config, catalogue, env, secrets, named, generation: 0 });
  if (!compiled.ok) throw new Refused('conflict', 'the secrets were changed meanwhile; try again');
  return compiled.policy;
}

async function check(ctx: Context, org: string, { config, files }: PolicyText): Promise<CheckedBundle> {
  const { shape } = bundlePayload;
  for (const parsed of [shape.config.safeParse(config), shape.files.safeParse(files)]) {
    if (!parsed.success) return failed(parsed.error.issues[0]?.message ?? 'this cannot be a bundle');
  }
  // As the payload travels: JSON in base64url.
  const bytes = (Buffer.byteLength(JSON.stringify([config, files])) * 4) / 3;
  if (bytes > LIMITS.bundleText - OVERHEAD) return failed('the bundle would be larger than devices take');
  const secrets = await secretValues(ctx, org);
  return await threads.run(() => inThread(ctx, { config, files, secrets }));
}

function failed(message: string): CheckedBundle {
  return { ok: false, errors: [{ message, line: 0, column: 0, at: '' }], warnings: [] };
}

/** Never rejects: a thread that dies is a fault of the text that it could not cope with. */
function inThread(ctx: Context, request: BundleToCheck): Promise<CheckedBundle> {
  return new Promise((resolve) => {
    const thread = new Worker(new URL('./check-worker.ts', import.meta.url), {
      name: 'policy-check',
      workerData: request,
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
    });
    let answer = failed('the policy could not be checked');
    const timer = ctx.clock.after(LONGEST, () => {
      answer = failed('the policy takes too long to check');
      void thread.terminate();
    });
    thread.on('message', (checked: CheckedBundle) => {
      answer = checked;
    });
    thread.on('error', (error: NodeJS.ErrnoException) => {
      // The code only: a message could repeat what stands in the text.
      answer = failed(`the policy could not be checked (${error.code ?? error.name})`);
    });
    thread.on('exit', () => {
      timer.clear();
      resolve(answer);
    });
  });
}
