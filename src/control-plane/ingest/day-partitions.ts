// SPDX-License-Identifier: Apache-2.0
// The partitions of PostgreSQL's table of rows: one for each day of arrival, made before it is needed. SQLite has none.

import { type Kysely, sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Database } from '../db/tables.ts';

export const DAY_MS = 86_400_000;
/** Today and so many days more are made at a time. A server that was not looked after for longer makes the day that it meets. */
const AHEAD = 3;
/** Any number that no other program's advisory lock uses: "outpost-days" cut to 31 bits. */
const ADVISORY_LOCK = 1_499_402_014;

/** Days since the Unix epoch. */
export function dayOf(at: number): number {
  return Math.floor(at / DAY_MS);
}

/** Only ever made of a number. */
export function partitionOf(day: number): string {
  return `audit_d${Math.trunc(day)}`;
}

/** Makes the partitions from `day` (default: today) on where they are missing. Any number of processes may do so at once. */
export async function ensureDays(ctx: Context, day: number = dayOf(ctx.clock.now())): Promise<void> {
  if (ctx.db.kind !== 'postgres') return;
  const wanted = Array.from({ length: AHEAD }, (_, index) => day + index);
  const present = new Set(await listDays(ctx.db.query));
  if (wanted.every((one) => present.has(one))) return;
  await ctx.db.transaction(async (tx) => {
    await sql`SELECT pg_advisory_xact_lock(${sql.lit(ADVISORY_LOCK)})`.execute(tx);
    const found = new Set(await listDays(tx));
    for (const one of wanted) {
      if (found.has(one)) continue;
      const name = sql.table(partitionOf(one));
      // Made by itself and then attached: that lets inserts into other days go on, CREATE … PARTITION OF does not.
      await sql`CREATE TABLE ${name} (LIKE audit INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`.execute(tx);
      await sql`ALTER TABLE audit ATTACH PARTITION ${name} FOR VALUES FROM (${sql.lit(one)}) TO (${sql.lit(one + 1)})`.execute(
        tx,
      );
    }
  });
}

/** The days that have a partition, oldest first. */
export async function listDays(query: Kysely<Database>): Promise<readonly number[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'audit'::regclass`.execute(query);
  return rows
    .map(({ name }) => Number(/^audit_d(-?\d+)$/.exec(name)?.[1] ?? Number.NaN))
    .filter((day) => Number.isSafeInteger(day))
    .sort((a, b) => a - b);
}

/** What PostgreSQL says when a row's day has no partition: a failed check, of which the tables have no other. Its words may be translated. */
export function isMissingDay(error: unknown): boolean {
  return error instanceof Error && (error as Error & { code?: unknown }).code === '23514';
}
