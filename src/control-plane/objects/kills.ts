// SPDX-License-Identifier: Apache-2.0
// Orders that hold at once and end by themselves: issued, taken back, listed. A bypass carries the word of the root keys. Knows nothing of
// how devices are told.

import type { Kysely } from 'kysely';
import { type BypassPayload, bypassPayload, type Kill, kill, type RootPayload } from '../../contract/sync/objects.ts';
import { type SignedObject, text } from '../../contract/sync/words.ts';
import { parsePayload } from '../../protocol/payload.ts';
import { signObject, verifyObject } from '../../protocol/signed-object.ts';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import type { Database } from '../db/tables.ts';
import { lockOrg } from '../orgs/lock.ts';
import { rootInForce, signersNamed } from '../orgs/root-store.ts';
import { Refused } from '../refused.ts';
import { refresh } from './fresh.ts';

/** Milliseconds. What is to hold longer belongs into the policy. */
const LONGEST = 7 * 86_400_000;
/** As many as a freshness document takes. */
const MOST = 64;

export type NewKill =
  | {
      readonly level: 'block-provider' | 'block-app';
      readonly target: string;
      readonly reason: string;
      readonly until: number;
    }
  | { readonly level: 'block-all-ai' | 'bypass'; readonly reason: string; readonly until: number }
  /** A bypass that was signed offline: a signed `prepareBypass`. */
  | { readonly level: 'bypass'; readonly proof: unknown };

/** What the root keys must sign for a bypass, where they are kept offline. */
export function prepareBypass(
  ctx: Context,
  org: string,
  { reason, until }: { readonly reason: string; readonly until: number },
): BypassPayload {
  return { v: 1, org, id: newId(ctx), reason, issued: ctx.clock.now(), until };
}

/** Tells all devices at once. Refuses more than 7 days. Returns the order with its id. */
export async function issueKill(ctx: Context, org: string, actor: Actor, wanted: NewKill): Promise<Kill> {
  const now = ctx.clock.now();
  const root = await rootInForce(ctx.db.query, org);
  const order = kill.safeParse(
    'proof' in wanted
      ? await bypassOf(root, wanted.proof)
      : wanted.level === 'bypass'
        ? await signedBypass(ctx, root, wanted)
        : { id: newId(ctx), issued: now, ...wanted },
  );
  if (!order.success) throw new Refused('invalid', order.error.issues[0]?.message ?? 'this is no order');
  const { id, level, target, until, issued } = order.data;
  if (until <= now) throw new Refused('invalid', 'the order would be over already');
  if (until > now + LONGEST) throw new Refused('invalid', 'an order holds for at most 7 days');
  await ctx.db.transaction(async (tx) => {
    await lockOrg(tx, ctx, org);
    const held = await activeKills(tx, org, now);
    if (held.length >= MOST) throw new Refused('conflict', `there are ${MOST} orders already; take one back`);
    if (level === 'bypass' && (await rootInForce(tx, org)).number !== root.number) {
      throw new Refused('conflict', 'another root was put in force meanwhile');
    }
    const row = { org, id, kill: JSON.stringify(order.data), created_by: actor.name, issued, until };
    const inserted = await tx
      .insertInto('kill')
      .values(row)
      .onConflict((at) => at.columns(['org', 'id']).doNothing())
      .executeTakeFirst();
    if (Number(inserted.numInsertedOrUpdatedRows) === 0) throw new Refused('conflict', 'this order was given already');
    const about = { level, until, reason: order.data.reason, ...(target === undefined ? {} : { target }) };
    await recordAdmin(tx, ctx, org, done(actor, 'kill.issue', `kill:${id}`, about));
  });
  await refresh(ctx, org, 'kill');
  return order.data;
}

/** Takes an order back; refuses when there is none that holds. */
export async function endKill(ctx: Context, org: string, actor: Actor, id: string): Promise<void> {
  const now = ctx.clock.now();
  await ctx.db.transaction(async (tx) => {
    await lockOrg(tx, ctx, org);
    const ended = await tx
      .updateTable('kill')
      .set({ until: now })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('until', '>', now)
      .executeTakeFirst();
    if (Number(ended.numUpdatedRows) === 0) throw new Refused('missing', 'no such order holds');
    await recordAdmin(tx, ctx, org, done(actor, 'kill.end', `kill:${id}`));
  });
  await refresh(ctx, org, 'kill');
}

/** Orders that hold at this time, oldest first. */
export async function activeKills(db: Kysely<Database>, org: string, now: number): Promise<readonly Kill[]> {
  const rows = await db
    .selectFrom('kill')
    .select('kill')
    .where('org', '=', org)
    .where('until', '>', now)
    .orderBy('issued')
    .orderBy('id')
    .limit(MOST)
    .execute();
  return rows.map((row) => kill.parse(JSON.parse(row.kill)));
}

/** Ids of the orders in force that a new root does not spoil: all but each bypass that its keys have not signed. */
export async function provenKills(db: Kysely<Database>, root: RootPayload, now: number): Promise<readonly string[]> {
  const proven: string[] = [];
  for (const { id, proof } of await activeKills(db, root.org, now)) {
    const spoilt = proof !== undefined && !(await verifyObject('bypass', proof, root.keys.root, root.threshold)).ok;
    if (!spoilt) proven.push(id);
  }
  return proven;
}

/** Ends each bypass but those: devices would not obey it any more. */
export async function endUnproven(
  db: Kysely<Database>,
  org: string,
  proven: readonly string[],
  now: number,
): Promise<void> {
  for (const { id, level } of await activeKills(db, org, now)) {
    if (level !== 'bypass' || proven.includes(id)) continue;
    await db.updateTable('kill').set({ until: now }).where('org', '=', org).where('id', '=', id).execute();
  }
}

function newId(ctx: Context): string {
  return `k-${ctx.random(8).toString('hex')}`;
}

async function signedBypass(
  ctx: Context,
  root: RootPayload,
  { reason, until }: { readonly reason: string; readonly until: number },
): Promise<unknown> {
  const signers = signersNamed(ctx.keys, root, 'root').slice(0, root.threshold);
  if (signers.length < root.threshold) {
    throw new Refused(
      'invalid',
      'too few root keys are here; prepare the bypass, sign it where they are, and give its proof',
    );
  }
  if (!text(256).safeParse(reason).success) throw new Refused('invalid', 'the reason must be a line of text');
  return await bypassOf(root, await signObject('bypass', prepareBypass(ctx, root.org, { reason, until }), signers));
}

/** The order that a proof is for. Refuses one that the root's threshold has not signed, or of another organisation. */
async function bypassOf(root: RootPayload, proof: unknown): Promise<unknown> {
  const verified = await verifyObject('bypass', proof, root.keys.root, root.threshold);
  if (!verified.ok) throw new Refused('invalid', 'the proof is not signed by enough root keys');
  const payload = parsePayload(bypassPayload, verified.payload);
  if (payload?.org !== root.org) throw new Refused('invalid', 'the proof is not for this organisation');
  const { id, reason, issued, until } = payload;
  return { level: 'bypass', id, reason, issued, until, proof: proof as SignedObject };
}
