// SPDX-License-Identifier: Apache-2.0
// From a finished version to the rings: published, given to one ring more, at last to all. One roll-out at a time; a version that puts an
// older one back ends the one under way.

import type { Transaction } from 'kysely';
import { RINGS } from '../../contract/sync/rings.ts';
import type { SignedObject } from '../../contract/sync/words.ts';
import type { BundleBytes } from '../../protocol/bundle-bytes.ts';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import type { Database } from '../db/tables.ts';
import { refresh } from '../objects/fresh.ts';
import { lockOrg } from '../orgs/lock.ts';
import { rootInForce, signersNamed } from '../orgs/root-store.ts';
import { readSettings } from '../orgs/settings.ts';
import { Refused } from '../refused.ts';
import { filesOf, importBundle, payloadOf, signBundle, storeBundle } from './bundles.ts';
import { assertGood } from './check.ts';
import { addVersion, mustBe, newestIn, type PolicyRow, readVersion, setVersion } from './version.ts';

export interface PublishOptions {
  /** Percent of the devices. Default: the organisation's first stage. */
  readonly stage?: number;
  /** The bundle, signed offline by a policy key. Default: signed here. */
  readonly signed?: SignedObject;
}

/** Refuses a version with faults, one that a second person must still approve, and while another one is rolled out. */
export async function publish(
  ctx: Context,
  org: string,
  actor: Actor,
  version: number,
  { stage, signed }: PublishOptions = {},
): Promise<void> {
  const row = await readVersion(ctx.db.query, org, version);
  mustBe(row, 'draft', 'proposed');
  await assertGood(ctx, org, { config: row.config, files: filesOf(row) });
  const root = await rootInForce(ctx.db.query, org);
  const signers = signersNamed(ctx.keys, root, 'policy');
  if (signed === undefined && signers.length === 0) {
    throw new Refused('invalid', 'no policy key is here; sign the bundle where it is, and give it');
  }
  const payload = payloadOf(row);
  const bundle =
    signed === undefined ? await signBundle(payload, signers) : await importBundle(signed, payload, root.keys.policy);
  await ctx.db.transaction(async (tx) => {
    const { four_eyes, settings } = await lockOrg(tx, ctx, org);
    const held = await readVersion(tx, org, version);
    mustBe(held, 'draft', 'proposed');
    if (four_eyes === 1) mustBeApproved(held);
    if ((await rootInForce(tx, org)).number !== root.number) {
      throw new Refused('conflict', 'another root was put in force meanwhile');
    }
    await mustBeNewest(tx, held);
    const wanted = stageOf(stage ?? readSettings(settings).rollout.stages[0] ?? 100);
    const to = Math.max(wanted, await endRollout(tx, held));
    await giveTo(tx, ctx, held, to, bundle);
    await recordAdmin(tx, ctx, org, done(actor, 'policy.publish', `policy:${version}`, about(to, bundle)));
  });
  await refresh(ctx, org, 'policy');
}

const about = (stage: number, { sha256 }: BundleBytes) => ({ stage, sha256 });

/** Gives the version to the next stage's rings, or to those of stage `to`; at 100 it is active and replaces the ones before. */
export async function advance(ctx: Context, org: string, actor: Actor, version: number, to?: number): Promise<number> {
  const reached = await ctx.db.transaction(async (tx) => {
    const { settings } = await lockOrg(tx, ctx, org);
    const row = await readVersion(tx, org, version);
    mustBe(row, 'rolling');
    const { stages } = readSettings(settings).rollout;
    const stage = stageOf(to ?? stages.find((each) => each > row.stage) ?? 100);
    if (stage <= row.stage) throw new Refused('conflict', `version ${version} is at stage ${row.stage} already`);
    await giveTo(tx, ctx, row, stage);
    await recordAdmin(tx, ctx, org, done(actor, 'policy.advance', `policy:${version}`, { stage }));
    return stage;
  });
  await refresh(ctx, org, 'policy');
  return reached;
}

