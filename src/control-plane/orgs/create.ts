// SPDX-License-Identifier: Apache-2.0
// Makes an organisation: its keys, its first root, its rings. Knows nothing of policies or devices.

import type { RootPayload } from '../../contract/sync/objects.ts';
import { RINGS } from '../../contract/sync/rings.ts';
import { orgId, text } from '../../contract/sync/words.ts';
import { signObject } from '../../protocol/signed-object.ts';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context, KeyRole } from '../context.ts';
import { makeKeys } from '../keys/folder.ts';
import { Refused } from '../refused.ts';
import { rootFingerprint, signersNamed } from './root-store.ts';
import { orgSettings } from './settings.ts';

/**
 * Milliseconds: ten years, as an organisation's own certificate authority. A device refuses a root that has expired, so a short life would
 * stop organisations that never change their keys; one that does sets its own.
 */
export const ROOT_LIFETIME = 3_653 * 86_400_000;

export interface NewOrg {
  readonly id: string;
  readonly name: string;
  /** Root keys, and how many of them must sign. Default: one of one. */
  readonly root?: { readonly keys: number; readonly threshold: number };
  /** OrgSettings; what is left out has its default. */
  readonly settings?: unknown;
  readonly fourEyes?: boolean;
}

/** All keys are made in `folder`, which `ctx.keys` reads. `rotateRoot` and `importRoot` exchange them for offline ones. */
export async function createOrg(
  ctx: Context,
  folder: string,
  { id, name, root: { keys, threshold } = { keys: 1, threshold: 1 }, settings, fourEyes = false }: NewOrg,
  actor: Actor = { name: 'cli' },
): Promise<{ readonly fingerprint: string }> {
  const parsed = orgSettings.safeParse(settings ?? {});
  if (!orgId.safeParse(id).success)
    throw new Refused('invalid', 'the id must be a-z, 0-9 and "-", at most 63 characters');
  if (!text(256).min(1).safeParse(name).success) throw new Refused('invalid', 'the name must have 1 to 256 characters');
  if (!parsed.success) throw new Refused('invalid', 'these are no settings of an organisation');
  // Twice the threshold must fit into one object: the next root is signed by the thresholds of both.
  if (threshold < 1 || threshold > Math.min(keys, 4) || keys > 8) {
    throw new Refused('invalid', 'there are 1 to 8 root keys, and the threshold is at most their number and 4');
  }
  const exists = () => new Refused('conflict', `there is an organisation ${id} already`);
  const { query } = ctx.db;
  if (await query.selectFrom('org').select('id').where('id', '=', id).executeTakeFirst()) throw exists();

  const roles: readonly KeyRole[] = [...Array<KeyRole>(keys).fill('root'), 'policy', 'freshness', 'receipt'];
  const made = makeKeys(folder, id, roles);
  const named = (role: KeyRole) => made.filter((key) => key.role === role).map(({ jwk }) => jwk);
  const now = ctx.clock.now();
  const root: RootPayload = {
    v: 1,
    org: id,
    number: 1,
    issued: now,
    expires: now + ROOT_LIFETIME,
    threshold,
    keys: { root: named('root'), policy: named('policy'), freshness: named('freshness'), receipt: named('receipt') },
  };
  const object = JSON.stringify(await signObject('root', root, signersNamed(ctx.keys, root, 'root')));
  await ctx.db.transaction(async (tx) => {
    const inserted = await tx
      .insertInto('org')
      .values({
        id,
        name,
        created: now,
        ring_key: ctx.random(32),
        // Not 0: each device has an override key to fetch.
        secrets_number: 1,
        four_eyes: fourEyes ? 1 : 0,
        settings: JSON.stringify(settings ?? {}),
      })
      .onConflict((at) => at.column('id').doNothing())
      .executeTakeFirst();
    if (Number(inserted.numInsertedOrUpdatedRows) === 0) throw exists();
    await tx.insertInto('root').values({ org: id, number: 1, object, created: now }).execute();
    const fresh = { org: id, seq: 0, version: null, object: null, issued: 0 };
    await tx
      .insertInto('ring')
      .values(RINGS.map(({ id: ring, upto }) => ({ ...fresh, ring, upto })))
      .execute();
    await recordAdmin(tx, ctx, id, done(actor, 'org.create', `org:${id}`, { root_keys: keys, threshold }));
  });
  return { fingerprint: await rootFingerprint(ctx, id) };
}
