// SPDX-License-Identifier: Apache-2.0
// The orders of an organisation that hold now, with who gave them.

import { type Kill, kill } from '../../contract/sync/objects.ts';
import type { Context } from '../context.ts';

export interface OrderView extends Pick<Kill, 'id' | 'level' | 'reason' | 'issued' | 'until'> {
  readonly target: string | null;
  readonly by: string;
}

/** Oldest first. */
export async function listOrders({ db, clock }: Context, org: string): Promise<OrderView[]> {
  const rows = await db.query
    .selectFrom('kill')
    .select(['kill', 'created_by'])
    .where('org', '=', org)
    .where('until', '>', clock.now())
    .orderBy('issued')
    .orderBy('id')
    .execute();
  return rows.map((row) => {
    const { id, level, target, reason, issued, until } = kill.parse(JSON.parse(row.kill));
    return { id, level, target: target ?? null, reason, issued, until, by: row.created_by };
  });
}
