// SPDX-License-Identifier: Apache-2.0
// Where an export begins: with the oldest row, or with those that arrived from a point in time on.

import type { Kysely } from 'kysely';
import type { Context } from '../context.ts';
import type { Database } from '../db/tables.ts';
import { dayOf } from '../ingest/day-partitions.ts';
import { beginCursor, type CursorOf, type ExportCursor, type Place, readCursor } from './cursor.ts';
import type { ExportSettings } from './settings.ts';

/** Its cursor; made where it has none yet. undefined: it was removed at this very moment. */
export async function openCursor(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  org: string,
  { name, since }: ExportSettings,
  upTo: number,
): Promise<ExportCursor | undefined> {
  const of: CursorOf = { org, name };
  const found = await readCursor(db.query, of);
  if (found !== undefined) return found;
  await beginCursor(db.query, of, await placeAt(db.query, org, since, upTo), clock.now());
  return await readCursor(db.query, of);
}

async function placeAt(db: Kysely<Database>, org: string, since: string | undefined, upTo: number): Promise<Place> {
  if (since === undefined) return { position: 0, day: 0 };
  const at = Math.max(0, Date.parse(since));
  return { position: await lastBefore(db, org, at, upTo), day: dayOf(at) };
}

/**
 * The last row that arrived before `at`. Rows are numbered as they arrive, so that it is found by halving: a look at all rows would keep
 * a large database busy for long. Where several servers store rows, the edge is as sharp as their clocks agree.
 */
async function lastBefore(db: Kysely<Database>, org: string, at: number, upTo: number): Promise<number> {
  let [low, high] = [0, upTo];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = await db
      .selectFrom('audit')
      .select(['id', 'received'])
      .where('org', '=', org)
      .where('id', '>', middle)
      .where('id', '<=', upTo)
      .orderBy('id')
      .limit(1)
      .executeTakeFirst();
    if (row === undefined || row.received >= at) high = middle;
    else low = row.id;
  }
  return low;
}
