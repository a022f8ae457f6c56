// SPDX-License-Identifier: Apache-2.0
// What is stored of a device's epochs: the heads, the lock that makes uploads one after the other, and hashes of stored rows.

import type { Selectable, Transaction } from 'kysely';
import type { Context } from '../context.ts';
import { locked } from '../db/open.ts';
import type { Database, DeviceTable, EpochTable } from '../db/tables.ts';
import { dayOf } from './day-partitions.ts';
import { type Head, NO_HEAD } from './place.ts';
import type { OtherEpochs } from './row-alarms.ts';

export type StoredEpoch = Selectable<EpochTable>;

/**
 * Locks the epoch until the transaction ends. One that is new is made first, with nothing in it: two processes that meet it at once
 * wait for each other here. undefined: there is none, and none was asked for.
 * @param head where a new one begins: behind the rows that are stored of it under another device
 */
export async function lockEpoch(
  tx: Transaction<Database>,
  ctx: Context,
  { id, org }: Pick<DeviceTable, 'id' | 'org'>,
  epoch: string,
  { create, now, head = NO_HEAD }: { readonly create: boolean; readonly now: number; readonly head?: Head },
): Promise<StoredEpoch | undefined> {
  const find = () =>
    locked(
      ctx.db,
      tx.selectFrom('epoch').selectAll().where('device', '=', id).where('epoch', '=', epoch).where('org', '=', org),
    ).executeTakeFirst();
  const known = await find();
  if (known !== undefined || !create) return known;
  const { seq, hash } = head;
  await tx
    .insertInto('epoch')
    .values({
      device: id,
      epoch,
      org,
      seq,
      hash,
      first_received: now,
      last_received: now,
      claimed: seq,
      follows: null,
    })
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

/** A machine that enrols so often is not looked after. */
const MOST_FORMER = 32;

/** The devices that this one was before it enrolled again, newest first. */
export async function formerDevices(
  tx: Transaction<Database>,
  { id, org }: Pick<DeviceTable, 'id' | 'org'>,
): Promise<readonly string[]> {
  const former: string[] = [];
  for (let device = id; former.length < MOST_FORMER; ) {
    const row = await tx
      .selectFrom('device')
      .select('replaces')
      .where('org', '=', org)
      .where('id', '=', device)
      .executeTakeFirst();
    if (row === undefined || row.replaces === null) break;
    device = row.replaces;
    former.push(device);
  }
  return former;
}

/** What is stored of an epoch under the newest of these devices that sent rows of it. */
export async function formerEpoch(
  tx: Transaction<Database>,
  org: string,
  former: readonly string[],
  epoch: string,
): Promise<StoredEpoch | undefined> {
  if (former.length === 0) return undefined;
  // Each began where the one before it had ended.
  return await tx
    .selectFrom('epoch')
    .selectAll()
    .where('org', '=', org)
    .where('device', 'in', former)
    .where('epoch', '=', epoch)
    .where('seq', '>', 0)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Also those that the device sent before it enrolled again, but for `any`: that a machine was set up anew is told when it enrols. */
export function otherEpochs(tx: Transaction<Database>, { device, org, epoch: own }: StoredEpoch): OtherEpochs {
  let read: Promise<readonly string[]> | undefined;
  const devices = async () => {
    read ??= formerDevices(tx, { id: device, org });
    return [device, ...(await read)];
  };
  const others = tx.selectFrom('epoch').where('org', '=', org).where('epoch', '<>', own).where('seq', '>', 0);
  return {
    head: async (epoch) =>
      await others
        .select(['seq', 'hash'])
        .where('device', 'in', await devices())
        .where('epoch', '=', epoch)
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst(),
    any: async () =>
      (await others.select('epoch').where('device', '=', device).limit(1).executeTakeFirst()) !== undefined,
    followed: async (epoch) =>
      (await others
        .select('epoch')
        .where('device', 'in', await devices())
        .where('follows', '=', epoch)
        .limit(1)
        .executeTakeFirst()) !== undefined,
  };
}
