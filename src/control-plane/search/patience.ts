// SPDX-License-Identifier: Apache-2.0
// How long PostgreSQL may take for a query that anybody's filter makes slow. SQLite is asked in slices instead.

import { type Kysely, sql } from 'kysely';
import type { Db } from '../db/open.ts';
import type { Database } from '../db/tables.ts';
import { Refused } from '../refused.ts';

/** SQLSTATE: the statement was cancelled. */
const CANCELLED = '57014';

/** @param patience milliseconds of each query; without limit on SQLite */
export async function withPatience<T>(
  db: Db,
  patience: number,
  work: (query: Kysely<Database>) => Promise<T>,
): Promise<T> {
  if (db.kind === 'sqlite') return await work(db.query);
  try {
    return await db.transaction(async (tx) => {
      await sql`SELECT set_config('statement_timeout', ${String(Math.trunc(patience))}, true)`.execute(tx);
      return await work(tx);
    });
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== CANCELLED) throw error;
    const seconds = Math.ceil(patience / 1000);
    throw new Refused(
      'invalid',
      `this takes longer than ${seconds} s; ask for a shorter time, for one device or for one request`,
    );
  }
}
