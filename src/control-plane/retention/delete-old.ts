// SPDX-License-Identifier: Apache-2.0
// Deletes rows that are older than their organisation keeps them, but for held ones and those that an export has still to read. In
// slices, or on PostgreSQL by the day where a whole day may go. Heads of epochs stay: repeats of deleted rows are known as such.

import { sql } from 'kysely';
import { done, SYSTEM } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import { AGE, nextDay } from '../db/by-age.ts';
import type { Db } from '../db/open.ts';
import { dayOf, listDays } from '../ingest/day-partitions.ts';
import { nextTurn } from '../next-turn.ts';
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
  let rows = 0;
  for await (const day of dueDays(ctx.db, org, before)) rows += await deleteOfDay(ctx, { org, day, upTo });
  if (rows > 0) {
    const row = done(SYSTEM, 'retention.delete', `org:${org}`, { rows, level: 'metadata', before_day: before });
    await ctx.db.transaction((tx) => recordAdmin(tx, ctx, org, row));
  }
  return rows;
}

/** Days of which there may be rows that are due. The order of rows by number says nothing: a server's clock may have been wrong. */
async function* dueDays({ kind, query }: Db, org: string, before: number): AsyncGenerator<number, void, undefined> {
  if (kind === 'postgres') {
    yield* (await listDays(query)).filter((day) => day < before);
    return;
  }
  let day = await nextDay(query, org, Number.MIN_SAFE_INTEGER);
  for (; day !== undefined && day < before; day = await nextDay(query, org, day)) yield day;
}

async function deleteOfDay(
  { db }: Context,
  { org, day, upTo }: { readonly org: string; readonly day: number; readonly upTo: number },
): Promise<number> {
  const { query } = db;
  const ofDay = db.kind === 'postgres' ? sql<number>`day` : AGE;
  let [after, rows] = [0, 0];
  for (;;) {
    // Held rows count as well: a slice of them alone must not take long either.
    const slice = query
      .selectFrom('audit')
      .select('id')
      .where('org', '=', org)
      .where(ofDay, '=', day)
      .where('id', '>', after)
      .where('id', '<=', upTo)
      .orderBy('id')
      .limit(SLICE);
    const { last } = await query
      .selectFrom(slice.as('slice'))
      .select((eb) => eb.fn.max<number | null>('id').as('last'))
      .executeTakeFirstOrThrow();
    if (last === null) return rows;
    const deleted = await query
      .deleteFrom('audit')
      .where('day', '=', day)
      .where('id', 'in', slice)
      .where((eb) => eb.not(isHeld(eb)))
      .executeTakeFirst();
    rows += Number(deleted.numDeletedRows);
    after = Number(last);
    await nextTurn();
  }
}
