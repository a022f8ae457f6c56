// SPDX-License-Identifier: Apache-2.0
// What is left behind when a receiver does not want rows and the export goes on without them: an alarm, and which rows, in the control
// plane's own chain. The rows themselves stay in the database.

import type { Transaction } from 'kysely';
import { done, SYSTEM } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import { raiseAlarm } from '../alarms/raise.ts';
import type { Context } from '../context.ts';
import type { Database } from '../db/tables.ts';
import type { CursorOf } from './cursor.ts';

/** Rows one after the other that were refused alone. */
export interface PassedOver {
  readonly rows: number;
  /** `DEVICE/EPOCH/SEQ`. */
  readonly first: string;
  readonly last: string;
  readonly reason: string;
}

/** @param lost `rejected`: how many the receiver dropped of what it took, without saying which */
export async function recordRefused(
  tx: Transaction<Database>,
  ctx: Context,
  { org, name }: CursorOf,
  { rejected, refused }: { readonly rejected: number; readonly refused: PassedOver | undefined },
): Promise<void> {
  const detail = {
    export: name,
    rows: rejected + (refused?.rows ?? 0),
    reason: refused?.reason ?? 'the receiver took the delivery and dropped some of it',
    ...(refused === undefined ? {} : { first: refused.first, last: refused.last }),
  };
  const key = `export-rejected:${name}`;
  await raiseAlarm(tx, ctx, { org, kind: 'export-rejected', device: null, key, detail });
  if (refused === undefined) return;
  const { rows, first, last, reason } = refused;
  const about = { rows, first, last, problem: reason };
  await recordAdmin(tx, ctx, org, done(SYSTEM, 'export.skip', `export:${name}`, about));
}
