// SPDX-License-Identifier: Apache-2.0
// Changes the settings of an organisation. Knows nothing of what they do.

import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import { forgetCursors } from '../exports/cursor.ts';
import { refresh } from '../objects/fresh.ts';
import { Refused } from '../refused.ts';
import { lockOrg } from './lock.ts';
import { type OrgSettings, orgSettings } from './settings.ts';

/** Replaces the settings as a whole (what is left out has its default), or whether four eyes are needed, or both. */
export async function updateOrg(
  ctx: Context,
  org: string,
  actor: Actor,
  change: { readonly settings?: unknown; readonly fourEyes?: boolean },
): Promise<OrgSettings> {
  const { settings, fourEyes } = change;
  const parsed = orgSettings.safeParse(settings ?? {});
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({
      message,
      line: 0,
      column: 0,
      at: path.join('.'),
    }));
    throw new Refused('invalid', 'these are no settings of an organisation', faults);
  }
  const effective = await ctx.db.transaction(async (tx) => {
    const row = await lockOrg(tx, ctx, org);
    const text = settings === undefined ? row.settings : JSON.stringify(settings);
    const four_eyes = fourEyes === undefined ? row.four_eyes : fourEyes ? 1 : 0;
    await tx.updateTable('org').set({ settings: text, four_eyes }).where('id', '=', org).execute();
    if (settings !== undefined) {
      const names = parsed.data.exports.map(({ name }) => name);
      await forgetCursors(tx, org, names);
    }
    const about = {
      ...(settings === undefined ? {} : { settings: text.slice(0, 256) }),
      ...(fourEyes === undefined ? {} : { four_eyes: fourEyes }),
    };
    await recordAdmin(tx, ctx, org, done(actor, 'org.settings', `org:${org}`, about));
    return orgSettings.parse(JSON.parse(text));
  });
  await refresh(ctx, org, 'settings');
  return effective;
}
