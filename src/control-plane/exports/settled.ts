// SPDX-License-Identifier: Apache-2.0
// Up to which row everything has arrived. Rows are numbered before their transaction ends: on PostgreSQL one with a lower number may appear
// after one with a higher was read, and an export that had gone on would miss it for ever.
//
// Whoever inserts holds a lock on the table of rows from before the first number until the transaction ends. So: read the last number that
// was given, then who holds such locks. When all of those have ended, whatever has a lower number is there, or never will be. SQLite has
// one writer at a time.

import { sql } from 'kysely';
import type { Db } from '../db/open.ts';

export interface Settled {
  /** Never past a transaction that is under way; of what came just now perhaps only at the next look. */
  upTo(): Promise<number>;
}

export function createSettled(db: Db): Settled {
  let settled = 0;
  /** A number that counts once these transactions have ended. */
  let pending: { readonly id: number; readonly writers: ReadonlySet<string> } | undefined;
  return {
    async upTo() {
      if (db.kind === 'sqlite') return await lastNumber(db);
      if (pending !== undefined) {
        const now = await writersOf(db);
        if ([...pending.writers].some((writer) => now.has(writer))) return settled;
        settled = Math.max(settled, pending.id);
      }
      const id = await lastNumber(db);
      const writers = await writersOf(db);
      if (writers.size === 0) {
        settled = Math.max(settled, id);
        pending = undefined;
      } else {
        pending = { id, writers };
      }
      return settled;
    },
  };
}

async function lastNumber({ kind, query }: Db): Promise<number> {
  if (kind === 'postgres') {
    // There is no index by number alone; the sequence knows.
    const { rows } = await sql<{
      last: number | null;
    }>`SELECT pg_sequence_last_value(pg_get_serial_sequence('audit', 'id')) AS last`.execute(query);
    return Number(rows[0]?.last ?? 0);
  }
  const row = await query.selectFrom('audit').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst();
  return row?.id ?? 0;
}

/** Transactions that may have given numbers to rows that nobody else can see yet. Also those that delete; they are short. */
async function writersOf({ query }: Db): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ who: string }>`
    SELECT virtualtransaction AS who FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'audit'::regclass AND mode = 'RowExclusiveLock' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`.execute(query);
  return new Set(rows.map(({ who }) => who));
}
