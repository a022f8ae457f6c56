// SPDX-License-Identifier: Apache-2.0
// Runs one suite on each database that the control plane knows: SQLite in a file, and a real PostgreSQL. A fresh database per test.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { findPostgres, startPostgres } from './postgres.ts';

export type DatabaseKind = 'sqlite' | 'postgres';

/**
 * `suite` is called once per database, to declare its tests; `freshUrl` gives the URL of an empty database that is gone after the
 * suite. Without PostgreSQL its half is skipped with a reason, unless OUTPOST_REQUIRE_POSTGRES is set.
 */
export function onEachDatabase(suite: (freshUrl: () => Promise<string>, kind: DatabaseKind) => void): void {
  describe('on SQLite', () => {
    const folder = mkdtempSync(join(tmpdir(), 'outpost-db-'));
    let count = 0;
    after(() => rmSync(folder, { recursive: true, force: true }));
    suite(async () => {
      count += 1;
      return `sqlite:${join(folder, `${count}.db`)}`;
    }, 'sqlite');
  });
  const missing = findPostgres() === undefined && process.env.OUTPOST_REQUIRE_POSTGRES === undefined;
  describe('on PostgreSQL', { skip: missing ? 'PostgreSQL is not installed' : false }, () => {
    let server: Awaited<ReturnType<typeof startPostgres>> | undefined;
    before(async () => {
      server = await startPostgres();
    });
    after(() => server?.stop());
    suite(async () => {
      if (server === undefined) throw new Error('PostgreSQL was not started');
      return await server.createDatabase();
    }, 'postgres');
  });
}
