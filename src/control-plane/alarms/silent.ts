// SPDX-License-Identifier: Apache-2.0
// Devices that are not heard of any more: an alarm for each, which closes by itself when the device is back or is no longer expected.

import { SYSTEM } from '../actor.ts';
import type { Context } from '../context.ts';
import { DAY_MS } from '../ingest/day-partitions.ts';
import { nextTurn } from '../next-turn.ts';
import { readSettings } from '../orgs/settings.ts';
import { NOT_CLOSED, raiseAlarm } from './raise.ts';

/** Devices of one transaction. */
const SLICE = 200;

const keyOf = (device: string) => `silent:${device}`;

/** Looks at all organisations; to be called every few minutes, by any number of processes. */
export async function findSilent(ctx: Context): Promise<void> {
  const orgs = await ctx.db.query.selectFrom('org').select(['id', 'settings']).execute();
  for (const { id, settings } of orgs) {
    const heardSince = ctx.clock.now() - readSettings(settings).silent_days * DAY_MS;
    while ((await raiseSome(ctx, id, heardSince)) === SLICE) await nextTurn();
    await closeHeard(ctx, id, heardSince);
  }
}

/** Raises for devices that have no such alarm yet: a look that finds what the last one found counts for nothing. Returns how many. */
async function raiseSome(ctx: Context, org: string, heardSince: number): Promise<number> {
  return await ctx.db.transaction(async (tx) => {
    const silent = await tx
      .selectFrom('device')
      .select(['id', 'last_seen'])
      .where('org', '=', org)
      .where('state', '=', 'active')
      .where('last_seen', '<', heardSince)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('alarm')
              .select('alarm.id')
              .where('alarm.org', '=', org)
              .where('kind', '=', 'silent')
              .where(NOT_CLOSED)
              .whereRef('alarm.device', '=', 'device.id'),
          ),
        ),
      )
      .orderBy('id')
      .limit(SLICE)
      .execute();
    for (const { id, last_seen } of silent) {
      await raiseAlarm(tx, ctx, { org, kind: 'silent', device: id, key: keyOf(id), detail: { last_seen } });
    }
    return silent.length;
  });
}

async function closeHeard(ctx: Context, org: string, heardSince: number): Promise<void> {
  const stillSilent = ctx.db.query
    .selectFrom('device')
    .select('id')
    .where('org', '=', org)
    .where('state', '=', 'active')
    .where('last_seen', '<', heardSince);
  await ctx.db.query
    .updateTable('alarm')
    .set({ state: 'closed', handled_by: SYSTEM.name })
    .where('org', '=', org)
    .where('kind', '=', 'silent')
    .where(NOT_CLOSED)
    .where('device', 'not in', stillSilent)
    .execute();
}
