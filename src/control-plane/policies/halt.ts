// SPDX-License-Identifier: Apache-2.0
// Stops a version and puts the content that ruled before back, as a new version, where the bad one was. For one person alone, and for
// the server itself: what comes back was approved and has ruled.

import type { Transaction } from 'kysely';
import { type Actor, done, SYSTEM } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import { raiseAlarm } from '../alarms/raise.ts';
import type { Context } from '../context.ts';
import type { Database } from '../db/tables.ts';
import { refresh } from '../objects/fresh.ts';
import { lockOrg } from '../orgs/lock.ts';
import { rootInForce, signersNamed } from '../orgs/root-store.ts';
import { Refused } from '../refused.ts';
import { payloadOf, signBundle, storeBundle } from './bundles.ts';
import { copyOf, replaceActive } from './publish.ts';
import { addVersion, mustBe, newestIn, type PolicyRow, readVersion, setVersion } from './version.ts';

/**
 * Stops a version that is being rolled out, or the newest active one. `restored`: the version with the content before it; undefined where
 * there was none, or no policy key is here to sign it: then devices that have the halted version keep it, and no others get it.
 */
export async function halt(
  ctx: Context,
  org: string,
  actor: Actor,
  version: number,
  reason: string,
): Promise<{ readonly restored: number | undefined }> {
  await ctx.db.transaction(async (tx) => {
    await lockOrg(tx, ctx, org);
    const row = await readVersion(tx, org, version);
    mustBe(row, 'rolling', 'active');
    if (row.state === 'active') await mustBeUndoable(tx, row);
    const halt_reason = reason.slice(0, 256);
    await setVersion(tx, row, { state: 'halted', halt_reason });
    const about = { reason: halt_reason, stage: row.stage };
    if (actor.name === SYSTEM.name) {
      const detail = { version, ...about };
      await raiseAlarm(tx, ctx, {
        org,
        kind: 'rollout-halted',
        device: null,
        key: `rollout-halted:${version}`,
        detail,
      });
    }
    await recordAdmin(tx, ctx, org, done(actor, 'policy.halt', `policy:${version}`, about));
  });
  const restored = await restoreHalted(ctx, org, actor);
  await refresh(ctx, org, 'policy');
  return { restored };
}

/** One step back only: else one person could walk back to any old version. */
async function mustBeUndoable(tx: Transaction<Database>, { org, version, restores }: PolicyRow): Promise<void> {
  const newest = await newestIn(tx, org, 'active');
  if (newest?.version !== version) throw new Refused('conflict', `version ${version} is not the newest one`);
  if (restores === null) return;
  throw new Refused('conflict', `version ${version} put ${restores} back itself; publish a new one`);
}

/** Gives the rings that have a halted version the content that ruled before it. Repeats what a crash cut off; else does nothing. */
export async function restoreHalted(ctx: Context, org: string, actor: Actor): Promise<number | undefined> {
  const root = await rootInForce(ctx.db.query, org);
  const signers = signersNamed(ctx.keys, root, 'policy');
  if (signers.length === 0 || (await haltedRings(ctx.db.query, org)).length === 0) return undefined;
  const added = await ctx.db.transaction(async (tx) => {
    await lockOrg(tx, ctx, org);
    const source = await ruledBefore(tx, org);
    if (source === undefined) return undefined;
    const row = { ...copyOf(source), author: SYSTEM.name, created: ctx.clock.now() };
    return await addVersion(tx, row);
  });
  if (added === undefined) return undefined;
  const copy = await readVersion(ctx.db.query, org, added);
  const bundle = await signBundle(payloadOf(copy), signers);
  return await ctx.db.transaction(async (tx) => {
    await lockOrg(tx, ctx, org);
    const rings = await haltedRings(tx, org);
    const source = await ruledBefore(tx, org);
    const stale = source?.version !== copy.restores || (await rootInForce(tx, org)).number !== root.number;
    if (rings.length === 0 || stale) {
      // Somebody was faster, or things changed: the next look does what is still to be done.
      await setVersion(tx, copy, { state: 'withdrawn' });
      return undefined;
    }
    const stage = Math.max(...rings.map(({ upto }) => upto));
    const now = ctx.clock.now();
    await storeBundle(tx, copy, bundle);
    if (stage === 100) await replaceActive(tx, org);
    const { sha256 } = bundle;
    await setVersion(tx, copy, { state: 'active', published: now, sha256, stage, stage_since: now });
    for (const { ring } of rings) {
      await tx.updateTable('ring').set({ version: added }).where('org', '=', org).where('ring', '=', ring).execute();
    }
    const about = { restores: copy.restores ?? 0, stage };
    await recordAdmin(tx, ctx, org, done(actor, 'policy.restore', `policy:${added}`, about));
    return added;
  });
}

async function haltedRings(db: Context['db']['query'], org: string) {
  return await db
    .selectFrom('ring')
    .innerJoin('policy', (join) =>
      join.onRef('policy.org', '=', 'ring.org').onRef('policy.version', '=', 'ring.version'),
    )
    .select(['ring.ring', 'ring.upto'])
    .where('ring.org', '=', org)
    .where('policy.state', '=', 'halted')
    .execute();
}

/** The newest active version, else the one that was replaced last. */
async function ruledBefore(tx: Transaction<Database>, org: string): Promise<PolicyRow | undefined> {
  return (await newestIn(tx, org, 'active')) ?? (await newestIn(tx, org, 'replaced'));
}
