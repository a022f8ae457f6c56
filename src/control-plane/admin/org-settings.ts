// SPDX-License-Identifier: Apache-2.0
// The settings of an organisation as administrators see and change them. What they mean is orgs/settings.ts.

import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Actor } from '../actor.ts';
import type { Context } from '../context.ts';
import { sealSignIn } from '../devices/client-secret.ts';
import { sealExportSecrets } from '../exports/secrets.ts';
import { rootFingerprint, rootInForce } from '../orgs/root-store.ts';
import { settingsHash } from '../orgs/settings-changes.ts';
import { type SettingsMembers, updateOrg } from '../orgs/update.ts';
import { Refused } from '../refused.ts';

export interface OrgSettingsView {
  readonly org: { readonly id: string; readonly name: string };
  readonly four_eyes: boolean;
  /** As they were set: without what has its default. */
  readonly settings: Record<string, unknown>;
  /** `settingsHash` of them. */
  readonly sha256: string;
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
    sha256: settingsHash(row.settings),
    root: { number, fingerprint: await rootFingerprint(ctx, org, number), expires },
  };
}

export interface SettingsChange {
  readonly four_eyes?: boolean | undefined;
  /**
   * All of them, or how they are made of those that are stored, which nobody else changes meanwhile. A `client_secret` in clear within
   * `sign_in`, and what is secret in `exports` and `digest_bucket`, is sealed.
   */
  readonly settings?: SettingsMembers | ((stored: SettingsMembers) => SettingsMembers) | undefined;
  /** `settingsHash` of what they were made of; refused when others are stored by now. */
  readonly sha256?: string | undefined;
}

/** Where people sign in, and what their groups may do, holds at once: whoever signed in by what was before must do so again. */
export async function changeSettings(
  ctx: Context,
  org: string,
  actor: Actor,
  { four_eyes, settings, sha256 }: SettingsChange,
): Promise<void> {
  if (four_eyes === undefined && settings === undefined) throw new Refused('invalid', 'there is nothing to change');
  const sealed = (stored: SettingsMembers) => {
    const wanted = typeof settings === 'function' ? settings(stored) : (settings ?? stored);
    return sealExportSecrets(ctx, org, sealSignIn(ctx, org, wanted));
  };
  const { before, after } = await updateOrg(ctx, org, actor, {
    madeOf: sha256,
    ...(four_eyes === undefined ? {} : { fourEyes: four_eyes }),
    ...(settings === undefined ? {} : { settings: sealed }),
  });
  if (isDeepStrictEqual(before?.sign_in, after.sign_in)) return;
  const theirs = ctx.db.query
    .selectFrom('app_user')
    .select('id')
    .where('org', '=', org)
    .where('subject', 'like', 'oidc:%');
  await ctx.db.query.deleteFrom('session').where('org', '=', org).where('user_id', 'in', theirs).execute();
}
