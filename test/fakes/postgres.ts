// SPDX-License-Identifier: Apache-2.0
// A throw-away PostgreSQL for tests. Owns its start, its databases and its end; files and processes are the keeper's
// (postgres-keeper.ts). Knows nothing of what is kept in it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { findPostgres as findPrograms } from '../../scripts/support/installed.mjs';
import type { KeeperOptions, Kept } from './postgres-keeper.ts';

const KEEPER = fileURLToPath(new URL('./postgres-keeper.ts', import.meta.url));

export interface Postgres {
  /** Of the database `postgres`, with the password of its only user, who may do everything. */
  readonly url: string;
  /** Process id of the server, for tests that kill it. */
  readonly pid: number;
  /** URL of a fresh empty database. */
  createDatabase(): Promise<string>;
  /** Ends the server at once, whoever is connected; nothing of it is left. */
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Off by default: what a test writes need not outlive the machine. A commit is as visible as ever. */
  readonly fsync?: boolean;
}

/**
 * The folder of PostgreSQL's programs, or undefined: then tests are skipped, with the reason. Where OUTPOST_REQUIRE_POSTGRES is 1
 * they may not be, and this throws.
 */
export function findPostgres(env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const found = findPrograms(env);
  if (found === undefined && env['OUTPOST_REQUIRE_POSTGRES'] === '1') {
    throw new Error(`PostgreSQL is required, but there is none in ${env['OUTPOST_PG_BIN'] ?? 'the usual places'}`);
  }
  return found;
}

/** Starts a server on a free port of 127.0.0.1, in a folder of its own. It ends with this process, however that ends. */
export async function startPostgres({ fsync = false }: PostgresOptions = {}): Promise<Postgres> {
  const bin = findPostgres();
  if (bin === undefined) throw new Error('PostgreSQL is not installed');
  const options: KeeperOptions = { bin, fsync };
  // Only what programs need: neither libpq's nor the test runner's variables. A group of its own: a signal to ours must not end it
  // before it has cleaned up.
  const { PATH, TMPDIR } = process.env;
  const keeper = spawn(process.execPath, [KEEPER, JSON.stringify(options)], {
    env: { PATH, TMPDIR },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(keeper, 'exit');
  const complaint = text(keeper.stderr).catch(() => '');
  const said = await firstLine(keeper.stdout);
  if (said === undefined) throw new Error(`PostgreSQL did not start:\n${await complaint}`);
  const { url, pid } = JSON.parse(said) as Kept;
  // A test that forgets to stop it ends nevertheless.
  keeper.unref();
  keeper.stdout.destroy();
  keeper.stderr.destroy();

  let databases = 0;
  return {
    url,
    pid,
    async createDatabase() {
      databases += 1;
      const name = `test_${databases}`;
      const client = new Client({ connectionString: url });
      await client.connect();
      try {
        await client.query(`CREATE DATABASE ${name}`);
      } finally {
        await client.end();
      }
      return Object.assign(new URL(url), { pathname: `/${name}` }).href;
    },
    async stop() {
      keeper.ref();
      keeper.stdin.end();
      await exited;
    },
  };
}

async function firstLine(input: Readable): Promise<string | undefined> {
  for await (const line of createInterface({ input })) return line;
  return undefined;
}
