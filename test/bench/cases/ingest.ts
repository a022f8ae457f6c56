// SPDX-License-Identifier: Apache-2.0
// Rows a second that one process of the control plane takes: each batch read from its JSON, checked, hashed, stored durably and
// acknowledged with a signed receipt, on SQLite and on PostgreSQL with fsync, eight uploads at a time. First in this process and without
// HTTP, then as devices send them: HTTP, the signature of the request, zstd. Beside the 5,000 rows/s that 100,000 devices need at their
// peak twice over.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { zstdCompressSync } from 'node:zlib';
import { sql } from 'kysely';
import { auditBatch } from '../../../src/contract/sync/messages.ts';
import type { Context } from '../../../src/control-plane/context.ts';
import { storeBatch } from '../../../src/control-plane/ingest/store-batch.ts';
import { intentBody, outcomeBody } from '../../fakes/audit-rows.ts';
import { openControlPlane } from '../../fakes/control-plane-context.ts';
import { DeviceLog } from '../../fakes/device-log.ts';
import { findPostgres, startPostgres } from '../../fakes/postgres.ts';
import { startCrowd } from '../../simulation/crowd.ts';
import { startPlane } from '../../simulation/plane.ts';
import { loadNow } from '../load.ts';
import type { Bench, Finding } from './types.ts';

const UPLOADS_AT_A_TIME = 8;
const BAR = 5_000;
/** Of one device. */
const MOST_REQUESTS = 500;
/** Rows of a batch, and bytes by which a row is larger than the metadata of a call. */
const SHAPES = [
  { rows: 100, more: 0 },
  { rows: 500, more: 0 },
  { rows: 100, more: 1_300 },
] as const;

