// SPDX-License-Identifier: Apache-2.0
// A control plane that the holder plays: for tests of what the page makes of it.

import { ADMIN_ENDPOINTS } from '../../../contract/admin/endpoints.ts';
import { type AdminClient, AdminFailure, type CallName } from './admin-client.ts';

export interface FakeClient extends AdminClient {
  /** What was asked for, oldest first. */
  readonly calls: readonly (readonly [name: CallName, call: unknown])[];
}

/** Whatever has no answer here is not answered by anybody. */
export function createFakeClient(answers: Partial<AdminClient> = {}): FakeClient {
  const calls: [CallName, unknown][] = [];
  const names = Object.keys(ADMIN_ENDPOINTS) as CallName[];
  const all = names.map((name) => [
    name,
    async (call: unknown) => {
      calls.push([name, call]);
      const answer = answers[name] as ((call: unknown) => Promise<unknown>) | undefined;
      if (answer === undefined) throw new AdminFailure('network');
      return answer(call);
    },
  ]);
  return { ...(Object.fromEntries(all) as AdminClient), calls };
}
