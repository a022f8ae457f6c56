// SPDX-License-Identifier: Apache-2.0
// Ties the person who signed in to the device at which it was done (RFC 8252, RFC 7636). The agent has the browser and the verifier, this
// server the provider; neither can finish alone. Knows no HTTP.

import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { bindAnswer, bindRequest, bindStartRequest } from '../../contract/sync/messages.ts';
import type { SignatureParameters } from '../../protocol/http-signature.ts';
import { done, SYSTEM } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import type { DeviceTable } from '../db/tables.ts';
import { rememberNonce } from '../http/nonces.ts';
import { SyncError } from '../http/sync-error.ts';
import { readSettings } from '../orgs/settings.ts';
import type { Oidc } from './oidc.ts';
import type { SignInSettings } from './sign-in-settings.ts';

type Owner = Pick<DeviceTable, 'id' | 'org'>;

/** Milliseconds that a person has for signing in. */
const PATIENCE = 600_000;
const DAY = 86_400_000;

/** What waits in the database. */
const waiting = z.strictObject({ redirect_uri: z.string(), code_challenge: z.string(), nonce: z.string() });

function stateHash(state: string): string {
  return createHash('sha256').update(state, 'utf8').digest('hex');
}

async function signInOf(ctx: Context, org: string): Promise<SignInSettings> {
  const row = await ctx.db.query.selectFrom('org').select('settings').where('id', '=', org).executeTakeFirstOrThrow();
  const { sign_in } = readSettings(row.settings);
  if (sign_in === undefined) throw new SyncError('missing');
  return sign_in;
}

/** Where the browser goes. A device signs one person in at a time: an earlier start is forgotten. */
export async function startBind(
  ctx: Context,
  oidc: Oidc,
  { id, org }: Owner,
  wish: z.infer<typeof bindStartRequest>,
  signature: SignatureParameters,
): Promise<string> {
  const { redirect_uri, code_challenge, state } = wish;
  // Ports end at 65535; the schema's pattern does not know.
  if (!URL.canParse(redirect_uri)) throw new SyncError('malformed');
  const settings = await signInOf(ctx, org);
  const nonce = ctx.random(16).toString('base64url');
  const address = { redirectUri: redirect_uri, codeChallenge: code_challenge, state, nonce };
  const url = await oidc.address(org, settings, address);
  await ctx.db.transaction(async (tx) => {
    await rememberNonce(tx, ctx, signature);
    await tx.deleteFrom('pending').where('kind', '=', 'bind').where('device', '=', id).execute();
    const inserted = await tx
      .insertInto('pending')
      .values({
        hash: stateHash(state),
        org,
        kind: 'bind',
        device: id,
        data: JSON.stringify({ redirect_uri, code_challenge, nonce }),
        expires: ctx.clock.now() + PATIENCE,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    // Chosen by the device, of 16 random bytes or more: another's is under way with the same one.
    if (inserted.numInsertedOrUpdatedRows !== 1n) throw new SyncError('sign-in');
  });
  return url;
}

/** A state counts once, whatever comes of it. */
export async function finishBind(
  ctx: Context,
  oidc: Oidc,
  { id, org }: Owner,
  { state, code, code_verifier }: z.infer<typeof bindRequest>,
  signature: SignatureParameters,
): Promise<z.infer<typeof bindAnswer>> {
  const row = await ctx.db.transaction(async (tx) => {
    await rememberNonce(tx, ctx, signature);
    return await tx
      .deleteFrom('pending')
      .where('hash', '=', stateHash(state))
      .where('kind', '=', 'bind')
      .where('org', '=', org)
      .where('device', '=', id)
      .returning(['data', 'expires'])
      .executeTakeFirst();
  });
  if (row === undefined || row.expires <= ctx.clock.now()) throw new SyncError('sign-in');
  const { redirect_uri, code_challenge, nonce } = waiting.parse(JSON.parse(row.data));
  // The provider checks it as well; one that forgets to must not weaken us.
  if (!isVerifier(code_verifier, code_challenge)) throw new SyncError('sign-in');
  const settings = await signInOf(ctx, org);
  const person = await oidc.redeem(org, settings, {
    redirectUri: redirect_uri,
    codeVerifier: code_verifier,
    state,
    nonce,
    code,
  });
  const until = ctx.clock.now() + settings.days * DAY;
  await ctx.db.transaction(async (tx) => {
    await tx
      .updateTable('device')
      .set({ user_name: person.name, user_groups: JSON.stringify(person.groups), user_until: until })
      .where('org', '=', org)
      .where('id', '=', id)
      .execute();
    const detail = { user: person.name, subject: person.subject.slice(0, 256), groups: person.groups.length };
    await recordAdmin(tx, ctx, org, done(SYSTEM, 'device.bind', `device:${id}`, detail));
  });
  return { user: person.name, groups: [...person.groups], until };
}

function isVerifier(verifier: string, challenge: string): boolean {
  const made = createHash('sha256').update(verifier, 'utf8').digest();
  const wanted = Buffer.from(challenge, 'base64url');
  return made.length === wanted.length && timingSafeEqual(made, wanted);
}

/** Nobody came back in time; also of sign-ins of administrators. */
export async function forgetOldSignIns(ctx: Context): Promise<void> {
  await ctx.db.query.deleteFrom('pending').where('expires', '<=', ctx.clock.now()).execute();
}
