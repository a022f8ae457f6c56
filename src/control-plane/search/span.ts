// SPDX-License-Identifier: Apache-2.0
// Between which numbers the rows are that somebody looks for, on SQLite, where one query must not look at all of them.

import type { Kysely } from 'kysely';
import { firstSince } from '../db/by-age.ts';
import type { Database } from '../db/tables.ts';
import { dayOf } from '../ingest/day-partitions.ts';
import type { RowFilter } from './filter.ts';

export interface Span {
  readonly first: number;
  /** The newest row of the organisation. */
  readonly last: number;
}

/** undefined: no row arrived in that time. */
export async function spanOf(query: Kysely<Database>, org: string, filter: RowFilter): Promise<Span | undefined> {
  const { id, received_from: since } = filter;
  if (id !== undefined) return { first: id, last: id };
  const ends = query.selectFrom('audit').select('id').where('org', '=', org).limit(1);
  const last = (await ends.orderBy('id', 'desc').executeTakeFirst())?.id;
  const first =
    since === undefined
      ? (await ends.orderBy('id').executeTakeFirst())?.id
      : await firstSince(query, org, dayOf(since));
  return first === undefined || last === undefined ? undefined : { first, last };
}
