// SPDX-License-Identifier: Apache-2.0
// Reads an organisation's own chain: pages for people, and the check of all of it. Changes nothing.

import type { Kysely, Selectable } from 'kysely';
import { type ChainBreak, checkRow, EMPTY_CHAIN, fromHex } from '../../protocol/chain.ts';
import type { Context } from '../context.ts';
import type { AdminLogTable, Database } from '../db/tables.ts';
import { columnText } from '../ingest/columns.ts';
import { nextTurn } from '../next-turn.ts';
import { type AdminLogBody, adminColumns } from './columns.ts';

export type AdminRow = Selectable<AdminLogTable>;

export interface AdminLogFilter {
  readonly actor?: string;
  readonly action?: string;
  readonly target?: string;
  /** Milliseconds since the Unix epoch; `from` is included, `to` is not. */
  readonly from?: number;
  readonly to?: number;
}

export interface AdminLogPage {
  readonly rows: readonly AdminRow[];
  /** `before` of the next page; undefined: this was the last one. */
  readonly next: number | undefined;
}

/** Rows of one page. */
const MOST_ROWS = 500;

/** Newest first. `before`: rows with a lower number only. */
export async function readAdminLog(
  { db }: Pick<Context, 'db'>,
  org: string,
  filter: AdminLogFilter,
  { before, limit }: { readonly before?: number | undefined; readonly limit: number },
): Promise<AdminLogPage> {
  const most = Math.min(MOST_ROWS, Math.max(1, Math.trunc(limit)));
  let select = db.query.selectFrom('admin_log').selectAll().where('org', '=', org);
  if (before !== undefined) select = select.where('seq', '<', before);
  for (const column of ['actor', 'action', 'target'] as const) {
    const value = filter[column];
    if (value !== undefined) select = select.where(column, '=', columnText(value) ?? '');
  }
  if (filter.from !== undefined) select = select.where('at', '>=', filter.from);
  if (filter.to !== undefined) select = select.where('at', '<', filter.to);
  const found = await select
    .orderBy('seq', 'desc')
    .limit(most + 1)
    .execute();
  const rows = found.slice(0, most);
  return { rows, next: found.length > most ? rows.at(-1)?.seq : undefined };
}

export interface AdminLogCheck {
  readonly rows: number;
  /** The last row; undefined: there is none. Its hash belongs into the digests. */
  readonly head: { readonly epoch: string; readonly seq: number; readonly hash: string } | undefined;
  /** The first row that does not fit. */
  readonly broken: { readonly seq: number; readonly why: ChainBreak | 'columns' } | undefined;
}

/** Walks the whole chain. `columns`: what is searched for is not what the row says. */
export async function verifyAdminLog(ctx: Pick<Context, 'db'>, org: string): Promise<AdminLogCheck> {
  let end = EMPTY_CHAIN;
  let head: AdminLogCheck['head'];
  let rows = 0;
  for (;;) {
    const page = await pageAfter(ctx.db.query, org, end.seq);
    if (page.length === 0) return { rows, head, broken: undefined };
    for (const row of page) {
      const stored = { ...row, prev: fromHex(row.prev), hash: fromHex(row.hash) };
      const why = checkRow(head?.epoch ?? row.epoch, end, stored) ?? (columnsFit(row) ? undefined : 'columns');
      if (why !== undefined) return { rows, head, broken: { seq: row.seq, why } };
      end = stored;
      head = { epoch: row.epoch, seq: row.seq, hash: row.hash };
      rows += 1;
    }
    await nextTurn();
  }
}

async function pageAfter(query: Kysely<Database>, org: string, seq: number): Promise<readonly AdminRow[]> {
  return await query
    .selectFrom('admin_log')
    .selectAll()
    .where('org', '=', org)
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(MOST_ROWS)
    .execute();
}

/** Called for rows whose hash holds: their text is what was written. */
function columnsFit(row: AdminRow): boolean {
  const { actor, action, target } = adminColumns(row.org, JSON.parse(row.body) as AdminLogBody);
  return actor === row.actor && action === row.action && target === row.target;
}
