// SPDX-License-Identifier: Apache-2.0
// Keeps statements that SQLite has prepared, by their text: Kysely has each query prepared anew, which costs more than to run a short one.
// Knows no query.

import type { Database, Statement } from 'better-sqlite3';
import type { SqliteDatabase } from 'kysely';

/** About 5 kB each. */
const MOST_STATEMENTS = 256;
/** Characters. Longer ones insert batches, and hardly two are of the same length; they take up to 200 kB. */
const MOST_TEXT = 2_000;

/** The same database to Kysely. SQLite itself prepares a kept statement anew when the schema has changed. */
export function keepStatements(database: Database): SqliteDatabase {
  // The least recently used one is first.
  const kept = new Map<string, Statement<unknown[]>>();
  return {
    prepare(text) {
      const known = kept.get(text);
      // One over which somebody iterates takes no other parameters meanwhile.
      if (known?.busy === true) return database.prepare(text);
      const statement = known ?? database.prepare<unknown[]>(text);
      if (text.length > MOST_TEXT) return statement;
      kept.delete(text);
      kept.set(text, statement);
      if (kept.size > MOST_STATEMENTS) kept.delete(kept.keys().next().value ?? text);
      return statement;
    },
    close() {
      kept.clear();
      database.close();
    },
  };
}
