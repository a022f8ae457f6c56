// SPDX-License-Identifier: Apache-2.0
// Adds a row to an organisation's own chain, in the transaction of the change that it tells of: there is never one without the other.

import type { Transaction } from 'kysely';
import type { AdminBody } from '../../contract/admin-row.ts';
import { type ChainEnd, canonicalJson, EMPTY_CHAIN, fromHex, linkRow, toHex } from '../../protocol/chain.ts';
import type { Context } from '../context.ts';
import type { Database } from '../db/tables.ts';
import { type AdminLogBody, adminColumns } from './columns.ts';

interface AdminEnd extends ChainEnd {
  readonly epoch: string;
}

/**
 * Appends. The lock is the next number itself: who comes second waits until the first one's transaction has ended, then takes the number
 * behind it. So call it last in a transaction: until that ends, all others of the organisation wait.
 */
export async function recordAdmin(
  tx: Transaction<Database>,
  ctx: Context,
  org: string,
  body: AdminBody,
): Promise<void> {
  for (;;) {
    const end = (await findEnd(tx, org)) ?? (await begin(tx, ctx, org));
    if (end !== undefined && (await append(tx, ctx, org, end, body)) !== undefined) return;
  }
}

async function findEnd(tx: Transaction<Database>, org: string): Promise<AdminEnd | undefined> {
  const last = await tx
    .selectFrom('admin_log')
    .select(['epoch', 'seq', 'hash'])
    .where('org', '=', org)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return last === undefined ? undefined : { ...last, hash: fromHex(last.hash) };
}

async function begin(tx: Transaction<Database>, ctx: Context, org: string): Promise<AdminEnd | undefined> {
  const end = { ...EMPTY_CHAIN, epoch: ctx.random(8).toString('hex') };
  return await append(tx, ctx, org, end, { kind: 'epoch', reason: 'first' });
}

/** undefined: somebody else took the number. */
async function append(
  tx: Transaction<Database>,
  ctx: Context,
  org: string,
  end: AdminEnd,
  body: AdminLogBody,
): Promise<AdminEnd | undefined> {
  const { epoch } = end;
  const row = linkRow(epoch, end, ctx.clock.now(), canonicalJson(body));
  const { seq, at, prev, hash } = row;
  const result = await tx
    .insertInto('admin_log')
    .values({
      org,
      epoch,
      seq,
      at,
      prev: toHex(prev),
      hash: toHex(hash),
      body: row.body,
      ...adminColumns(org, body),
    })
    .onConflict((conflict) => conflict.columns(['org', 'seq']).doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n ? { epoch, seq, hash } : undefined;
}
