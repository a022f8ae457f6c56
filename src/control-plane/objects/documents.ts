// SPDX-License-Identifier: Apache-2.0
// Freshness documents: what one is to say, whether the one that was signed last still says it, and a new one with a number of its own.
// Knows no cache.

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type FreshPayload, freshPayload } from '../../contract/sync/objects.ts';
import { parsePayload } from '../../protocol/payload.ts';
import { signObject } from '../../protocol/signed-object.ts';
import type { Context } from '../context.ts';
import { lockOrg } from '../orgs/lock.ts';
import { payloadBytes, signersNamed } from '../orgs/root-store.ts';
import { type OrgState, type RingState, readOrgState } from './org-state.ts';

/** Milliseconds by which the clocks of two servers may differ without each signing anew what the other signed. */
const CLOCK_SLACK = 300_000;

export interface FreshDocument {
  /** JSON of the SignedObject. */
  readonly body: string;
  /** As it stands in the header, with its quotes. */
  readonly etag: string;
  readonly seq: number;
}

/** All but what changes with each signing. */
type Content = Omit<FreshPayload, 'seq' | 'issued' | 'expires'>;

function contentOf({ org, settings, secrets, root, kills, revoked }: OrgState, { ring, bundle }: RingState): Content {
  return {
    v: 1,
    org,
    ring,
    root: root.number,
    bundle,
    secrets,
    kill: [...kills],
    next_poll_s: settings.next_poll_s,
    ...(settings.min_agent === undefined ? {} : { min_agent: settings.min_agent }),
    revoked: [...revoked],
  };
}

function signedPayload(object: string | undefined): FreshPayload | undefined {
  return object === undefined ? undefined : parsePayload(freshPayload, payloadBytes(object));
}

/** Must the ring's document be signed anew: none, too old, or something changed? */
export function isDue(state: OrgState, ring: RingState, now: number): boolean {
  const signed = signedPayload(ring.object);
  if (signed === undefined) return true;
  const { seq, issued, expires, ...content } = signed;
  const { lifetime_s, resign_s } = state.settings.freshness;
  if (now - issued >= resign_s * 1000 || issued > now + CLOCK_SLACK) return true;
  return expires - issued !== lifetime_s * 1000 || !isDeepStrictEqual(content, contentOf(state, ring));
}

/** Gives each ring whose document is due a new number, under the lock: no two documents of a ring have the same. */
async function reserve(ctx: Context, org: string): Promise<{ readonly state: OrgState; readonly due: FreshPayload[] }> {
  const now = ctx.clock.now();
  return await ctx.db.transaction(async (tx) => {
    await lockOrg(tx, ctx, org);
    const state = await readOrgState(tx, org, now);
    const due: FreshPayload[] = [];
    for (const ring of state.rings.filter((each) => isDue(state, each, now))) {
      const seq = ring.seq + 1;
      const expires = now + state.settings.freshness.lifetime_s * 1000;
      due.push({ ...contentOf(state, ring), seq, issued: now, expires });
      await tx.updateTable('ring').set({ seq }).where('org', '=', org).where('ring', '=', ring.ring).execute();
    }
    return { state, due };
  });
}

/**
 * Signs what is due. Numbers are reserved before and the documents stored after the signing, so that no lock is held meanwhile; of two
 * servers that sign at once the higher number stays.
 */
export async function signDue(ctx: Context, org: string): Promise<void> {
  const { state, due } = await reserve(ctx, org);
  if (due.length === 0) return;
  const [signer] = signersNamed(ctx.keys, state.root, 'freshness');
  if (signer === undefined) throw new Error(`no freshness key of ${org} is in the key folder`);
  const objects = new Map<string, string>();
  for (const payload of due) objects.set(payload.ring, JSON.stringify(await signObject('fresh', payload, [signer])));
  await ctx.db.transaction(async (tx) => {
    await lockOrg(tx, ctx, org);
    for (const { ring, seq, issued } of due) {
      const at = tx.selectFrom('ring').select('object').where('org', '=', org).where('ring', '=', ring);
      const { object } = await at.executeTakeFirstOrThrow();
      if ((signedPayload(object ?? undefined)?.seq ?? 0) >= seq) continue;
      await tx
        .updateTable('ring')
        .set({ object: objects.get(ring) ?? null, issued })
        .where('org', '=', org)
        .where('ring', '=', ring)
        .execute();
    }
  });
}

/** The documents as they lie in the database. */
export function documentsOf(state: OrgState): ReadonlyMap<string, FreshDocument> {
  const found = new Map<string, FreshDocument>();
  for (const { ring, object } of state.rings) {
    const seq = signedPayload(object)?.seq;
    if (object === undefined || seq === undefined) continue;
    // Of the bytes, not of the number: a database that was put back to an older state gives numbers again.
    const etag = `"${createHash('sha256').update(object, 'utf8').digest('base64url')}"`;
    found.set(ring, { body: object, etag, seq });
  }
  return found;
}
