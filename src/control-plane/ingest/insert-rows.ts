// SPDX-License-Identifier: Apache-2.0
// Writes checked rows, and which apps they name. One statement for all rows of a batch: 23 columns of MAX_BATCH_ROWS rows are 11,500
// bound values, where SQLite takes 32,766 and PostgreSQL 65,535.

import type { Transaction } from 'kysely';
import type { Database, DeviceTable } from '../db/tables.ts';
import type { CheckedRow } from './check-batch.ts';

export interface Arrival {
  readonly device: Pick<DeviceTable, 'id' | 'org'>;
  readonly epoch: string;
  readonly day: number;
  readonly received: number;
}

export async function insertRows(
  tx: Transaction<Database>,
  { device, epoch, day, received }: Arrival,
  rows: readonly CheckedRow[],
): Promise<void> {
  const values = rows.map(({ seq, at, prev, hash, body, columns }) => ({
    day,
    org: device.org,
    device: device.id,
    epoch,
    seq,
    at,
    received,
    prev,
    hash,
    body,
    ...columns,
  }));
  await tx.insertInto('audit').values(values).execute();
}

/** Milliseconds. An app that is in use is written this often, not with each batch. */
const APP_EVERY = 60_000;

export async function noteApps(
  tx: Transaction<Database>,
  { id, org }: Pick<DeviceTable, 'id' | 'org'>,
  rows: readonly CheckedRow[],
  now: number,
): Promise<void> {
  // In one order, so that two batches of a device at once do not wait for each other in a circle.
  const apps = [...new Set(rows.map(({ columns }) => columns.app))].filter((app) => app !== null).sort();
  if (apps.length === 0) return;
  await tx
    .insertInto('device_app')
    .values(apps.map((app) => ({ device: id, app, org, first_seen: now, last_seen: now })))
    .onConflict((conflict) =>
      conflict
        .columns(['device', 'app'])
        .doUpdateSet({ last_seen: now })
        .where('device_app.last_seen', '<=', now - APP_EVERY),
    )
    .execute();
}
