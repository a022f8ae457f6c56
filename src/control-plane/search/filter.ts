// SPDX-License-Identifier: Apache-2.0
// Which rows somebody looks for, as a condition that the database checks with bound values. Every one is within an organisation.

import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from '../db/tables.ts';
import { columnText } from '../ingest/columns.ts';
import { DAY_MS, dayOf } from '../ingest/day-partitions.ts';

/** The whole text, or how it begins. */
export type TextMatch = string | { readonly prefix: string };

/** Columns with text that can be looked for. */
export const TEXT_FILTERS = [
  'device',
  'epoch',
  'app',
  'provider',
  'model',
  'host',
  'kind',
  'what',
  'rule',
  'request',
  'decision',
  'policy',
] as const;
export type TextFilter = (typeof TEXT_FILTERS)[number];

/** Times in milliseconds since the Unix epoch; the first is included, the second is not. */
export interface RowFilter extends Readonly<Partial<Record<TextFilter, TextMatch>>> {
  /** AuditTable.id of the one row. */
  readonly id?: number;
  /** When it happened, by the device's clock. */
  readonly from?: number;
  readonly to?: number;
  /** When it arrived here. PostgreSQL then looks at these days only. */
  readonly received_from?: number;
  readonly received_to?: number;
  /** The day of arrival (AuditTable.day). */
  readonly day?: number;
}

/** Milliseconds. How far back a search looks at least: in most organisations a few million rows. */
const BACK = 30 * DAY_MS;
/**
 * Milliseconds by which the clock of a device may be ahead: what happened at a time, as it says, has not arrived earlier than so long before.
 */
const AHEAD = 7 * DAY_MS;

/** Is it found by an index of its own, whatever else is asked? */
export function hasIndex({ id, request, decision }: RowFilter): boolean {
  return id !== undefined || typeof request === 'string' || typeof decision === 'string';
}

/** Rows that arrived earlier are not looked at, in milliseconds since the Unix epoch; undefined: all are. `received_from` always says it. */
export function lookedSince(filter: RowFilter, now: number): number | undefined {
  const { from, to, received_from: said, received_to: end } = filter;
  const usual = Math.min(now, to ?? now, end ?? now) - BACK;
  const since = said ?? (hasIndex(filter) ? 0 : Math.min(usual, (from ?? now) - AHEAD));
  return since > 0 ? since : undefined;
}

/** All parts must hold. An empty filter finds all rows of the organisation. */
export function matches(org: string, filter: RowFilter) {
  return (eb: ExpressionBuilder<Database, 'audit'>): Expression<SqlBool> => {
    const parts: Expression<SqlBool>[] = [eb('org', '=', org)];
    for (const column of TEXT_FILTERS) {
      const match = filter[column];
      if (match === undefined) continue;
      if (typeof match === 'string') parts.push(eb(column, '=', asStored(match)));
      else parts.push(startsWith(eb, column, asStored(match.prefix)));
    }
    const { id, day, from, to, received_from: first, received_to: end } = filter;
    if (day !== undefined) parts.push(eb('day', '=', day));
    if (id !== undefined) parts.push(eb('id', '=', id));
    if (from !== undefined) parts.push(eb('at', '>=', from));
    if (to !== undefined) parts.push(eb('at', '<', to));
    if (first !== undefined) parts.push(eb('received', '>=', first), eb('day', '>=', dayOf(first)));
    if (end !== undefined) parts.push(eb('received', '<', end), eb('day', '<=', dayOf(end)));
    return eb.and(parts);
  };
}

/** Columns are cut; what is looked for is cut alike. */
function asStored(text: string): string {
  return columnText(text) ?? '';
}

/** Neither LIKE, in which the text would have wildcards, nor a range, which depends on the database's collation. */
function startsWith(eb: ExpressionBuilder<Database, 'audit'>, column: TextFilter, prefix: string): Expression<SqlBool> {
  // Both databases count code points.
  const { length } = Array.from(prefix);
  return sql<SqlBool>`substr(${eb.ref(column)}, 1, ${sql.lit(length)}) = ${prefix}`;
}
