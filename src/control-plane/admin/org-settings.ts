// SPDX-License-Identifier: Apache-2.0
// The settings of an organisation as administrators see and change them. What they mean is orgs/settings.ts.

import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Actor } from '../actor.ts';
import type { Context } from '../context.ts';
import { sealClientSecret } from '../devices/oidc.ts';
import { sealExportSecrets } from '../exports/secrets.ts';
import { rootFingerprint, rootInForce } from '../orgs/root-store.ts';
import { readSettings } from '../orgs/settings.ts';
import { updateOrg } from '../orgs/update.ts';
import { Refused } from '../refused.ts';

export interface OrgSettingsView {
  readonly org: { readonly id: string; readonly name: string };
  readonly four_eyes: boolean;
  /** As they were set: without what has its default. */
  readonly settings: Record<string, unknown>;
  readonly root: { readonly number: number; readonly fingerprint: string; readonly expires: number };
}

const members = z.record(z.string(), z.unknown());

export async function readOrgSettings(ctx: Context, org: string): Promise<OrgSettingsView> {
  const { query } = ctx.db;
  const row = await query.selectFrom('org').selectAll().where('id', '=', org).executeTakeFirstOrThrow();
  const { number, expires } = await rootInForce(query, org);
  return {
    org: { id: row.id, name: row.name },
    four_eyes: row.four_eyes === 1,
    settings: members.parse(JSON.parse(row.settings)),
    root: { number, fingerprint: await rootFingerprint(ctx, org, number), expires },
  };
}

export interface SettingsChange {
  readonly four_eyes?: boolean | undefined;
  /** All of them; a `client_secret` in clear within `sign_in`, and what is secret in `exports` and `digest_bucket`, is sealed. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
}

/** Where people sign in, and what their groups may do, holds at once: whoever signed in by what was before must do so again. */
export async function changeSettings(
  ctx: Context,
  org: string,
  actor: Actor,
  { four_eyes, settings }: SettingsChange,
): Promise<void> {
  if (four_eyes === undefined && settings === undefined) throw new Refused('invalid', 'there is nothing to change');
  const row = await ctx.db.query.selectFrom('org').select('settings').where('id', '=', org).executeTakeFirstOrThrow();
  const before = readSettings(row.settings);
  const after = await updateOrg(ctx, org, actor, {
    ...(four_eyes === undefined ? {} : { fourEyes: four_eyes }),
    ...(settings === undefined ? {} : { settings: sealExportSecrets(ctx, org, withSealedSecret(ctx, org, settings)) }),
  });
  if (isDeepStrictEqual(before.sign_in, after.sign_in)) return;
  const theirs = ctx.db.query
    .selectFrom('app_user')
    .select('id')
    .where('org', '=', org)
    .where('subject', 'like', 'oidc:%');
  await ctx.db.query.deleteFrom('session').where('org', '=', org).where('user_id', 'in', theirs).execute();
}

function withSealedSecret(ctx: Context, org: string, settings: Readonly<Record<string, unknown>>) {
  const signIn = members.safeParse(settings['sign_in']).data;
  const secret = signIn?.['client_secret'];
  if (signIn === undefined || typeof secret !== 'string') return settings;
  const { client_secret: _, ...rest } = signIn;
  return { ...settings, sign_in: { ...rest, client_secret_sealed: sealClientSecret(ctx, org, secret) } };
}
