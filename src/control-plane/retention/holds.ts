// SPDX-License-Identifier: Apache-2.0
// Legal holds: rows that must not be deleted, whatever retention says. Placing and releasing one is in the control plane's own chain.

import { type Expression, type ExpressionBuilder, type Selectable, type SqlBool, sql } from 'kysely';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import type { Database, HoldTable } from '../db/tables.ts';
import { columnText } from '../ingest/columns.ts';
import { Refused } from '../refused.ts';

export type Hold = Selectable<HoldTable>;

export interface NewHold {
  /** undefined: all devices of the organisation. */
  readonly device?: string;
  /** Milliseconds since the Unix epoch, both included: rows that happened or arrived then. */
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** Returns its id. */
export async function placeHold(ctx: Context, org: string, hold: NewHold, actor: Actor): Promise<string> {
  const { from, to } = hold;
  const reason = columnText(hold.reason) ?? '';
  if (!(from <= to) || reason === '') throw new Refused('invalid', 'a hold needs a range of time and a reason');
  const id = `h-${ctx.random(8).toString('hex')}`;
  await ctx.db.transaction(async (tx) => {
    const device = hold.device === undefined ? null : columnText(hold.device);
    if (device !== null) {
      const known = await tx
        .selectFrom('device')
        .select('id')
        .where('org', '=', org)
        .where('id', '=', device)
        .executeTakeFirst();
      if (known === undefined) throw new Refused('missing', 'there is no such device');
    }
    const row = { id, org, device, from_at: from, to_at: to, reason, created_by: actor.name, created: ctx.clock.now() };
    await tx
      .insertInto('hold')
      .values({ ...row, released: null })
      .execute();
    const detail = { from, to, reason, ...(device === null ? {} : { device }) };
    await recordAdmin(tx, ctx, org, done(actor, 'hold.place', `hold:${id}`, detail));
  });
  return id;
}

/** What it held goes with the next round of retention. */
export async function releaseHold(ctx: Context, org: string, id: string, actor: Actor): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    const key = columnText(id) ?? '';
    const changed = await tx
      .updateTable('hold')
      .set({ released: ctx.clock.now() })
      .where('org', '=', org)
      .where('id', '=', key)
      .where('released', 'is', null)
      .executeTakeFirst();
    if (changed.numUpdatedRows !== 1n) throw new Refused('missing', 'there is no such hold, or it was released');
    await recordAdmin(tx, ctx, org, done(actor, 'hold.release', `hold:${key}`));
  });
}

/** Newest first, released ones included. */
export async function listHolds({ db }: Pick<Context, 'db'>, org: string): Promise<readonly Hold[]> {
  return await db.query
    .selectFrom('hold')
    .selectAll()
    .where('org', '=', org)
    .orderBy('created', 'desc')
    .orderBy('id')
    .execute();
}

/** A condition on rows: a hold that was not released covers them. Devices' clocks may be wrong, so that either time counts. */
export function isHeld(eb: ExpressionBuilder<Database, 'audit'>): Expression<SqlBool> {
  return eb.exists(
    eb
      .selectFrom('hold')
      .select('hold.id')
      .whereRef('hold.org', '=', 'audit.org')
      .where('hold.released', 'is', null)
      .where((on) => on.or([on('hold.device', 'is', null), on('hold.device', '=', on.ref('audit.device'))]))
      .where(
        sql<SqlBool>`(audit.at BETWEEN hold.from_at AND hold.to_at OR audit.received BETWEEN hold.from_at AND hold.to_at)`,
      ),
  );
}
