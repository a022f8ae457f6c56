// SPDX-License-Identifier: Apache-2.0
// How long a call waits to learn whose it is. Knows nothing of how a process is found.

import type { Owner } from '../identity/owner.ts';
import type { Policy } from '../policy/policy.ts';
import type { Call } from './call.ts';

/**
 * Where a rule turns on the process, a late name is waited for: while some apps are blocked an unknown one is too, so a busy machine
 * would refuse the innocent. Never rejects.
 */
export function ownerOf(call: Call, policy: Policy): Promise<Owner | undefined> {
  return policy.needsOwner ? call.connection.ownerSettled() : call.connection.owner();
}
