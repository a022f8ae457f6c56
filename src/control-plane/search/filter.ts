// SPDX-License-Identifier: Apache-2.0
// Which rows somebody looks for, as a condition that the database checks with bound values. Every one is within an organisation.

import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from '../db/tables.ts';
import { columnText } from '../ingest/columns.ts';
import { dayOf } from '../ingest/day-partitions.ts';

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
    const { id, from, to, received_from: first, received_to: end } = filter;
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
