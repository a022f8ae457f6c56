// SPDX-License-Identifier: Apache-2.0
// Tells when a digest was made and could not be put where it is kept: until it is, no further one is made, and what changes is not proven.

import { SYSTEM } from '../actor.ts';
import { NOT_CLOSED, raiseAlarm } from '../alarms/raise.ts';
import type { Context } from '../context.ts';
import { pendingSince } from './digest.ts';

/** Milliseconds: a few hours are what a folder or a bucket may be away for. */
const TOO_LONG = 6 * 3_600_000;
const KIND = 'digest-late';

/** An alarm for each organisation, which closes by itself. To be called every few minutes by any number of processes. */
export async function findLateDigests(ctx: Context): Promise<void> {
  const orgs = await ctx.db.query.selectFrom('org').select('id').orderBy('id').execute();
  for (const { id: org } of orgs) {
    const since = await pendingSince(ctx, org);
    const late = since !== undefined && ctx.clock.now() - since > TOO_LONG;
    await ctx.db.transaction(async (tx) => {
      const open = tx.selectFrom('alarm').select('id').where('org', '=', org).where('key', '=', KIND).where(NOT_CLOSED);
      const known = (await open.executeTakeFirst())?.id;
      if (late && known === undefined)
        await raiseAlarm(tx, ctx, { org, kind: KIND, device: null, key: KIND, detail: { since } });
      if (late || known === undefined) return;
      await tx
        .updateTable('alarm')
        .set({ state: 'closed', handled_by: SYSTEM.name })
        .where('org', '=', org)
        .where('id', '=', known)
        .execute();
    });
  }
}
