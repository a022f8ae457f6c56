// SPDX-License-Identifier: Apache-2.0
// Writes found rows as JSON lines, in the order of their arrival, for whoever wants to keep or check them elsewhere. Holds neither a
// transaction nor more than one slice of rows.

import type { Context } from '../context.ts';
import type { Db } from '../db/open.ts';
import { fewAtOnce } from '../few-at-once.ts';
import { dayOf, listDays } from '../ingest/day-partitions.ts';
import { nextTurn } from '../next-turn.ts';
import { matches, type RowFilter } from './filter.ts';
import { withPatience } from './patience.ts';
import type { FoundRow } from './search-rows.ts';
import { type Span, spanOf } from './span.ts';

/** Rows of one query, and of one piece of text: a few hundred kB. */
const SLICE = 500;
/** Milliseconds that PostgreSQL may take for one of them, which looks at one day at most. */
const PATIENCE = 60_000;
/** Numbers of rows that one query of SQLite looks at: about 10 ms, in which nobody else has a turn. */
const STRIDE = 5_000;

/** Of the whole process. An export that waits for its next piece waits for its reader as well. */
const pages = fewAtOnce({
  atOnce: 2,
  waiting: 50,
  refusal: 'too many exports are under way just now; try again later',
});

/**
 * Yields pieces of whole lines. Rows that arrive after the start are not in it; without times in the filter, all others are. The body
 * stands in it as it was sent, so that a row can be checked as the top of src/protocol/chain.ts says.
 */
export async function* exportRows(
  { db }: Pick<Context, 'db'>,
  org: string,
  filter: RowFilter,
): AsyncGenerator<string, void, undefined> {
  const ids = db.kind === 'sqlite' ? await spanOf(db.query, org, filter) : await newestOf(db, org);
  if (ids === undefined) return;
  for (const within of db.kind === 'sqlite' ? [{}] : await daysOf(db, filter)) {
    const condition = matches(org, { ...filter, ...within });
    let { first } = ids;
    while (first <= ids.last) {
      const last = db.kind === 'sqlite' ? Math.min(ids.last, first + STRIDE - 1) : ids.last;
      const from = first;
      const rows = await pages.run(() =>
        withPatience(db, PATIENCE, async (query) => {
          const found = query.selectFrom('audit').selectAll().where(condition);
          return await found.where('id', '>=', from).where('id', '<=', last).orderBy('id').limit(SLICE).execute();
        }),
      );
      if (rows.length > 0) yield rows.map(lineOf).join('');
      await nextTurn();
      first = rows.length < SLICE ? last + 1 : (rows.at(-1)?.id ?? last) + 1;
    }
  }
}

async function newestOf({ query }: Db, org: string): Promise<Span | undefined> {
  const ids = query.selectFrom('audit').select('id').where('org', '=', org);
  const row = await ids.orderBy('id', 'desc').limit(1).executeTakeFirst();
  return row === undefined ? undefined : { first: 0, last: row.id };
}

/** The days of arrival that the filter leaves, one by one. */
async function daysOf({ query }: Db, filter: RowFilter): Promise<readonly Pick<RowFilter, 'day'>[]> {
  const { received_from: from = 0, received_to: to = Number.MAX_SAFE_INTEGER } = filter;
  const days = await listDays(query);
  return days.filter((day) => day >= dayOf(from) && day <= dayOf(to)).map((day) => ({ day }));
}

/** Members in alphabetical order. `body` is JSON already; null: it is not here. */
function lineOf({ at, body, device, epoch, hash, prev, received, seq }: FoundRow): string {
  const rest = JSON.stringify({ device, epoch, hash, prev, received, seq, v: 1 });
  return `{"at":${at},"body":${body},${rest.slice(1)}\n`;
}
