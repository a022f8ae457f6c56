// SPDX-License-Identifier: Apache-2.0
// Signing in with the organisation's identity provider. What waits between the two requests is in the database, and counts once, for the
// browser that began. Roles are what the groups give, each time anew. Knows no HTTP.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Transaction } from 'kysely';
import { z } from 'zod';
import type { Role } from '../../../contract/admin/access.ts';
import { done } from '../../actor.ts';
import { recordAdmin } from '../../admin-log/record.ts';
import type { Context } from '../../context.ts';
import { locked } from '../../db/open.ts';
import type { Database } from '../../db/tables.ts';
import type { Oidc, Person } from '../../devices/oidc.ts';
import type { SignInSettings } from '../../devices/sign-in-settings.ts';
import { SyncError } from '../../http/sync-error.ts';
import { actorOf } from './local-sign-in.ts';
import { type NamedOrg, namedOrg } from './organisation.ts';
import { rolesText } from './roles.ts';
import { beginSession, endSessionsOf } from './sessions.ts';
import { newUserId, oidcSubject, type User } from './users.ts';

/** Why nobody was signed in. */
export type OidcFailure = 'not-offered' | 'stale' | 'refused' | 'unavailable' | 'no-roles' | 'disabled';

export class OidcRefusal extends Error {
  readonly why: OidcFailure;
  constructor(why: OidcFailure) {
    super(why);
    this.name = 'OidcRefusal';
    this.why = why;
  }
}

export interface OidcStart {
  /** Where the browser goes. */
  readonly url: string;
  /** What only this browser gets, and shows when it comes back. */
  readonly binding: string;
}

/** The address that the provider sent the browser to. */
export interface OidcAnswer {
  readonly state: string | null;
  readonly code: string | null;
  readonly iss: string | null;
  readonly error: string | null;
  /** What the browser has of `OidcStart`. */
  readonly binding: string | undefined;
}

/** Milliseconds that a person has for signing in. */
export const PATIENCE = 600_000;
/** What OpenID Connect allows. */
const LONGEST_SUB = 255;
/** Code points of a name: rows of the log take no more with what is before it. */
const LONGEST_NAME = 100;

const waiting = z.strictObject({
  redirect_uri: z.string(),
  code_verifier: z.string(),
  nonce: z.string(),
  binding: z.string(),
});

const sha256 = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();

/** Whether people of an organisation can sign in so. */
export function offersOidc({ settings: { sign_in } }: NamedOrg): boolean {
  return sign_in !== undefined && Object.values(sign_in.roles).some((roles) => roles.length > 0);
}

export async function startOidc(
  ctx: Context,
  oidc: Oidc,
  org: NamedOrg,
  { redirectUri }: { readonly redirectUri: string },
): Promise<OidcStart> {
  const settings = signInOf(org);
  const [state, nonce, verifier, binding] = Array.from({ length: 4 }, () => ctx.random(32).toString('base64url')) as [
    string,
    string,
    string,
    string,
  ];
  const wish = { redirectUri, codeChallenge: sha256(verifier).toString('base64url'), state, nonce };
  const url = await oidc.address(org.id, settings, wish).catch(refuse);
  const data = { redirect_uri: redirectUri, code_verifier: verifier, nonce, binding: sha256(binding).toString('hex') };
  const row = { hash: sha256(state).toString('hex'), org: org.id, kind: 'admin' as const, device: null };
  await ctx.db.query
    .insertInto('pending')
    .values({ ...row, data: JSON.stringify(data), expires: ctx.clock.now() + PATIENCE })
    .execute();
  return { url, binding };
}

