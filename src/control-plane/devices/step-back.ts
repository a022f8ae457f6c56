// SPDX-License-Identifier: Apache-2.0
// Would a ring take a device back to an older version of the policy? The device would refuse it, report that as a fault of the
// version, and get no news until the ring has caught up. Changes nothing.

import type { Transaction } from 'kysely';
import type { Database, DeviceTable } from '../db/tables.ts';

export interface StepBack {
  /** The version that the device has, or may have. */
  readonly has: number;
  /** That of the ring. */
  readonly ringHas: number;
}

/** undefined: the device may go there. In its own ring it may always stay. */
export async function stepBack(
  tx: Transaction<Database>,
  { org, ring, policy_version }: Pick<DeviceTable, 'org' | 'ring' | 'policy_version'>,
  wanted: string,
): Promise<StepBack | undefined> {
  if (wanted === ring) return undefined;
  const rings = await tx
    .selectFrom('ring')
    .leftJoin('policy', (join) =>
      join.onRef('policy.org', '=', 'ring.org').onRef('policy.version', '=', 'ring.version'),
    )
    .select(['ring.ring', 'ring.version', 'policy.state'])
    .where('ring.org', '=', org)
    .where('ring.ring', 'in', [ring, wanted])
    .execute();
  const own = rings.find((one) => one.ring === ring);
  const next = rings.find((one) => one.ring === wanted);
  // What its ring has it may have fetched without having said so yet.
  const has = Math.max(policy_version ?? 0, own?.version ?? 0);
  // Where a ring gives none, a device keeps what it has; a halted version is given to nobody any more.
  if (next === undefined || next.version === null || next.state === 'halted') return undefined;
  return next.version < has ? { has, ringHas: next.version } : undefined;
}
