// SPDX-License-Identifier: Apache-2.0
// The people of an organisation who administer it: made, listed, given roles, shut out. What changes what somebody may do ends their
// sessions. Also for the command line.

import type { Selectable, Transaction } from 'kysely';
import type { Role } from '../../../contract/admin/access.ts';
import { type Actor, done, SYSTEM } from '../../actor.ts';
import { recordAdmin } from '../../admin-log/record.ts';
import type { Context } from '../../context.ts';
import type { Database, UserTable } from '../../db/tables.ts';
import { lockOrg } from '../../orgs/lock.ts';
import { Refused } from '../../refused.ts';
import { hashPassword, newPassword } from './passwords.ts';
import { rolesIn, rolesText } from './roles.ts';
import { endSessionsOf } from './sessions.ts';

export type User = Selectable<UserTable>;

export interface UserView {
  readonly id: string;
  readonly name: string;
  /** `local`, or the issuer that vouches. */
  readonly source: string;
  readonly roles: readonly Role[];
  readonly created: number;
  readonly last_sign_in: number | null;
  readonly disabled: boolean;
}

/** The password is shown this once, and must be changed at the first sign-in. */
export interface FirstPassword {
  readonly id: string;
  readonly name: string;
  readonly password: string;
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** More would be a directory; that is the identity provider's. */
const MOST = 10_000;

/** What the subject of a local user is; names are in lower case. */
export const localSubject = (name: string): string => `local:${name}`;

/** An issuer is a URL and has no space. */
export const oidcSubject = (issuer: string, sub: string): string => `oidc:${issuer} ${sub}`;

export function isLocal({ subject }: Pick<User, 'subject'>): boolean {
  return subject.startsWith('local:');
}

export function newUserId(ctx: Context): string {
  return `u-${ctx.random(8).toString('hex')}`;
}

/** By name. */
export async function listUsers({ db }: Pick<Context, 'db'>, org: string): Promise<readonly UserView[]> {
  const rows = await db.query
    .selectFrom('app_user')
    .selectAll()
    .where('org', '=', org)
    .orderBy('name')
    .limit(MOST)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    source: isLocal(row) ? 'local' : row.subject.slice('oidc:'.length).split(' ', 1).join(''),
    roles: rolesIn(row.roles),
    created: row.created,
    last_sign_in: row.last_sign_in,
    disabled: row.disabled === 1,
  }));
}

export async function createUser(
  ctx: Context,
  org: string,
  actor: Actor,
  { name, roles }: { readonly name: string; readonly roles: readonly Role[] },
): Promise<FirstPassword> {
  if (!NAME.test(name)) throw new Refused('invalid', 'a name has 1 to 64 of a-z, 0-9, ".", "_" and "-"');
  if (roles.length === 0) throw new Refused('invalid', 'a person needs a role');
  const made = await prepare(ctx, name);
  await ctx.db.transaction(async (tx) => {
    await lockOrg(tx, ctx, org);
    await insert(tx, ctx, org, made, roles);
    const about = { name, roles: rolesText(roles) };
    await recordAdmin(tx, ctx, org, done(actor, 'user.create', `user:${made.id}`, about));
  });
  return { id: made.id, name, password: made.password };
}

/** The first administrator, where nobody is one yet; undefined: somebody is. Whoever calls says the password, once. */
export async function ensureBootstrapAdmin(ctx: Context, org: string): Promise<FirstPassword | undefined> {
  const anybody = (db: Context['db']['query']) =>
    db.selectFrom('app_user').select('id').where('org', '=', org).limit(1).executeTakeFirst();
  if ((await anybody(ctx.db.query)) !== undefined) return undefined;
  const made = await prepare(ctx, 'admin');
  return await ctx.db.transaction(async (tx) => {
    await lockOrg(tx, ctx, org);
    // Another process was faster.
    if ((await anybody(tx)) !== undefined) return undefined;
    await insert(tx, ctx, org, made, ['admin']);
    const about = { name: made.name, roles: 'admin' };
    await recordAdmin(tx, ctx, org, done(SYSTEM, 'user.create', `user:${made.id}`, about));
    return { id: made.id, name: made.name, password: made.password };
  });
}