/** Returns the token of a new session. */
export async function finishOidc(ctx: Context, oidc: Oidc, answer: OidcAnswer): Promise<string> {
  // Whatever comes of it, a state counts once: also one that another browser brings.
  const row = await ctx.db.query
    .deleteFrom('pending')
    .where('hash', '=', sha256(answer.state ?? '').toString('hex'))
    .where('kind', '=', 'admin')
    .returning(['org', 'data', 'expires'])
    .executeTakeFirst();
  if (row === undefined || row.expires <= ctx.clock.now()) throw new OidcRefusal('stale');
  const { redirect_uri, code_verifier, nonce, binding } = waiting.parse(JSON.parse(row.data));
  if (!timingSafeEqual(sha256(answer.binding ?? ''), Buffer.from(binding, 'hex'))) throw new OidcRefusal('stale');
  const { state, code, iss, error } = answer;
  if (error !== null || code === null || state === null) throw new OidcRefusal('refused');
  const org = await namedOrg(ctx, row.org);
  const settings = signInOf(org);
  const person = await oidc
    .redeem(org.id, settings, { redirectUri: redirect_uri, codeVerifier: code_verifier, state, nonce, code, iss })
    .catch(refuse);
  const roles = rolesOf(person, settings);
  if (roles.length === 0) {
    ctx.log.warn('sign-in.no-roles', { org: org.id });
    throw new OidcRefusal('no-roles');
  }
  return await ctx.db.transaction((tx) => enter(tx, ctx, org.id, settings, person, rolesText(roles)));
}

function signInOf(org: NamedOrg): SignInSettings {
  const { sign_in } = org.settings;
  if (sign_in === undefined || !offersOidc(org)) throw new OidcRefusal('not-offered');
  return sign_in;
}

function refuse(error: unknown): never {
  if (!(error instanceof SyncError)) throw error;
  throw new OidcRefusal(error.code === 'unavailable' ? 'unavailable' : 'refused');
}

function rolesOf({ groups }: Person, { roles }: SignInSettings): readonly Role[] {
  return groups.flatMap((group) => (Object.hasOwn(roles, group) ? (roles[group] ?? []) : []));
}

async function enter(
  tx: Transaction<Database>,
  ctx: Context,
  org: string,
  { issuer }: SignInSettings,
  person: Person,
  roles: string,
): Promise<string> {
  if (person.subject.length > LONGEST_SUB) throw new OidcRefusal('refused');
  const subject = oidcSubject(issuer, person.subject);
  const known = (await find(tx, ctx, org, subject)) ?? (await add(tx, ctx, org, subject, person, roles));
  if (known.disabled === 1) throw new OidcRefusal('disabled');
  const { id } = known;
  if (known.roles !== roles) await endSessionsOf(tx, org, id);
  await tx
    .updateTable('app_user')
    .set({ roles, last_sign_in: ctx.clock.now() })
    .where('org', '=', org)
    .where('id', '=', id)
    .execute();
  const session = await beginSession(tx, ctx, known);
  const actor = actorOf({ ...known, roles });
  await recordAdmin(tx, ctx, org, done(actor, 'user.sign-in', `user:${id}`, { way: 'oidc', roles }));
  return session;
}

async function add(
  tx: Transaction<Database>,
  ctx: Context,
  org: string,
  subject: string,
  person: Person,
  roles: string,
): Promise<User> {
  const user = {
    id: newUserId(ctx),
    org,
    subject,
    roles,
    password: null,
    change_password: 0 as const,
    created: ctx.clock.now(),
    last_sign_in: null,
    disabled: 0 as const,
  };
  // Four eyes are told from two by the name, and providers let people change theirs: it is fixed now, and nobody else's.
  const plain = Array.from(person.name).slice(0, LONGEST_NAME).join('');
  for (const name of [plain, `${plain}~${sha256(subject).toString('hex').slice(0, 12)}`]) {
    const inserted = await tx
      .insertInto('app_user')
      .values({ ...user, name })
      .onConflict((at) => at.doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows === 1n) return { ...user, name };
    // The same person, at the same time, in another window.
    const known = await find(tx, ctx, org, subject);
    if (known !== undefined) return known;
  }
  throw new OidcRefusal('refused');
}

async function find(tx: Transaction<Database>, ctx: Context, org: string, subject: string): Promise<User | undefined> {
  const select = tx.selectFrom('app_user').selectAll().where('org', '=', org).where('subject', '=', subject);
  return await locked(ctx.db, select).executeTakeFirst();
}
