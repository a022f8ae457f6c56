// SPDX-License-Identifier: Apache-2.0
// Gives stored rows to somebody, after a row in the own chain that says to whom and which: what is taken away cannot be taken back.

import type { AdminBody } from '../../contract/admin-row.ts';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import { exportRows } from '../search/export-rows.ts';
import type { RowFilter } from '../search/filter.ts';

/** As a row of the log has them. */
const LONGEST = 256;

/** Resolves when the log has it; nothing is read before. */
export async function exportAudit(
  ctx: Context,
  org: string,
  actor: Actor,
  filter: RowFilter,
): Promise<ReturnType<typeof exportRows>> {
  await ctx.db.transaction((tx) => recordAdmin(tx, ctx, org, done(actor, 'audit.export', `org:${org}`, shown(filter))));
  return exportRows(ctx, org, filter);
}

/** What was asked for; nothing: all of it. */
function shown(filter: RowFilter): NonNullable<AdminBody['detail']> {
  const entries = Object.entries(filter).map(([name, match]) => {
    if (typeof match === 'number') return [name, match] as const;
    const text = typeof match === 'string' ? match : `${match.prefix}*`;
    return [name, text.slice(0, LONGEST).toWellFormed()] as const;
  });
  return Object.fromEntries(entries);
}
