// SPDX-License-Identifier: Apache-2.0
// Rows of an organisation by the day of their arrival, on SQLite, which has no partitions: an index that is used only by who asks for it
// (`day + 0`), so that no other query is led astray by it. What stands here reads a few entries of it and no rows.

import { type Kysely, sql } from 'kysely';
import type { Database } from './tables.ts';

/** As the index `audit_age` has it. */
export const AGE = sql<number>`day + 0`;

/** The next day behind this one of which there are rows; undefined: there is none. */
export async function nextDay(query: Kysely<Database>, org: string, day: number): Promise<number | undefined> {
  const row = await query
    .selectFrom('audit')
    .select('day')
    .where('org', '=', org)
    .where(AGE, '>', day)
    .orderBy(AGE)
    .limit(1)
    .executeTakeFirst();
  return row?.day;
}

/** The lowest number of the rows of this day or later; undefined: there is none. A wrong clock may have put any of them there. */
export async function firstSince(query: Kysely<Database>, org: string, day: number): Promise<number | undefined> {
  let first: number | undefined;
  for (let at = await nextDay(query, org, day - 1); at !== undefined; at = await nextDay(query, org, at)) {
    const row = await query
      .selectFrom('audit')
      .select('id')
      .where('org', '=', org)
      .where(AGE, '=', at)
      .orderBy('id')
      .limit(1)
      .executeTakeFirst();
    if (row !== undefined) first = Math.min(first ?? row.id, row.id);
  }
  return first;
}
