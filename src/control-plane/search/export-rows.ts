// SPDX-License-Identifier: Apache-2.0
// Writes found rows as JSON lines, in the order of their arrival, for whoever wants to keep or check them elsewhere. Holds neither a
// transaction nor more than one slice of rows.

import type { Context } from '../context.ts';
import { matches, type RowFilter } from './filter.ts';
import type { FoundRow } from './search-rows.ts';

/** Rows of one query, and of one piece of text: a few hundred kB. */
const SLICE = 500;

/**
 * Yields pieces of whole lines. Rows that arrive after the start are not in it. The body stands in it as it was sent, so that a row can
 * be checked as the top of src/protocol/chain.ts says.
 */
export async function* exportRows(
  { db }: Pick<Context, 'db'>,
  org: string,
  filter: RowFilter,
): AsyncGenerator<string, void, undefined> {
  const newest = await db.query
    .selectFrom('audit')
    .select('id')
    .where('org', '=', org)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  let after = 0;
  for (;;) {
    const rows = await db.query
      .selectFrom('audit')
      .selectAll()
      .where(matches(org, filter))
      .where('id', '>', after)
      .where('id', '<=', newest?.id ?? 0)
      .orderBy('id')
      .limit(SLICE)
      .execute();
    const last = rows.at(-1);
    if (last !== undefined) yield rows.map(lineOf).join('');
    if (last === undefined || rows.length < SLICE) return;
    after = last.id;
  }
}

/** Members in alphabetical order. `body` is JSON already; null: it is not here. */
function lineOf({ at, body, device, epoch, hash, prev, received, seq }: FoundRow): string {
  const rest = JSON.stringify({ device, epoch, hash, prev, received, seq, v: 1 });
  return `{"at":${at},"body":${body},${rest.slice(1)}\n`;
}
