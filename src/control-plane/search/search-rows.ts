// SPDX-License-Identifier: Apache-2.0
// Finds stored rows of an organisation, newest arrival first, page by page. Changes nothing.

import type { Kysely, Selectable } from 'kysely';
import type { Context } from '../context.ts';
import type { AuditTable, Database } from '../db/tables.ts';
import { fewAtOnce } from '../few-at-once.ts';
import { nextTurn } from '../next-turn.ts';
import { Refused } from '../refused.ts';
import { hasIndex, lookedSince, matches, type RowFilter } from './filter.ts';
import { withPatience } from './patience.ts';
import { spanOf } from './span.ts';

export type FoundRow = Selectable<AuditTable>;

export interface RowPage {
  readonly rows: readonly FoundRow[];
  /** `before` of the next page; undefined: this was the last one. */
  readonly next: string | undefined;
  /** Rows that arrived earlier were not looked at, in milliseconds since the Unix epoch; undefined: all were. */
  readonly since: number | undefined;
}

export interface PageWish {
  readonly before?: string | undefined;
  readonly limit: number;
  /** Milliseconds that PostgreSQL may take. */
  readonly patience?: number;
}

const MOST_ROWS = 500;
/** A person waits for it, and a proxy in between waits for about a minute. */
const PATIENCE = 15_000;
/** Numbers of rows that one query of SQLite looks at: about 10 ms, in which nobody else has a turn. */
const STRIDE = 5_000;
/** The same where an index leaves few of them. */
const STRIDE_OF_INDEX = 200_000;

/** Searches of the whole process. */
const searches = fewAtOnce({
  atOnce: 2,
  waiting: 8,
  refusal: 'too many searches are under way just now; try again in a moment',
});

/**
 * One page. The place is the number of the last row of the page before: rows that arrive meanwhile neither shift nor repeat anything.
 * Refuses a place that is none, and when too many others search. How far back it looks: see lookedSince.
 */
export async function searchRows(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  org: string,
  filter: RowFilter,
  { before, limit, patience = PATIENCE }: PageWish,
): Promise<RowPage> {
  const most = Math.min(MOST_ROWS, Math.max(1, Math.trunc(limit)));
  const since = lookedSince(filter, clock.now());
  const wish: Wish = {
    org,
    filter: since === undefined ? filter : { ...filter, received_from: since },
    below: before === undefined ? undefined : readPlace(before),
    most: most + 1,
  };
  const found = await searches.run(() =>
    db.kind === 'sqlite' ? inStrides(db.query, wish) : withPatience(db, patience, (query) => newest(query, wish)),
  );
  const rows = found.slice(0, most);
  const last = rows.at(-1);
  return { rows, next: found.length > most && last !== undefined ? placeText(last.id) : undefined, since };
}

interface Wish {
  readonly org: string;
  readonly filter: RowFilter;
  readonly below: number | undefined;
  readonly from?: number;
  readonly most: number;
}

async function newest(query: Kysely<Database>, { org, filter, below, from, most }: Wish): Promise<readonly FoundRow[]> {
  let select = query.selectFrom('audit').selectAll().where(matches(org, filter));
  if (below !== undefined) select = select.where('id', '<', below);
  if (from !== undefined) select = select.where('id', '>=', from);
  return await select.orderBy('id', 'desc').limit(most).execute();
}

/** Queries of SQLite are answered at once: one for a rare text would hold up all polls. */
async function inStrides(query: Kysely<Database>, wish: Wish): Promise<readonly FoundRow[]> {
  const { org, filter, most } = wish;
  const span = await spanOf(query, org, filter);
  if (span === undefined) return [];
  const stride = hasIndex(filter) ? STRIDE_OF_INDEX : STRIDE;
  const rows: FoundRow[] = [];
  let below = Math.min(wish.below ?? span.last + 1, span.last + 1);
  while (below > span.first && rows.length < most) {
    const from = Math.max(span.first, below - stride);
    rows.push(...(await newest(query, { ...wish, from, below, most: most - rows.length })));
    below = from;
    await nextTurn();
  }
  return rows;
}

/** A number, and only that; it holds within any organisation, so that nothing is gained by making one up. */
function placeText(id: number): string {
  return `r${id.toString(36)}`;
}

function readPlace(text: string): number {
  const digits = /^r([0-9a-z]{1,10})$/.exec(text)?.[1];
  const id = digits === undefined ? Number.NaN : Number.parseInt(digits, 36);
  if (!Number.isSafeInteger(id)) throw new Refused('invalid', 'this is no page of rows');
  return id;
}
