// SPDX-License-Identifier: Apache-2.0
// What a device says of itself: stored for administrators, and compared with what it said before, which shows old disks and old policies
// that came back. Knows no HTTP.

import type { Transaction } from 'kysely';
import type { StatusAnswer, StatusRequest } from '../../contract/sync/messages.ts';
import type { SignatureParameters } from '../../protocol/http-signature.ts';
import { raiseAlarm } from '../alarms/raise.ts';
import type { Context } from '../context.ts';
import { locked } from '../db/open.ts';
import type { Database, DeviceTable } from '../db/tables.ts';
import { rememberNonce } from '../http/nonces.ts';
import { SyncError } from '../http/sync-error.ts';
import { noteClaimed } from '../ingest/claimed.ts';

export async function storeStatus(
  ctx: Context,
  device: Pick<DeviceTable, 'id' | 'org'>,
  status: StatusRequest,
  signature: SignatureParameters,
): Promise<StatusAnswer> {
  const now = ctx.clock.now();
  return await ctx.db.transaction(async (tx) => {
    await rememberNonce(tx, ctx, signature);
    const held = await locked(
      ctx.db,
      tx.selectFrom('device').selectAll().where('org', '=', device.org).where('id', '=', device.id),
    ).executeTakeFirst();
    if (held === undefined) throw new SyncError('reenroll');
    await noteClaimed(tx, ctx, held, status.queue);
    await watchVersion(ctx, tx, held, status);
    await tx
      .updateTable('device')
      .set(columnsOf(status, held, now))
      .where('org', '=', held.org)
      .where('id', '=', held.id)
      .execute();
    const bound = held.user_name !== null && held.user_until !== null && held.user_until > now;
    return {
      now,
      ring: held.ring,
      // A device that must enrol again gets 401 `reenroll` for whatever it asks.
      reenroll: false,
      user: bound ? { name: held.user_name ?? '', until: held.user_until ?? 0 } : null,
    };
  });
}

function columnsOf(status: StatusRequest, held: DeviceTable, now: number): Partial<DeviceTable> {
  const { facts, active, candidate, queue } = status;
  return {
    name: facts.name,
    platform: facts.os.platform,
    os_version: facts.os.version,
    arch: facts.os.arch,
    // The serial that it enrolled with says which device it is; another one stands in `status`.
    serial: held.serial ?? facts.serial ?? null,
    agent: facts.agent,
    last_seen: now,
    policy_version: active?.version ?? null,
    policy_sha256: active?.sha256 ?? null,
    policy_since: active?.since ?? null,
    freshness: status.freshness,
    root: status.root,
    fresh_seq: status.fresh_seq,
    refused: candidate === null ? null : JSON.stringify(candidate),
    refused_version: candidate?.version ?? null,
    queue_rows: queue.rows,
    queue_bytes: queue.bytes,
    queue_oldest: queue.oldest,
    clock_delta: status.clock_delta_ms,
    coverage: JSON.stringify(status.coverage),
    status: JSON.stringify(status),
    status_at: now,
  };
}

/** Going back is a new version with old content, so that a lower number is never by order. */
async function watchVersion(ctx: Context, tx: Transaction<Database>, held: DeviceTable, { active }: StatusRequest) {
  const version = active?.version ?? 0;
  if (held.policy_version === null || version >= held.policy_version) return;
  await raiseAlarm(tx, ctx, {
    org: held.org,
    kind: 'rolled-back',
    device: held.id,
    key: `rolled-back:${held.id}:policy-${held.policy_version}`,
    detail: { said: version, stored: held.policy_version },
  });
}