/**
 * A new version with the content of one that was active. Goes to all devices at once, unless four eyes are needed or no policy key is here:
 * then it waits for the second person, or for its signed bundle.
 */
export async function rollback(
  ctx: Context,
  org: string,
  actor: Actor,
  toVersion: number,
): Promise<{ readonly version: number; readonly published: boolean }> {
  const { version, waits } = await ctx.db.transaction(async (tx) => {
    const { four_eyes } = await lockOrg(tx, ctx, org);
    const old = await readVersion(tx, org, toVersion);
    mustBe(old, 'active', 'replaced');
    const copy = { ...copyOf(old), author: actor.name, created: ctx.clock.now() };
    const added = await addVersion(tx, four_eyes === 1 ? { ...copy, state: 'proposed' } : copy);
    await recordAdmin(tx, ctx, org, done(actor, 'policy.rollback', `policy:${added}`, { restores: toVersion }));
    return { version: added, waits: four_eyes === 1 };
  });
  const signers = signersNamed(ctx.keys, await rootInForce(ctx.db.query, org), 'policy');
  if (waits || signers.length === 0) return { version, published: false };
  await publish(ctx, org, actor, version, { stage: 100 });
  return { version, published: true };
}

/** What a version that repeats another one takes over. */
export function copyOf({ org, config, files, version }: PolicyRow) {
  return { org, config, files, note: `as version ${version}`, restores: version };
}

function mustBeApproved({ version, state, author, approver }: PolicyRow): void {
  if (state === 'proposed' && approver !== null && approver !== author) return;
  throw new Refused('forbidden', `version ${version} must be proposed, and approved by a second person`);
}

/** Devices refuse a lower number than they had. */
async function mustBeNewest(tx: Transaction<Database>, { org, version }: PolicyRow): Promise<void> {
  const later = await tx
    .selectFrom('policy')
    .select('version')
    .where('org', '=', org)
    .where('version', '>', version)
    .where('published', 'is not', null)
    .executeTakeFirst();
  if (later === undefined) return;
  throw new Refused('conflict', `version ${later.version} was published after it; save the text again`);
}

/** The stage of the roll-out that a version which puts an older one back ends; 0: there is none under way. */
async function endRollout(tx: Transaction<Database>, { org, version, restores }: PolicyRow): Promise<number> {
  const other = await newestIn(tx, org, 'rolling');
  if (other === undefined) return 0;
  if (restores === null) throw new Refused('conflict', `version ${other.version} is being rolled out`);
  await setVersion(tx, other, { state: 'halted', halt_reason: `version ${version} puts ${restores} back` });
  return other.stage;
}

function stageOf(stage: number): number {
  if (RINGS.some(({ upto }) => upto === stage)) return stage;
  throw new Refused('invalid', `a stage is one of ${RINGS.map(({ upto }) => upto).join(', ')}`);
}

/** The rings up to the stage have the version from now on. The caller holds the lock. */
async function giveTo(
  tx: Transaction<Database>,
  ctx: Context,
  row: PolicyRow,
  stage: number,
  bundle?: BundleBytes,
): Promise<void> {
  const { org, version } = row;
  const now = ctx.clock.now();
  if (bundle !== undefined) await storeBundle(tx, row, bundle);
  if (stage === 100) await replaceActive(tx, org);
  await setVersion(tx, row, {
    state: stage === 100 ? 'active' : 'rolling',
    stage,
    stage_since: now,
    ...(bundle === undefined ? {} : { published: now, sha256: bundle.sha256 }),
  });
  await tx.updateTable('ring').set({ version }).where('org', '=', org).where('upto', '<=', stage).execute();
}

/** No ring has them any more. */
export async function replaceActive(tx: Transaction<Database>, org: string): Promise<void> {
  await tx
    .updateTable('policy')
    .set({ state: 'replaced' })
    .where('org', '=', org)
    .where('state', '=', 'active')
    .execute();
}
