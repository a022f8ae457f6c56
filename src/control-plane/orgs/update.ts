// SPDX-License-Identifier: Apache-2.0
// Changes the settings of an organisation. Knows nothing of what they do.

import { z } from 'zod';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import { forgetCursors } from '../exports/cursor.ts';
import { refresh } from '../objects/fresh.ts';
import { Refused } from '../refused.ts';
import { invalidSettings } from './invalid-settings.ts';
import { lockOrg } from './lock.ts';
import { type OrgSettings, orgSettings } from './settings.ts';
import { settingsChanges, settingsHash } from './settings-changes.ts';

export type SettingsMembers = Readonly<Record<string, unknown>>;

export interface OrgChange {
  /** From what is stored, which nobody else changes meanwhile, to all that is to be stored; what is left out has its default. */
  readonly settings?: (stored: SettingsMembers) => unknown;
  readonly fourEyes?: boolean;
  /** `settingsHash` of what was read: refused when it is not what is stored. */
  readonly madeOf?: string | undefined;
}

/** With all defaults. */
export interface OrgUpdate {
  /** undefined: what was stored was no settings. */
  readonly before: OrgSettings | undefined;
  readonly after: OrgSettings;
}

const members = z.record(z.string(), z.unknown());

/** Changes the settings, or whether four eyes are needed, or both. */
export async function updateOrg(
  ctx: Context,
  org: string,
  actor: Actor,
  { settings, fourEyes, madeOf }: OrgChange,
): Promise<OrgUpdate> {
  const update = await ctx.db.transaction(async (tx) => {
    const row = await lockOrg(tx, ctx, org);
    if (madeOf !== undefined && madeOf !== settingsHash(row.settings))
      throw new Refused('conflict', 'somebody changed the settings after you read them; read them again');
    const stored = members.parse(JSON.parse(row.settings));
    const wanted = settings === undefined ? stored : settings(stored);
    const parsed = orgSettings.safeParse(wanted);
    if (!parsed.success)
      throw invalidSettings(parsed.error.issues.map(({ path, message }) => ({ message, at: path.join('.') })));
    const text = settings === undefined ? row.settings : JSON.stringify(wanted);
    const four_eyes = fourEyes === undefined ? row.four_eyes : fourEyes ? 1 : 0;
    await tx.updateTable('org').set({ settings: text, four_eyes }).where('id', '=', org).execute();
    if (settings !== undefined) {
      const names = parsed.data.exports.map(({ name }) => name);
      await forgetCursors(tx, org, names);
    }
    const about = {
      ...(settings === undefined ? {} : settingsChanges(row.settings, text)),
      ...(fourEyes === undefined ? {} : { four_eyes: fourEyes }),
    };
    await recordAdmin(tx, ctx, org, done(actor, 'org.settings', `org:${org}`, about));
    return { before: orgSettings.safeParse(stored).data, after: parsed.data };
  });
  await refresh(ctx, org, 'settings');
  return update;
}
