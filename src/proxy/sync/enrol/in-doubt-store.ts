// SPDX-License-Identifier: Apache-2.0
// What rules where device management has put settings that cannot be read, and nothing is known of what they say: AI calls are refused.

import type { Log } from '../../../contract/log.ts';
import type { Environment } from '../../policy/keys.ts';
import type { PolicyStore } from '../../policy/policy.ts';
import { threadChecks } from '../check/ask.ts';
import { createOrgStore } from '../store.ts';

/** As before the first policy, where device management says so. */
const GATE = { kind: 'block', rule: 'no-policy', code: 'OUT_NO_POLICY' } as const;

export interface InDoubtOptions {
  readonly env: Environment;
  readonly log: Log;
  /** Wall time, milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** Rejects with a sentence for the operator. */
export async function openInDoubtStore({ env, log, now }: InDoubtOptions): Promise<PolicyStore> {
  const anchor = { org: '', device: '', root: '' };
  const nothing = { current: undefined, previous: undefined, fresh: undefined, floor: 0 };
  const answer = await threadChecks.start({ anchor, before: 0, dropped: true, sealingKeys: [], env: {}, ...nothing });
  if (answer === undefined) throw new Error('the built-in rules cannot be checked');
  return createOrgStore({ floors: {}, env, log, now }, answer, { orders: [], gate: GATE });
}
