// SPDX-License-Identifier: Apache-2.0
// The one lock of an organisation: whoever changes what its devices are told holds its row. Knows nothing of what is changed.

import type { Selectable, Transaction } from 'kysely';
import type { Context } from '../context.ts';
import { locked } from '../db/open.ts';
import type { Database, OrgTable } from '../db/tables.ts';
import { Refused } from '../refused.ts';

/** Waits for the lock, which ends with the transaction, and gives the row as it is then. Refuses when there is no such organisation. */
export async function lockOrg(tx: Transaction<Database>, ctx: Context, org: string): Promise<Selectable<OrgTable>> {
  const row = await locked(ctx.db, tx.selectFrom('org').selectAll().where('id', '=', org)).executeTakeFirst();
  if (row === undefined) throw new Refused('missing', 'there is no such organisation');
  return row;
}
