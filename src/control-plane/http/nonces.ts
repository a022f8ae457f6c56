// SPDX-License-Identifier: Apache-2.0
// The memory of signatures that were used, shared by all processes through the database.

import type { Kysely } from 'kysely';
import { NONCE_MEMORY_S } from '../../contract/sync/words.ts';
import type { Context } from '../context.ts';
import type { Database } from '../db/tables.ts';
import { SyncError } from './sync-error.ts';

interface Used {
  readonly keyid: string;
  readonly nonce: string;
}

/**
 * Throws `replay` when the signature was used before. In the transaction of what the request does, both hold or neither; before it, a
 * request that then fails is used up, and the device signs anew for its next try.
 */
export async function rememberNonce(tx: Kysely<Database>, ctx: Context, { keyid, nonce }: Used): Promise<void> {
  const result = await tx
    .insertInto('nonce')
    .values({ kid: keyid, nonce, at: ctx.clock.now() })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (result.numInsertedOrUpdatedRows !== 1n) throw new SyncError('replay');
}

/** A signature is good for at most twice the window, when the device's clock is ahead. */
export async function forgetOldNonces(ctx: Context): Promise<void> {
  const before = ctx.clock.now() - NONCE_MEMORY_S * 1000;
  await ctx.db.query.deleteFrom('nonce').where('at', '<', before).execute();
}
