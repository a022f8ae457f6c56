// SPDX-License-Identifier: Apache-2.0
// Work that no two processes of a server shall do at once. On SQLite there is one process; on PostgreSQL the lock is the database's, and
// goes with the connection of a process that dies.

import { sql } from 'kysely';
import type { Db } from './open.ts';

/** First half of the key of an advisory lock that no other program uses: "outpost-work" cut to 31 bits. The other is the work's name. */
const LOCKS = 1_499_402_015;

/** False: another process is doing it, and nothing was done here. Keeps a connection for as long as the work lasts, but no transaction. */
export async function oneAtATime(db: Db, name: string, work: () => Promise<unknown>): Promise<boolean> {
  if (db.kind === 'sqlite') {
    await work();
    return true;
  }
  return await db.query.connection().execute(async (connection) => {
    const key = sql`${sql.lit(LOCKS)}, hashtext(${name})`;
    const { rows } = await sql<{ got: boolean }>`SELECT pg_try_advisory_lock(${key}) AS got`.execute(connection);
    if (rows[0]?.got !== true) return false;
    try {
      await work();
      return true;
    } finally {
      await sql`SELECT pg_advisory_unlock(${key})`.execute(connection);
    }
  });
}
