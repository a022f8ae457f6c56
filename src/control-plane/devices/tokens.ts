// SPDX-License-Identifier: Apache-2.0
// Enrolment tokens: made, listed, revoked. A token is shown once; the database has its SHA-256. Who spends them is enrol.ts's.

import { createHash } from 'node:crypto';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import type { TokenTable } from '../db/tables.ts';
import { Refused } from '../refused.ts';

export interface NewToken {
  /** For administrators; at most 200 characters. */
  readonly note: string;
  /** How many devices may enrol with it. */
  readonly maxUses: number;
  /** Milliseconds since the Unix epoch. */
  readonly expires: number;
}

export interface CreatedToken {
  readonly id: string;
  /** The only time that it is seen. */
  readonly token: string;
}

/** Random bytes of a token: 43 characters in base64url. */
const TOKEN_BYTES = 32;
const MOST_USES = 1_000_000;
const LONGEST_NOTE = 200;

/** An index finds it by this; nobody can make a token for a hash, so that the time of the search tells nothing. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex');
}

export async function createToken(ctx: Context, org: string, wish: NewToken, actor: Actor): Promise<CreatedToken> {
  const { note, maxUses, expires } = wish;
  if (!Number.isSafeInteger(maxUses) || maxUses < 1 || maxUses > MOST_USES) {
    throw new Refused('invalid', `a token is good for 1 to ${MOST_USES} devices`);
  }
  if (!Number.isSafeInteger(expires) || expires <= ctx.clock.now()) {
    throw new Refused('invalid', 'a token must expire in the future');
  }
  if (note.length > LONGEST_NOTE) throw new Refused('invalid', `a note has at most ${LONGEST_NOTE} characters`);
  const token = `ote_${ctx.random(TOKEN_BYTES).toString('base64url')}`;
  const id = `t-${ctx.random(8).toString('hex')}`;
  const row: TokenTable = {
    id,
    org,
    hash: tokenHash(token),
    note,
    created: ctx.clock.now(),
    created_by: actor.name,
    expires,
    max_uses: maxUses,
    uses: 0,
    revoked: 0,
  };
  await ctx.db.transaction(async (tx) => {
    await tx.insertInto('token').values(row).execute();
    const detail = { max_uses: maxUses, expires, note };
    await recordAdmin(tx, ctx, org, done(actor, 'token.create', `token:${id}`, detail));
  });
  return { id, token };
}

export type TokenView = Omit<TokenTable, 'hash' | 'org'>;

/** Newest first. */
export async function listTokens(ctx: Context, org: string): Promise<readonly TokenView[]> {
  return await ctx.db.query
    .selectFrom('token')
    .select(['id', 'note', 'created', 'created_by', 'expires', 'max_uses', 'uses', 'revoked'])
    .where('org', '=', org)
    .orderBy('created', 'desc')
    .orderBy('id')
    .execute();
}

/** Devices that enrolled with it stay. */
export async function revokeToken(ctx: Context, org: string, id: string, actor: Actor): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    const result = await tx
      .updateTable('token')
      .set({ revoked: 1 })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('revoked', '=', 0)
      .executeTakeFirst();
    if (result.numUpdatedRows === 0n) throw new Refused('missing', 'there is no such token that could be revoked');
    await recordAdmin(tx, ctx, org, done(actor, 'token.revoke', `token:${id}`));
  });
}