/** For somebody who forgot theirs: a first password once more, also of somebody who was shut out (and stays so). */
export async function resetPassword(ctx: Context, org: string, actor: Actor, name: string): Promise<FirstPassword> {
  const { password, kept } = await prepare(ctx, name);
  return await ctx.db.transaction(async (tx) => {
    await lockOrg(tx, ctx, org);
    const user = await tx
      .selectFrom('app_user')
      .selectAll()
      .where('org', '=', org)
      .where('subject', '=', localSubject(name))
      .executeTakeFirst();
    if (user === undefined) throw new Refused('missing', `there is no user ${name} with a password`);
    await set(tx, user, { password: kept, change_password: 1 });
    await recordAdmin(tx, ctx, org, done(actor, 'user.password-reset', `user:${user.id}`));
    return { id: user.id, name, password };
  });
}

/** Takes effect at once. Those of somebody from an identity provider follow from their groups, and cannot be set. */
export async function setRoles(
  ctx: Context,
  org: string,
  actor: Actor,
  id: string,
  roles: readonly Role[],
): Promise<void> {
  await change(ctx, org, id, async (tx, user) => {
    if (!isLocal(user)) throw new Refused('conflict', 'the roles of this person follow from their groups');
    const text = rolesText(roles);
    if (text === user.roles) return;
    if (!roles.includes('admin')) await mustLeaveAdmin(tx, user);
    await set(tx, user, { roles: text });
    const about = { roles: text, before: user.roles };
    await recordAdmin(tx, ctx, org, done(actor, 'user.roles', `user:${id}`, about));
  });
}

/** Shuts somebody out, or lets them in again. */
export async function setDisabled(
  ctx: Context,
  org: string,
  actor: Actor,
  id: string,
  disabled: boolean,
): Promise<void> {
  await change(ctx, org, id, async (tx, user) => {
    if ((user.disabled === 1) === disabled) return;
    if (disabled) await mustLeaveAdmin(tx, user);
    await set(tx, user, { disabled: disabled ? 1 : 0 });
    await recordAdmin(tx, ctx, org, done(actor, disabled ? 'user.disable' : 'user.enable', `user:${id}`));
  });
}

async function change(
  ctx: Context,
  org: string,
  id: string,
  work: (tx: Transaction<Database>, user: User) => Promise<void>,
): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    // Of two administrators who shut each other out, the second one finds the first one's work.
    await lockOrg(tx, ctx, org);
    const user = await tx
      .selectFrom('app_user')
      .selectAll()
      .where('org', '=', org)
      .where('id', '=', id)
      .executeTakeFirst();
    if (user === undefined) throw new Refused('missing', 'there is no such person');
    await work(tx, user);
  });
}

async function set(tx: Transaction<Database>, { org, id }: User, values: Partial<User>): Promise<void> {
  await tx.updateTable('app_user').set(values).where('org', '=', org).where('id', '=', id).execute();
  await endSessionsOf(tx, org, id);
}

/** Nobody could let anybody in again. */
async function mustLeaveAdmin(tx: Transaction<Database>, user: User): Promise<void> {
  if (user.disabled === 1 || !rolesIn(user.roles).includes('admin')) return;
  const others = await tx
    .selectFrom('app_user')
    .select('roles')
    .where('org', '=', user.org)
    .where('id', '<>', user.id)
    .where('disabled', '=', 0)
    .execute();
  if (others.some(({ roles }) => rolesIn(roles).includes('admin'))) return;
  throw new Refused('conflict', 'the last administrator must stay one');
}

interface Prepared extends FirstPassword {
  readonly kept: string;
}

/** Before the transaction: hashing takes long. */
async function prepare(ctx: Context, name: string): Promise<Prepared> {
  const password = newPassword(ctx.random);
  return { id: newUserId(ctx), name, password, kept: await hashPassword(password, ctx.random) };
}

async function insert(
  tx: Transaction<Database>,
  ctx: Context,
  org: string,
  { id, name, kept }: Prepared,
  roles: readonly Role[],
): Promise<void> {
  const inserted = await tx
    .insertInto('app_user')
    .values({
      id,
      org,
      subject: localSubject(name),
      name,
      roles: rolesText(roles),
      password: kept,
      change_password: 1,
      created: ctx.clock.now(),
      last_sign_in: null,
      disabled: 0,
    })
    .onConflict((at) => at.doNothing())
    .executeTakeFirst();
  if (inserted.numInsertedOrUpdatedRows !== 1n)
    throw new Refused('conflict', `there is somebody called ${name} already`);
}
