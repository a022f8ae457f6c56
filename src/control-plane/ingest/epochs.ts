// SPDX-License-Identifier: Apache-2.0
// What is stored of a device's epochs: the heads, the lock that makes uploads one after the other, and hashes of stored rows.

import type { Selectable, Transaction } from 'kysely';
import type { Context } from '../context.ts';
import { locked } from '../db/open.ts';
import type { Database, DeviceTable, EpochTable } from '../db/tables.ts';
import { dayOf } from './day-partitions.ts';
import { NO_HEAD } from './place.ts';
import type { OtherEpochs } from './row-alarms.ts';

export type StoredEpoch = Selectable<EpochTable>;

/**
 * Locks the epoch until the transaction ends. One that is new is made first, with nothing in it: two processes that meet it at once
 * wait for each other here. undefined: there is none, and none was asked for.
 */
export async function lockEpoch(
  tx: Transaction<Database>,
  ctx: Context,
  { id, org }: Pick<DeviceTable, 'id' | 'org'>,
  epoch: string,
  { create, now }: { readonly create: boolean; readonly now: number },
): Promise<StoredEpoch | undefined> {
  const find = () =>
    locked(
      ctx.db,
      tx.selectFrom('epoch').selectAll().where('device', '=', id).where('epoch', '=', epoch).where('org', '=', org),
    ).executeTakeFirst();
  const known = await find();
  if (known !== undefined || !create) return known;
  const empty = { seq: NO_HEAD.seq, hash: NO_HEAD.hash, first_received: now, last_received: now, claimed: 0 };
  await tx
    .insertInto('epoch')
    .values({ device: id, epoch, org, ...empty, follows: null })
    .onConflict((conflict) => conflict.columns(['device', 'epoch']).doNothing())
    .execute();
  return await find();
}

/** Hashes of stored rows by number, both ends included. */
export async function storedHashes(
  tx: Transaction<Database>,
  { org, device, epoch, first_received, last_received }: StoredEpoch,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<ReadonlyMap<number, string>> {
  const rows = await tx
    .selectFrom('audit')
    .select(['seq', 'hash'])
    .where('org', '=', org)
    .where('device', '=', device)
    .where('epoch', '=', epoch)
    .where('seq', '>=', from)
    .where('seq', '<=', to)
    // Spares PostgreSQL the partitions in which the epoch cannot be.
    .where('day', '>=', dayOf(first_received))
    .where('day', '<=', dayOf(last_received))
    .execute();
  return new Map(rows.map(({ seq, hash }) => [seq, hash]));
}

export function otherEpochs(tx: Transaction<Database>, { device, org, epoch: own }: StoredEpoch): OtherEpochs {
  const others = tx
    .selectFrom('epoch')
    .where('org', '=', org)
    .where('device', '=', device)
    .where('epoch', '<>', own)
    .where('seq', '>', 0);
  return {
    head: async (epoch) => await others.select(['seq', 'hash']).where('epoch', '=', epoch).executeTakeFirst(),
    any: async () => (await others.select('epoch').limit(1).executeTakeFirst()) !== undefined,
    followed: async (epoch) =>
      (await others.select('epoch').where('follows', '=', epoch).limit(1).executeTakeFirst()) !== undefined,
  };
}