export async function ingestCase(bench: Bench): Promise<readonly Finding[]> {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-bench-'));
  const postgres = findPostgres() === undefined ? undefined : await startPostgres({ fsync: true });
  const findings: Finding[] = [];
  try {
    for (const { rows, more } of SHAPES) {
      await measure(bench, 'SQLite', `sqlite:${join(folder, `${rows}-${more}.db`)}`, rows, more);
      if (postgres !== undefined) await measure(bench, 'PostgreSQL', await postgres.createDatabase(), rows, more);
    }
    // The rows of one call, as most uploads of a laptop are: what counts is the request.
    await overHttp(bench, 'SQLite', undefined, 3, 0);
    if (postgres !== undefined) await overHttp(bench, 'PostgreSQL', await postgres.createDatabase(), 3, 0);
    for (const { rows, more } of SHAPES) {
      findings.push(await overHttp(bench, 'SQLite', undefined, rows, more));
      if (postgres === undefined) continue;
      findings.push(await overHttp(bench, 'PostgreSQL', await postgres.createDatabase(), rows, more));
    }
    if (postgres === undefined) bench.print('  PostgreSQL: not measured, it is not installed');
  } finally {
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return findings;
}

/** Server and devices in a process of their own each. */
async function overHttp(
  bench: Bench,
  name: string,
  database: string | undefined,
  rows: number,
  more: number,
): Promise<Finding> {
  const plane = await startPlane({ devices: UPLOADS_AT_A_TIME, ...(database === undefined ? {} : { database }) });
  const crowd = await startCrowd(plane);
  try {
    const each = Math.min(Math.ceil((bench.quick ? 8_000 : 40_000) / rows / UPLOADS_AT_A_TIME), MOST_REQUESTS);
    const batches = Array.from({ length: UPLOADS_AT_A_TIME }, () =>
      batchTexts(rows, each, more).map((text) => zstdCompressSync(text)),
    );
    const sent = (batches[0]?.[0]?.length ?? 0) / rows;
    const before = await plane.cpuMs();
    const { seconds } = await crowd.upload({ batches });
    const count = rows * each * UPLOADS_AT_A_TIME;
    const cpu = (((await plane.cpuMs()) - before) * 1000) / count;
    const rate = count / seconds;
    bench.print(
      `  ${name} over HTTP, batches of ${rows} rows, ${sent.toFixed(0)} B each as sent: ${Math.round(rate).toLocaleString('en')} rows/s, ${cpu.toFixed(0)} us CPU a row, ${((cpu * rows) / 1000).toFixed(2)} ms a request; ${loadNow()}`,
    );
    return {
      name: `rows a second of one process over HTTP, ${name}, batches of ${rows}${more > 0 ? ' large' : ''}`,
      value: `${Math.round(rate).toLocaleString('en')} rows/s`,
      bar: `>= ${BAR.toLocaleString('en')} rows/s`,
      holds: rate >= BAR,
    };
  } finally {
    await crowd.stop();
    await plane.stop();
  }
}

async function measure(bench: Bench, name: string, url: string, rows: number, more: number): Promise<void> {
  const { ctx, addOrg, addDevice, close } = await openControlPlane(url);
  await addOrg('acme');
  const batches = Math.ceil((bench.quick ? 8_000 : 40_000) / rows / UPLOADS_AT_A_TIME);
  const uploads = await Promise.all(
    Array.from({ length: UPLOADS_AT_A_TIME }, async () => ({
      device: await addDevice('acme'),
      texts: batchTexts(rows, batches, more),
    })),
  );
  const bytes = uploads[0]?.texts[0]?.length ?? 0;
  for (const pass of ['new', 'repeated'] as const) {
    const begun = performance.now();
    const cpu = process.cpuUsage();
    await Promise.all(
      uploads.map(async ({ device, texts }) => {
        for (const text of texts) {
          const result = await storeBatch(ctx, device, auditBatch.parse(JSON.parse(text)));
          if (!result.ok) throw new Error(result.error);
        }
      }),
    );
    const count = rows * batches * UPLOADS_AT_A_TIME;
    const { user, system } = process.cpuUsage(cpu);
    const rate = Math.round(count / ((performance.now() - begun) / 1_000)).toLocaleString('en');
    bench.print(
      `  ${name}, ${pass} batches of ${rows} rows, ${Math.round(bytes / rows)} B each: ${rate} rows/s, ${((user + system) / count).toFixed(0)} us CPU a row; ${loadNow()}`,
    );
  }
  const { rows: stored, table, indices } = await sizeOf(ctx);
  bench.print(
    `  ${name}, stored: ${Math.round(table / stored)} B a row in the table, ${Math.round(indices / stored)} B in its indices`,
  );
  await close();
}

interface Stored {
  readonly rows: number;
  /** Bytes. */
  readonly table: number;
  readonly indices: number;
}

/** What the rows of the audit log take on the disk. */
async function sizeOf({ db }: Context): Promise<Stored> {
  const size =
    db.kind === 'postgres'
      ? sql<Stored>`SELECT (SELECT count(*)::int FROM audit) AS rows, sum(pg_table_size(relid))::float8 AS "table",
          sum(pg_indexes_size(relid))::float8 AS indices FROM pg_partition_tree('audit') WHERE isleaf`
      : sql<Stored>`SELECT (SELECT count(*) FROM audit) AS rows, sum(iif(stat.name = 'audit', pgsize, 0)) AS "table",
          sum(iif(stat.name = 'audit', 0, pgsize)) AS indices
          FROM dbstat AS stat JOIN sqlite_schema AS schema ON schema.name = stat.name WHERE schema.tbl_name = 'audit'`;
  const { rows } = await size.execute(db.query);
  if (rows[0] === undefined) throw new Error('the database told no sizes');
  return rows[0];
}

function batchTexts(rows: number, batches: number, more: number): readonly string[] {
  const log = DeviceLog.begin();
  const path = `/${'x'.repeat(more)}`;
  while (log.rows.length < rows * batches) {
    const id = `req_${log.rows.length}`;
    log.add(intentBody(id, { path })).add(outcomeBody(id, { stop: path }));
  }
  return Array.from({ length: batches }, (_, index) => JSON.stringify(log.batch(index * rows + 1, (index + 1) * rows)));
}
