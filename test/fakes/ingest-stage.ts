// SPDX-License-Identifier: Apache-2.0
// A control plane with one organisation and one device whose batches a test sends, and what a test asks about what is stored then.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { AuditBatch } from '../../src/contract/sync/messages.ts';
import type { DeviceTable } from '../../src/control-plane/db/tables.ts';
import { storeBatch } from '../../src/control-plane/ingest/store-batch.ts';
import { checkSequence, fromHex } from '../../src/protocol/chain.ts';
import { openControlPlane, type TestControlPlane } from './control-plane-context.ts';
import type { DeviceLog } from './device-log.ts';

export interface Stage extends TestControlPlane {
  readonly url: string;
  readonly device: DeviceTable;
  send(batch: AuditBatch): ReturnType<typeof storeBatch>;
  rows(): Promise<
    readonly { seq: number; at: number; prev: string; hash: string; body: string | null; kind: string }[]
  >;
  alarms(): Promise<readonly string[]>;
}

export async function stage(test: TestContext, url: string): Promise<Stage> {
  const plane = await openControlPlane(url, { test });
  await plane.addOrg('acme');
  const device = await plane.addDevice('acme');
  const { query } = plane.ctx.db;
  return {
    ...plane,
    url,
    device,
    send: (batch) => storeBatch(plane.ctx, device, batch),
    rows: () =>
      query
        .selectFrom('audit')
        .select(['seq', 'at', 'prev', 'hash', 'body', 'kind'])
        .where('device', '=', device.id)
        .orderBy('epoch')
        .orderBy('seq')
        .execute(),
    alarms: async () =>
      (await query.selectFrom('alarm').select('kind').orderBy('kind').execute()).map(({ kind }) => kind),
  };
}

/** Every row of the log is stored once, in order, with its bytes, and the chain is whole. */
export async function assertWhole(one: Stage, log: DeviceLog): Promise<void> {
  const stored = await one.rows();
  assert.deepEqual(
    stored.map(({ seq, at, body }) => ({ seq, at, body })),
    log.rows.map(({ seq, at, body }) => ({ seq, at, body })),
  );
  const linked = stored.map(({ seq, at, prev, hash, body }) => ({
    seq,
    at,
    body: body ?? '',
    prev: fromHex(prev),
    hash: fromHex(hash),
  }));
  assert.equal(checkSequence(log.epoch, linked).broken, undefined);
}
