// SPDX-License-Identifier: Apache-2.0
// What people do with alarms: look at them, say that they have seen one, close it. Each act is in the control plane's own chain.

import type { Selectable } from 'kysely';
import type { AlarmKind } from '../../contract/alarms.ts';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import type { AlarmTable } from '../db/tables.ts';
import { columnText } from '../ingest/columns.ts';
import { Refused } from '../refused.ts';

export type Alarm = Selectable<AlarmTable>;

export interface AlarmFilter {
  readonly state?: AlarmTable['state'];
  readonly kind?: AlarmKind;
  readonly device?: string;
}

export interface AlarmPage {
  readonly alarms: readonly Alarm[];
  /** `before` of the next page; undefined: this was the last one. */
  readonly next: string | undefined;
}

const MOST_ALARMS = 500;

/** Newest first, by the time at which they were first raised: that does not change while somebody turns pages. */
export async function listAlarms(
  { db }: Pick<Context, 'db'>,
  org: string,
  { state, kind, device }: AlarmFilter,
  { before, limit }: { readonly before?: string | undefined; readonly limit: number },
): Promise<AlarmPage> {
  const most = Math.min(MOST_ALARMS, Math.max(1, Math.trunc(limit)));
  let select = db.query.selectFrom('alarm').selectAll().where('org', '=', org);
  if (state !== undefined) select = select.where('state', '=', state);
  if (kind !== undefined) select = select.where('kind', '=', kind);
  if (device !== undefined) select = select.where('device', '=', columnText(device));
  if (before !== undefined) {
    const { first, id } = readPlace(before);
    select = select.where((eb) =>
      eb.or([eb('first', '<', first), eb.and([eb('first', '=', first), eb('id', '<', id)])]),
    );
  }
  const found = await select
    .orderBy('first', 'desc')
    .orderBy('id', 'desc')
    .limit(most + 1)
    .execute();
  const alarms = found.slice(0, most);
  const last = alarms.at(-1);
  return { alarms, next: found.length > most && last !== undefined ? `${last.first}.${last.id}` : undefined };
}

function readPlace(text: string): { readonly first: number; readonly id: string } {
  const [, first, id] = /^(\d{1,15})\.(a-[0-9a-f]{32})$/.exec(text) ?? [];
  if (first === undefined || id === undefined) throw new Refused('invalid', 'this is no page of alarms');
  return { first: Number(first), id };
}

/** Somebody has seen it. It stays, and is counted on, until it is closed. */
export async function acknowledgeAlarm(ctx: Context, org: string, id: string, actor: Actor): Promise<void> {
  await change(ctx, org, id, actor, 'acknowledged');
}

/** The trouble is over; should it come again, a new alarm is raised. */
export async function closeAlarm(ctx: Context, org: string, id: string, actor: Actor): Promise<void> {
  await change(ctx, org, id, actor, 'closed');
}

async function change(
  ctx: Context,
  org: string,
  id: string,
  actor: Actor,
  state: 'acknowledged' | 'closed',
): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    const key = columnText(id) ?? '';
    const alarm = await tx
      .selectFrom('alarm')
      .select(['kind', 'device'])
      .where('org', '=', org)
      .where('id', '=', key)
      .executeTakeFirst();
    if (alarm === undefined) throw new Refused('missing', 'there is no such alarm');
    const changed = await tx
      .updateTable('alarm')
      .set({ state, handled_by: actor.name })
      .where('org', '=', org)
      .where('id', '=', key)
      .where('state', 'in', state === 'closed' ? ['open', 'acknowledged'] : ['open'])
      .executeTakeFirst();
    if (changed.numUpdatedRows !== 1n) throw new Refused('conflict', `the alarm is ${state} already, or closed`);
    const action = state === 'closed' ? 'alarm.close' : 'alarm.acknowledge';
    const detail = { kind: alarm.kind, ...(alarm.device === null ? {} : { device: alarm.device }) };
    await recordAdmin(tx, ctx, org, done(actor, action, `alarm:${key}`, detail));
  });
}
