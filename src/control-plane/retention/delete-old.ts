// SPDX-License-Identifier: Apache-2.0
// Deletes rows that are older than their organisation keeps them, but for held ones and those that an export has still to read. In
// slices, or on PostgreSQL by the day where a whole day may go. Heads of epochs stay: repeats of deleted rows are known as such.

import { done, SYSTEM } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import { dayOf, listDays } from '../ingest/day-partitions.ts';
import { type OrgSettings, readSettings } from '../orgs/settings.ts';
import { dropDay } from './drop-day.ts';
import { isHeld } from './holds.ts';

/** What rows hold, and for how many days such rows are kept. All rows are metadata so far. */
export const LEVELS: Readonly<Record<'metadata', (settings: OrgSettings) => number>> = {
  metadata: ({ retention }) => retention.metadata_days,
};

export interface RetentionOptions {
  /**
   * The highest row id (AuditTable.id) that all exports of the organisation have read; rows above it are kept. undefined: it has none.
   */
  readonly exportedUpTo?: (org: string) => Promise<number | undefined>;
}

/** What of one organisation may go. */
export interface Due {
  readonly org: string;
  /** Days before this one. */
  readonly before: number;
  /** Rows up to this id. */
  readonly upTo: number;
}

/** Rows of one delete: short enough that on SQLite nobody waits long for the write lock. */
const SLICE = 1_000;

/** One round over all organisations; to be called every hour or so. Returns how many rows were deleted row by row, and days as a whole. */
export async function applyRetention(
  ctx: Context,
  { exportedUpTo }: RetentionOptions = {},
): Promise<{ readonly rows: number; readonly days: number }> {
  const orgs = await ctx.db.query.selectFrom('org').select(['id', 'settings']).orderBy('id').execute();
  const due: Due[] = [];
  for (const { id, settings } of orgs) {
    const days = LEVELS.metadata(readSettings(settings));
    const upTo = await exportedUpTo?.(id);
    due.push({ org: id, before: dayOf(ctx.clock.now()) - days, upTo: upTo ?? Number.MAX_SAFE_INTEGER });
  }
  const days = ctx.db.kind === 'postgres' ? await dropDays(ctx, due) : 0;
  let rows = 0;
  for (const one of due) rows += await deleteRows(ctx, one);
  return { rows, days };
}

async function dropDays(ctx: Context, due: readonly Due[]): Promise<number> {
  let dropped = 0;
  for (const day of await listDays(ctx.db.query)) {
    if (due.every(({ before }) => day < before) && (await dropDay(ctx, day, due))) dropped += 1;
  }
  return dropped;
}

async function deleteRows(ctx: Context, { org, before, upTo }: Due): Promise<number> {
  const { query } = ctx.db;
  // Rows arrive in the order of their ids: behind the first that stays by its day, nothing needs to be looked at.
  const first = await query
    .selectFrom('audit')
    .select('id')
    .where('org', '=', org)
    .where('day', '>=', before)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  const end = Math.min(upTo, first === undefined ? Number.MAX_SAFE_INTEGER : first.id - 1);
  let [after, rows] = [0, 0];
  for (;;) {
    const oldest = query
      .selectFrom('audit')
      .select('audit.id')
      .where('audit.org', '=', org)
      .where('audit.day', '<', before)
      .where('audit.id', '>', after)
      .where('audit.id', '<=', end)
      .where((eb) => eb.not(isHeld(eb)))
      .orderBy('audit.id')
      .limit(SLICE);
    const deleted = await query
      .deleteFrom('audit')
      .where('org', '=', org)
      .where('day', '<', before)
      .where('id', 'in', oldest)
      .returning('id')
      .execute();
    if (deleted.length === 0) break;
    rows += deleted.length;
    after = deleted.reduce((most, { id }) => Math.max(most, id), after);
  }
  if (rows > 0) {
    const row = done(SYSTEM, 'retention.delete', `org:${org}`, { rows, level: 'metadata', before_day: before });
    await ctx.db.transaction((tx) => recordAdmin(tx, ctx, org, row));
  }
  return rows;
}
