// SPDX-License-Identifier: Apache-2.0
// Finds stored rows of an organisation, newest arrival first, page by page. Changes nothing.

import type { Selectable } from 'kysely';
import type { Context } from '../context.ts';
import type { AuditTable } from '../db/tables.ts';
import { columnText } from '../ingest/columns.ts';
import { Refused } from '../refused.ts';
import { matches, type RowFilter } from './filter.ts';

export type FoundRow = Selectable<AuditTable>;

export interface RowPage {
  readonly rows: readonly FoundRow[];
  /** `before` of the next page; undefined: this was the last one. */
  readonly next: string | undefined;
}

const MOST_ROWS = 500;

/**
 * One page. The place is the number of the last row of the page before: rows that arrive meanwhile neither shift nor repeat anything.
 * Refuses a place that is none.
 */
export async function searchRows(
  { db }: Pick<Context, 'db'>,
  org: string,
  filter: RowFilter,
  { before, limit }: { readonly before?: string | undefined; readonly limit: number },
): Promise<RowPage> {
  const most = Math.min(MOST_ROWS, Math.max(1, Math.trunc(limit)));
  let select = db.query.selectFrom('audit').selectAll().where(matches(org, filter));
  if (before !== undefined) select = select.where('id', '<', readPlace(before));
  const found = await select
    .orderBy('id', 'desc')
    .limit(most + 1)
    .execute();
  const rows = found.slice(0, most);
  const last = rows.at(-1);
  return { rows, next: found.length > most && last !== undefined ? placeText(last.id) : undefined };
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

/** All rows of one call in the order in which the device wrote them: intent, attempts, outcome. Devices may have chosen the same id. */
export async function rowsOfRequest(
  { db }: Pick<Context, 'db'>,
  org: string,
  request: string,
): Promise<readonly FoundRow[]> {
  return await db.query
    .selectFrom('audit')
    .selectAll()
    .where('org', '=', org)
    .where('request', '=', columnText(request))
    .orderBy('device')
    .orderBy('id')
    .limit(MOST_ROWS)
    .execute();
}
