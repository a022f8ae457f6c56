// SPDX-License-Identifier: Apache-2.0
// What a device's status says of its audit log, against what is stored of it: a log that is shorter than what came from it was put back
// from a copy. Knows nothing of the rest of a status.

import type { Transaction } from 'kysely';
import type { StatusRequest } from '../../contract/sync/messages.ts';
import { NONCE_MEMORY_S } from '../../contract/sync/words.ts';
import { raiseAlarm } from '../alarms/raise.ts';
import type { Context } from '../context.ts';
import type { Database, DeviceTable } from '../db/tables.ts';

/** Notes the highest number that the device says it gave in its epoch; raises `rolled-back` where more than that is stored. */
export async function noteClaimed(
  tx: Transaction<Database>,
  ctx: Context,
  { id, org }: Pick<DeviceTable, 'id' | 'org'>,
  { epoch, seq }: Pick<StatusRequest['queue'], 'epoch' | 'seq'>,
): Promise<void> {
  if (epoch === null) return;
  const stored = await tx
    .selectFrom('epoch')
    .select(['seq', 'claimed', 'last_received'])
    .where('org', '=', org)
    .where('device', '=', id)
    .where('epoch', '=', epoch)
    .executeTakeFirst();
  if (stored === undefined) return;
  if (seq > stored.claimed) {
    await tx
      .updateTable('epoch')
      .set({ claimed: seq })
      .where('org', '=', org)
      .where('device', '=', id)
      .where('epoch', '=', epoch)
      .where('claimed', '<', seq)
      .execute();
  }
  // A status that was long under way may be older than rows that came meanwhile; no older than a signature may be.
  const settled = stored.last_received < ctx.clock.now() - NONCE_MEMORY_S * 1000;
  if (seq >= stored.seq || !settled) return;
  const key = `rolled-back:${id}:${epoch}`;
  await raiseAlarm(tx, ctx, {
    org,
    kind: 'rolled-back',
    device: id,
    key,
    detail: { epoch, said: seq, stored: stored.seq },
  });
}
