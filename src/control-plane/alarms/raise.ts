// SPDX-License-Identifier: Apache-2.0
// Raises alarms, in the transaction of what found the trouble. One alarm for the same trouble, counted. Knows no trouble's meaning.

import { sql, type Transaction } from 'kysely';
import type { AlarmKind } from '../../contract/alarms.ts';
import { canonicalJson } from '../../protocol/chain.ts';
import type { Context } from '../context.ts';
import type { Database } from '../db/tables.ts';
import { columnText } from '../ingest/columns.ts';

/** Particulars for whoever looks: short plain values, nothing secret. */
export type AlarmDetail = Readonly<Record<string, string | number | boolean>>;

export interface NewAlarm {
  readonly org: string;
  readonly kind: AlarmKind;
  readonly device: string | null;
  /** Same key: the same trouble. Begins with the kind. */
  readonly key: string;
  readonly detail: AlarmDetail;
}

/** An index of PostgreSQL names its condition with a literal; a parameter would not be seen as the same. */
export const NOT_CLOSED = sql<boolean>`state <> 'closed'`;

/**
 * Raises an alarm, or counts one more where an alarm with this key is not closed; its detail is then the newest. Two transactions that
 * raise the same alarms should do so in the same order, or one waits for the other in a circle.
 */
export async function raiseAlarm(tx: Transaction<Database>, ctx: Context, alarm: NewAlarm): Promise<void> {
  const now = ctx.clock.now();
  const { org, kind, device, key } = alarm;
  const detail = detailText(alarm.detail);
  await tx
    .insertInto('alarm')
    .values({
      id: `a-${ctx.random(16).toString('hex')}`,
      org,
      kind,
      device,
      key,
      detail,
      count: 1,
      first: now,
      last: now,
      state: 'open',
      handled_by: null,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['org', 'key'])
        .where(NOT_CLOSED)
        .doUpdateSet((eb) => ({ count: eb('alarm.count', '+', 1), last: now, detail })),
    )
    .execute();
}

/** Texts may come from a hostile device: cut, as columns are. */
function detailText(detail: AlarmDetail): string {
  const entries = Object.entries(detail).map(([name, value]) => [
    name,
    typeof value === 'string' ? columnText(value) : value,
  ]);
  return canonicalJson(Object.fromEntries(entries));
}
