// SPDX-License-Identifier: Apache-2.0
// Who is signed in: sessions by the SHA-256 of their token, until they are too old, idle or ended. Knows no HTTP and no way of signing in.

import { createHash } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import type { Role } from '../../../contract/admin/access.ts';
import type { Context } from '../../context.ts';
import type { Database } from '../../db/tables.ts';
import { rolesIn } from './roles.ts';

export interface Session {
  readonly hash: string;
  readonly org: { readonly id: string; readonly name: string };
  readonly user: { readonly id: string; readonly name: string; readonly roles: readonly Role[] };
  readonly expires: number;
  /** Nothing else may be done before. */
  readonly changePassword: boolean;
}

const HOUR = 3_600_000;
/** Milliseconds that a session lasts at most, and without a request. */
const LONGEST = 8 * HOUR;
const LONGEST_IDLE = HOUR;
/** Milliseconds after which a use is written down: not each request writes. */
const NOTE_EVERY = 60_000;
const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

const hashOf = (token: string): string => createHash('sha256').update(token, 'utf8').digest('hex');

/** Returns the token, which is nowhere else. */
export async function beginSession(
  tx: Transaction<Database>,
  ctx: Context,
  { id, org }: { readonly id: string; readonly org: string },
): Promise<string> {
  const token = ctx.random(TOKEN_BYTES).toString('base64url');
  const created = ctx.clock.now();
  const row = { hash: hashOf(token), user_id: id, org, created, expires: created + LONGEST, last_used: created };
  await tx.insertInto('session').values(row).execute();
  return token;
}

/** undefined: nobody is signed in with it. */
export async function findSession(ctx: Context, token: string): Promise<Session | undefined> {
  if (!TOKEN.test(token)) return undefined;
  const hash = hashOf(token);
  const row = await ctx.db.query
    .selectFrom('session')
    .innerJoin('app_user', (join) =>
      join.onRef('app_user.id', '=', 'session.user_id').onRef('app_user.org', '=', 'session.org'),
    )
    .innerJoin('org', 'org.id', 'session.org')
    .select(['session.expires', 'session.last_used', 'org.id as org', 'org.name as org_name'])
    .select(['app_user.id', 'app_user.name', 'app_user.roles', 'app_user.change_password'])
    .where('session.hash', '=', hash)
    .where('app_user.disabled', '=', 0)
    .executeTakeFirst();
  const now = ctx.clock.now();
  if (row === undefined || row.expires <= now || row.last_used <= now - LONGEST_IDLE) return undefined;
  if (now - row.last_used >= NOTE_EVERY) {
    await ctx.db.query.updateTable('session').set({ last_used: now }).where('hash', '=', hash).execute();
  }
  return {
    hash,
    org: { id: row.org, name: row.org_name },
    user: { id: row.id, name: row.name, roles: rolesIn(row.roles) },
    expires: row.expires,
    changePassword: row.change_password === 1,
  };
}

/** By its token, if it is one. */
export async function endSession(db: Kysely<Database>, token: string): Promise<void> {
  await db.deleteFrom('session').where('hash', '=', hashOf(token)).execute();
}

/** What somebody may do has changed, or who may know the password. */
export async function endSessionsOf(db: Kysely<Database>, org: string, user: string): Promise<void> {
  await db.deleteFrom('session').where('org', '=', org).where('user_id', '=', user).execute();
}

/** They count no longer; this only removes them. */
export async function forgetOldSessions(ctx: Context): Promise<void> {
  const now = ctx.clock.now();
  await ctx.db.query
    .deleteFrom('session')
    .where((eb) => eb.or([eb('expires', '<=', now), eb('last_used', '<=', now - LONGEST_IDLE)]))
    .execute();
}
