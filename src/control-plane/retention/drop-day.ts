// SPDX-License-Identifier: Apache-2.0
// Drops a day's partition of PostgreSQL's table of rows, if nothing in it must stay. Knows no settings.

import { sql } from 'kysely';
import { done, SYSTEM } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import { partitionOf } from '../ingest/day-partitions.ts';
import { isHeld } from './holds.ts';

/** Dropping waits for whoever reads or writes rows, and all others wait behind it: not for longer than this. */
const PATIENCE = '2s';
/** SQLSTATE: the lock was not to be had; or whoever had it waited for us. The next round tries again. */
const BUSY: readonly unknown[] = ['55P03', '40P01'];

/** False: rows of it are held, or an export has still to read some, or it is in use just now. */
export async function dropDay(
  ctx: Context,
  day: number,
  orgs: readonly { readonly org: string; readonly upTo: number }[],
): Promise<boolean> {
  try {
    return await ctx.db.transaction(async (tx) => {
      // Nobody places a hold between the look and the drop.
      await sql`LOCK TABLE hold IN SHARE MODE`.execute(tx);
      const rows = tx.selectFrom('audit').select('audit.id').where('audit.day', '=', day).limit(1);
      if ((await rows.where(isHeld).executeTakeFirst()) !== undefined) return false;
      for (const { org, upTo } of orgs) {
        const own = rows.where('audit.org', '=', org);
        if ((await own.where('audit.id', '>', upTo).executeTakeFirst()) !== undefined) return false;
      }
      for (const { org } of orgs) {
        if ((await rows.where('audit.org', '=', org).executeTakeFirst()) === undefined) continue;
        await recordAdmin(tx, ctx, org, done(SYSTEM, 'retention.delete', `org:${org}`, { level: 'metadata', day }));
      }
      await sql`SET LOCAL lock_timeout = ${sql.lit(PATIENCE)}`.execute(tx);
      await sql`DROP TABLE ${sql.table(partitionOf(day))}`.execute(tx);
      return true;
    });
  } catch (error) {
    if (error instanceof Error && BUSY.includes((error as Error & { code?: unknown }).code)) return false;
    throw error;
  }
}
