// SPDX-License-Identifier: Apache-2.0
// Makes the hourly digest: a signed list of how far every history had come, which names the digest before it. It is kept where whoever
// can write to the database cannot, so that a later change of stored rows shows. Knows no place where digests are kept.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CONTROL_PLANE, type DigestHead, type DigestPayload } from '../../contract/digest.ts';
import { sha256Hex } from '../../contract/sync/words.ts';
import { canonicalJson } from '../../protocol/chain.ts';
import { signObject } from '../../protocol/signed-object.ts';
import type { Context } from '../context.ts';
import { signersInForce } from '../orgs/root-store.ts';

const HOUR_MS = 3_600_000;
/** A batch that was under way when the digest before was made is in the next one. */
const MARGIN_MS = 600_000;
const CURSOR = 'digest';

/**
 * Keeps a digest for good. Called again with the same bytes when the last answer was lost, also by two processes at once; must throw
 * rather than put other bytes under a name that is taken.
 */
export type PutDigest = (org: string, name: string, bytes: Buffer) => Promise<void>;

/** The last digest; `pending` until it has been put where it is kept. */
const cursorData = z.strictObject({
  sha256: sha256Hex,
  pending: z.strictObject({ name: z.string(), text: z.string() }).optional(),
});

interface DigestCursor {
  readonly hour: number;
  readonly updated: number;
  /** As it stands in the database. */
  readonly text: string;
  readonly data: z.infer<typeof cursorData>;
}

/** `2030-01-31T05.json`: sorts as the hours do. */
export function digestName(hour: number): string {
  return `${new Date(hour * HOUR_MS).toISOString().slice(0, 13)}.json`;
}

/**
 * Makes the digest of this hour, if there is none yet, and puts it away. To be called every few minutes by any number of processes: one
 * makes it. A digest that could not be put away is tried again first; until then there is no next one.
 */
export async function writeDigest(ctx: Context, org: string, put: PutDigest): Promise<void> {
  const before = await putAway(ctx, org, put);
  if (await make(ctx, org, before)) await putAway(ctx, org, put);
}

/** SHA-256 of the newest digest that was put away. */
export async function lastDigest(ctx: Context, org: string): Promise<string | undefined> {
  const cursor = await readCursor(ctx, org);
  return cursor?.data.pending === undefined ? cursor?.data.sha256 : undefined;
}

/** When the digest was made that has still to be put away; milliseconds since the Unix epoch. undefined: there is none. */
export async function pendingSince(ctx: Context, org: string): Promise<number | undefined> {
  const cursor = await readCursor(ctx, org);
  return cursor?.data.pending === undefined ? undefined : cursor.updated;
}

async function putAway(ctx: Context, org: string, put: PutDigest): Promise<DigestCursor | undefined> {
  const cursor = await readCursor(ctx, org);
  if (cursor?.data.pending === undefined) return cursor;
  const { pending, ...data } = cursor.data;
  await put(org, pending.name, Buffer.from(pending.text, 'utf8'));
  await ctx.db.query
    .updateTable('cursor')
    .set({ data: canonicalJson(data), updated: ctx.clock.now() })
    .where('org', '=', org)
    .where('name', '=', CURSOR)
    .where('position', '=', cursor.hour)
    .execute();
  return await readCursor(ctx, org);
}

/** False: it was made already, here or elsewhere. */
async function make(ctx: Context, org: string, before: DigestCursor | undefined): Promise<boolean> {
  const now = ctx.clock.now();
  const hour = Math.floor(now / HOUR_MS);
  if (before !== undefined && (before.hour >= hour || before.data.pending !== undefined)) return false;
  const signers = (await signersInForce(ctx, org, 'receipt')).slice(0, 1);
  if (signers.length === 0) {
    ctx.log.error('receipt-key-missing', { org });
    return false;
  }
  const since = before === undefined ? 0 : before.hour * HOUR_MS - MARGIN_MS;
  const heads = await movedHeads(ctx, org, since);
  const payload: DigestPayload = { v: 1, org, hour, previous: before?.data.sha256 ?? null, heads: [...heads] };
  const text = canonicalJson(await signObject('digest', payload, signers));
  const data = canonicalJson({ sha256: digestHash(text), pending: { name: digestName(hour), text } });
  const { query } = ctx.db;
  if (before === undefined) {
    const made = await query
      .insertInto('cursor')
      .values({ org, name: CURSOR, position: hour, data, updated: now })
      .onConflict((conflict) => conflict.columns(['org', 'name']).doNothing())
      .executeTakeFirst();
    return made.numInsertedOrUpdatedRows === 1n;
  }
  const moved = await query
    .updateTable('cursor')
    .set({ position: hour, data, updated: now })
    .where('org', '=', org)
    .where('name', '=', CURSOR)
    .where('position', '=', before.hour)
    .where('data', '=', before.text)
    .executeTakeFirst();
  return moved.numUpdatedRows === 1n;
}

export function digestHash(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function movedHeads(ctx: Context, org: string, since: number): Promise<readonly DigestHead[]> {
  const { query } = ctx.db;
  const heads = await query
    .selectFrom('epoch')
    .select(['device', 'epoch', 'seq', 'hash'])
    .where('org', '=', org)
    .where('seq', '>', 0)
    .where('last_received', '>=', since)
    .orderBy('device')
    .orderBy('epoch')
    .execute();
  const own = await query
    .selectFrom('admin_log')
    .select(['epoch', 'seq', 'hash'])
    .where('org', '=', org)
    .orderBy('seq', 'desc')
    .limit(1)
    .execute();
  return [...own.map((head) => ({ device: CONTROL_PLANE, ...head }) as const), ...heads];
}

async function readCursor(ctx: Context, org: string): Promise<DigestCursor | undefined> {
  const row = await ctx.db.query
    .selectFrom('cursor')
    .select(['position', 'data', 'updated'])
    .where('org', '=', org)
    .where('name', '=', CURSOR)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return { hour: row.position, updated: row.updated, text: row.data, data: cursorData.parse(JSON.parse(row.data)) };
}
