// SPDX-License-Identifier: Apache-2.0
// How far an export has come, and how it does. Moved only from where it was read: of two processes that send the same rows one moves it.

import type { Kysely } from 'kysely';
import { z } from 'zod';
import type { Database } from '../db/tables.ts';
import { dayOf } from '../ingest/day-partitions.ts';

const cursorData = z.strictObject({
  /** Days since the Unix epoch: when the row at `position` arrived. */
  day: z.int().nonnegative(),
  /** Milliseconds since the Unix epoch, as all times here. */
  begun: z.int().nonnegative(),
  /** Failures in a row. */
  failures: z.int().nonnegative(),
  /** Nothing is tried before. */
  next: z.int().nonnegative(),
  /** Why it does not go on, and since when; null: it does. */
  problem: z.string().nullable(),
  since: z.int().nonnegative().nullable(),
  /** Rows that the receiver refused for good. */
  rejected: z.int().nonnegative(),
});

export interface ExportCursor extends z.infer<typeof cursorData> {
  /** All rows up to this one (AuditTable.id) were taken by the receiver, or refused for good. */
  readonly position: number;
}

/** Where an export stands. */
export type Place = Pick<ExportCursor, 'position' | 'day'>;

/** Days by which clocks of servers may differ at most. */
const SLACK = 7;

/**
 * The first day that rows behind a place can be of; PostgreSQL then looks at its partitions only, which otherwise costs more than all else.
 * A clock that was ahead for a while must not hide what comes after: so never later than by the clock of now.
 */
export function firstDay({ day }: Place, now: number): number {
  return Math.max(0, Math.min(day, dayOf(now)) - SLACK);
}

/** Whose cursor. */
export interface CursorOf {
  readonly org: string;
  readonly name: string;
}

const PREFIX = 'export:';
const rowName = (name: string): string => `${PREFIX}${name}`;

/** undefined: it has not begun. */
export async function readCursor(db: Kysely<Database>, { org, name }: CursorOf): Promise<ExportCursor | undefined> {
  const row = await db
    .selectFrom('cursor')
    .select(['position', 'data'])
    .where('org', '=', org)
    .where('name', '=', rowName(name))
    .executeTakeFirst();
  return row === undefined ? undefined : { position: row.position, ...cursorData.parse(JSON.parse(row.data)) };
}

/** False: it had begun already. */
export async function beginCursor(
  db: Kysely<Database>,
  { org, name }: CursorOf,
  { position, day }: Place,
  now: number,
): Promise<boolean> {
  const data: z.infer<typeof cursorData> = {
    day,
    begun: now,
    failures: 0,
    next: 0,
    problem: null,
    since: null,
    rejected: 0,
  };
  const made = await db
    .insertInto('cursor')
    .values({ org, name: rowName(name), position, data: JSON.stringify(data), updated: now })
    .onConflict((at) => at.columns(['org', 'name']).doNothing())
    .executeTakeFirst();
  return made.numInsertedOrUpdatedRows === 1n;
}

/** False: it was moved meanwhile, here or elsewhere, or its export was removed. */
export async function moveCursor(
  db: Kysely<Database>,
  { org, name }: CursorOf,
  from: number,
  { position, ...data }: ExportCursor,
  now: number,
): Promise<boolean> {
  const moved = await db
    .updateTable('cursor')
    .set({ position, data: JSON.stringify(data), updated: now })
    .where('org', '=', org)
    .where('name', '=', rowName(name))
    .where('position', '=', from)
    .executeTakeFirst();
  return moved.numUpdatedRows === 1n;
}

/** Those of exports that are not among these: one that comes again under its old name begins anew. */
export async function forgetCursors(db: Kysely<Database>, org: string, kept: readonly string[]): Promise<void> {
  let gone = db.deleteFrom('cursor').where('org', '=', org).where('name', 'like', `${PREFIX}%`);
  if (kept.length > 0) gone = gone.where('name', 'not in', kept.map(rowName));
  await gone.execute();
}
