// SPDX-License-Identifier: Apache-2.0
// Signing in with a name and a password, and changing it. Answers and takes time alike for a wrong password, a name that nobody has, and
// somebody who is shut out. Knows no HTTP.

import type { Transaction } from 'kysely';
import { done, refused, SYSTEM } from '../../actor.ts';
import { recordAdmin } from '../../admin-log/record.ts';
import type { Context } from '../../context.ts';
import { locked } from '../../db/open.ts';
import type { Database } from '../../db/tables.ts';
import { nextTurn } from '../../next-turn.ts';
import { Refused } from '../../refused.ts';
import { AdminError } from '../admin-error.ts';
import type { Attempts } from './attempts.ts';
import { hashPassword, isPassword } from './passwords.ts';
import { rolesIn } from './roles.ts';
import { beginSession, endSessionsOf, type Session } from './sessions.ts';
import { localSubject, type User } from './users.ts';

const wrong = () => new AdminError('forbidden', 'the name or the password is wrong');

/** Of the failures of one name within a quarter of an hour these are in the log. */
const TELLING: ReadonlySet<number> = new Set([1, 10, 100]);

/** Under the name of nobody: who tried is not known. */
async function recordFailure(ctx: Context, { org, id }: User, attempt: number): Promise<void> {
  // The answer goes first.
  await nextTurn();
  const body = refused(SYSTEM, 'user.sign-in', `user:${id}`, { way: 'password', attempt });
  try {
    await ctx.db.transaction((tx) => recordAdmin(tx, ctx, org, body));
  } catch (error) {
    ctx.log.error('sign-in.not-recorded', { org, error: error instanceof Error ? error.message : String(error) });
  }
}

/** Returns the token of a new session. @param address of the network, for the log and against guessing */
export async function signInLocally(
  ctx: Context,
  attempts: Attempts,
  org: string,
  { name: typed, password, address }: { readonly name: string; readonly password: string; readonly address: string },
): Promise<string> {
  const name = typed.toLowerCase();
  const { attempt, forgive } = attempts.count(org, name, address);
  const user = await ctx.db.query
    .selectFrom('app_user')
    .selectAll()
    .where('org', '=', org)
    .where('subject', '=', localSubject(name))
    .executeTakeFirst();
  const right = await isPassword(password, user?.password ?? null);
  if (user === undefined || !right || user.disabled === 1) {
    // Not the name: people type passwords there.
    ctx.log.warn('sign-in.failed', { org, address });
    // Not awaited: an answer that takes longer would tell that there is somebody of this name.
    if (user !== undefined && TELLING.has(attempt)) void recordFailure(ctx, user, attempt);
    throw wrong();
  }
  forgive();
  return await ctx.db.transaction(async (tx) => {
    const held = await unchanged(tx, ctx, user);
    await tx
      .updateTable('app_user')
      .set({ last_sign_in: ctx.clock.now() })
      .where('org', '=', org)
      .where('id', '=', held.id)
      .execute();
    const session = await beginSession(tx, ctx, held);
    await recordAdmin(tx, ctx, org, done(actorOf(held), 'user.sign-in', `user:${held.id}`, { way: 'password' }));
    return session;
  });
}

/** Ends all sessions of the person; returns the token of a new one. */
export async function changePassword(
  ctx: Context,
  attempts: Attempts,
  { org, user: { id } }: Session,
  { old, new: wanted, address }: { readonly old: string; readonly new: string; readonly address: string },
): Promise<string> {
  const user = await ctx.db.query
    .selectFrom('app_user')
    .selectAll()
    .where('org', '=', org.id)
    .where('id', '=', id)
    .executeTakeFirst();
  if (user?.password == null) throw new Refused('conflict', 'your password is with your identity provider');
  const { forgive } = attempts.count(org.id, user.name, address);
  if (!(await isPassword(old, user.password))) throw new AdminError('forbidden', 'the old password is wrong');
  forgive();
  if (wanted.normalize('NFC') === old.normalize('NFC')) throw new Refused('invalid', 'the new password is the old one');
  const kept = await hashPassword(wanted, ctx.random);
  return await ctx.db.transaction(async (tx) => {
    const held = await unchanged(tx, ctx, user);
    await tx
      .updateTable('app_user')
      .set({ password: kept, change_password: 0 })
      .where('org', '=', held.org)
      .where('id', '=', held.id)
      .execute();
    await endSessionsOf(tx, held.org, held.id);
    const session = await beginSession(tx, ctx, held);
    await recordAdmin(tx, ctx, held.org, done(actorOf(held), 'user.password', `user:${held.id}`));
    return session;
  });
}

/** As people are named in the log. */
export function actorOf({ name, roles }: Pick<User, 'name' | 'roles'>) {
  return { name: `user:${name}`, role: rolesIn(roles).join(',') };
}

/** Computing took a while: the password may have been changed, or its owner shut out. */
async function unchanged(tx: Transaction<Database>, ctx: Context, { org, id, password }: User): Promise<User> {
  const select = tx.selectFrom('app_user').selectAll().where('org', '=', org).where('id', '=', id);
  const held = await locked(ctx.db, select).executeTakeFirst();
  if (held === undefined || held.password !== password || held.disabled === 1) throw wrong();
  return held;
}
