// SPDX-License-Identifier: Apache-2.0
// The key of a device's offline override codes, and the code that an administrator reads out. The code itself is nowhere stored.

import { overrideCode as codeFor, OVERRIDE_KEY_BYTES, type OverrideMinutes } from '../../protocol/override-code.ts';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import { overrideKeyBound } from '../objects/secrets.ts';
import { Refused } from '../refused.ts';

/** Encrypted, as the table has it. */
export function newOverrideKey(ctx: Context, org: string, device: string): Buffer {
  return ctx.keys.encrypt(ctx.random(OVERRIDE_KEY_BYTES), overrideKeyBound(org, device));
}

/** The code that holds when it is typed within the next half hour. */
export async function overrideCode(
  ctx: Context,
  org: string,
  device: string,
  minutes: OverrideMinutes,
  actor: Actor,
): Promise<string> {
  return await ctx.db.transaction(async (tx) => {
    const row = await tx
      .selectFrom('device')
      .select(['id', 'override_key'])
      .where('org', '=', org)
      .where('id', '=', device)
      .where('state', '=', 'active')
      .executeTakeFirst();
    if (row === undefined) throw new Refused('missing', 'there is no such device in good standing');
    // That one was asked for, and for how long; never the code.
    const target = `device:${device}`;
    await recordAdmin(tx, ctx, org, done(actor, 'device.override', target, { minutes }));
    const key = ctx.keys.decrypt(row.override_key, overrideKeyBound(org, row.id));
    return codeFor(key, ctx.clock.now(), minutes);
  });
}
