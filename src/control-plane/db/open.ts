// SPDX-License-Identifier: Apache-2.0
// Opens the database that a URL names: SQLite in a file, or PostgreSQL. Hides the few ways in which the two differ; knows no table.

import Sqlite from 'better-sqlite3';
import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  PostgresDialect,
  type SelectQueryBuilder,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
  type Transaction,
} from 'kysely';
import pg from 'pg';
import { keepStatements } from './kept-statements.ts';
import { migrate } from './migrations.ts';
import type { Database } from './tables.ts';

/** Type 20 is int8: node-postgres gives it as text. Ours are all below 2^53. */
const INT8 = 20;
/** Connections of one process. PostgreSQL allows 100 in all by default. */
const POOL = 10;

export interface Db {
  readonly kind: 'sqlite' | 'postgres';
  readonly query: Kysely<Database>;
  /** One transaction. On SQLite it holds the write lock from its start, so await nothing in it but queries. */
  transaction<T>(work: (tx: Transaction<Database>) => Promise<T>): Promise<T>;
  /** Where PostgreSQL listens and notifies; undefined: SQLite. */
  readonly postgresUrl: string | undefined;
  close(): Promise<void>;
}

/** Two processes that both read and then wrote would otherwise both fail to get the write lock. */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #database: SqliteDatabase;
  constructor(database: SqliteDatabase) {
    super({ database });
    this.#database = database;
  }
  override createDriver(): SqliteDriver {
    return new ImmediateDriver({ database: this.#database });
  }
}

/**
 * Opens and migrates. `url`: `sqlite:PATH` or `postgres://…`. Several processes may do so at once on PostgreSQL; on SQLite the server and
 * the command line may.
 */
export async function openDb(url: string): Promise<Db> {
  const db = /^postgres(?:ql)?:\/\//.test(url) ? openPostgres(url) : openSqlite(url);
  try {
    await migrate(db);
  } catch (error) {
    await db.close();
    throw error;
  }
  return db;
}

function openSqlite(url: string): Db {
  const path = /^sqlite:(.+)$/s.exec(url)?.[1];
  if (path === undefined) throw new Error('the database is named sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME');
  const database = new Sqlite(path);
  database.pragma('busy_timeout = 10000');
  database.pragma('journal_mode = WAL');
  // better-sqlite3 turns to NORMAL with WAL; an acknowledged batch must survive a loss of power.
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  const query = new Kysely<Database>({ dialect: new ImmediateDialect(keepStatements(database)) });
  return {
    kind: 'sqlite',
    query,
    transaction: (work) => query.transaction().execute(work),
    postgresUrl: undefined,
    close: () => query.destroy(),
  };
}

function openPostgres(url: string): Db {
  const pool = new pg.Pool({
    connectionString: url,
    max: POOL,
    types: {
      getTypeParser: (type: number, format?: 'text' | 'binary') =>
        type === INT8 ? Number : pg.types.getTypeParser(type, format as 'text'),
    } as pg.CustomTypesConfig,
  });
  // A connection that breaks is replaced, and its query fails; without a listener on both the process would end.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const query = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return {
    kind: 'postgres',
    query,
    transaction: (work) => query.transaction().execute(work),
    postgresUrl: url,
    close: () => query.destroy(),
  };
}

/** Locks the rows that a select finds until the transaction ends. SQLite's write lock does that already. */
export function locked<T extends keyof Database, O>(
  db: Db,
  select: SelectQueryBuilder<Database, T, O>,
): SelectQueryBuilder<Database, T, O> {
  return db.kind === 'postgres' ? select.forUpdate() : select;
}
