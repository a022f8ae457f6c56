// SPDX-License-Identifier: Apache-2.0
// What administrators do to one device: revoke it, have it enrol again, choose its ring. Each writes its admin row in the same
// transaction, and tells the processes that have the device connected.

import type { Transaction } from 'kysely';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import { locked } from '../db/open.ts';
import type { Database, DeviceTable } from '../db/tables.ts';
import { ringOf } from '../policies/rings.ts';
import { Refused } from '../refused.ts';
import { stepBack } from './step-back.ts';

/** `lost` (or stolen) goes on the signed list, so that the device learns of it from any cache. */
export const REVOKE_REASONS = ['lost', 'retired', 'compromised', 'other'] as const;
export type RevokeReason = (typeof REVOKE_REASONS)[number];

async function change(
  ctx: Context,
  org: string,
  id: string,
  work: (tx: Transaction<Database>, device: DeviceTable) => Promise<void>,
): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    const device = await locked(
      ctx.db,
      tx.selectFrom('device').selectAll().where('org', '=', org).where('id', '=', id),
    ).executeTakeFirst();
    if (device === undefined) throw new Refused('missing', 'there is no such device');
    await work(tx, device);
  });
  await ctx.events.publish({ org, device: id, seq: 0, spread_s: 0 });
}

async function set(tx: Transaction<Database>, { org, id }: DeviceTable, values: Partial<DeviceTable>): Promise<void> {
  await tx.updateTable('device').set(values).where('org', '=', org).where('id', '=', id).execute();
}

/** Its keys are refused from now on, and its machine may not enrol again. */
export async function revokeDevice(
  ctx: Context,
  org: string,
  id: string,
  reason: RevokeReason,
  actor: Actor,
): Promise<void> {
  await change(ctx, org, id, async (tx, device) => {
    // One that turns out to be lost after it was retired still goes on the list.
    if (device.state === 'revoked' && device.revoke_reason === reason) return;
    await set(tx, device, { state: 'revoked', revoke_reason: reason });
    await recordAdmin(tx, ctx, org, done(actor, 'device.revoke', `device:${id}`, { reason }));
  });
}

/** The device must make new keys and enrol again. Lets the machine of a revoked one back in; nothing else does. */
export async function requestReenrolment(ctx: Context, org: string, id: string, actor: Actor): Promise<void> {
  await change(ctx, org, id, async (tx, device) => {
    if (device.state === 'reenroll') return;
    if (device.state === 'replaced') throw new Refused('conflict', 'the device is replaced');
    // Off the signed list, too: a device that stands there would not hear that it may come back.
    await set(tx, device, { state: 'reenroll', revoke_reason: null });
    const detail = { was: device.state };
    await recordAdmin(tx, ctx, org, done(actor, 'device.reenroll', `device:${id}`, detail));
  });
}

/** undefined: back to the ring that is drawn for it. Refuses a ring whose version is older than the device's. */
export async function pinRing(
  ctx: Context,
  org: string,
  id: string,
  ring: string | undefined,
  actor: Actor,
): Promise<void> {
  await change(ctx, org, id, async (tx, device) => {
    const rings = await tx.selectFrom('ring').select('ring').where('org', '=', org).execute();
    const home = await tx.selectFrom('org').select('ring_key').where('id', '=', org).executeTakeFirstOrThrow();
    if (ring !== undefined && !rings.some((one) => one.ring === ring)) {
      throw new Refused('invalid', 'there is no such ring');
    }
    const wanted = ring ?? ringOf(home.ring_key, id);
    const back = await stepBack(tx, device, wanted);
    if (back !== undefined) {
      throw new Refused(
        'conflict',
        `the device has version ${back.has} of the policy; ring ${wanted} has version ${back.ringHas}, which it would refuse: move it when version ${back.has} or a later one has come to that ring`,
      );
    }
    await set(tx, device, { ring: wanted, ring_pinned: ring === undefined ? 0 : 1 });
    const detail = { ring: wanted, pinned: ring !== undefined };
    await recordAdmin(tx, ctx, org, done(actor, 'device.ring', `device:${id}`, detail));
  });
}
