// SPDX-License-Identifier: Apache-2.0
// The freshness documents that devices ask for, fast: from memory, at most one second behind the database, and signed anew when due. Tells
// devices to look when something changed.
//
// Every device polls, so an answer costs no query while its organisation was looked at within the last second. A nudge, of this process
// or another, empties the memory before that. What changes without a nudge (an order that ends by itself, the hourly signing, a change
// made by a process whose nudges do not reach this one) is seen by the first poll after that second.

import type { Context } from '../context.ts';
import { documentsOf, type FreshDocument, isDue, signDue } from './documents.ts';
import { type OrgState, readOrgState } from './org-state.ts';

export type { FreshDocument };

/** Milliseconds. */
const LOOK_AGAIN = 1_000;
/** Signing again because something changed during the signing; more often than that something is wrong. */
const MOST_ROUNDS = 5;
/** Milliseconds. A document this young may have been signed for the change by a poll that came before `refresh`. */
const JUST_SIGNED = 10_000;

/** `refresh` on `kill` has devices look at once; on anything else they spread. */
export type RefreshReason = 'kill' | 'policy' | 'secrets' | 'root' | 'settings' | 'devices';

interface Looked {
  readonly at: number;
  readonly documents: ReadonlyMap<string, FreshDocument>;
}

interface Memory {
  readonly looked: Map<string, Looked>;
  /** Looks that are under way: polls that come meanwhile share one. */
  readonly looking: Map<string, Promise<Looked>>;
}

const memories = new WeakMap<Context, Memory>();

function memoryOf(ctx: Context): Memory {
  const known = memories.get(ctx);
  if (known !== undefined) return known;
  const memory: Memory = { looked: new Map(), looking: new Map() };
  memories.set(ctx, memory);
  ctx.events.subscribe(({ org }) => forget(memory, org));
  return memory;
}

function forget(memory: Memory, org: string): void {
  memory.looked.delete(org);
  // One that began before the change may have missed it.
  memory.looking.delete(org);
}

/** The document of a ring; undefined: there is no such ring. Refuses when there is no such organisation. */
export async function freshDocument(ctx: Context, org: string, ring: string): Promise<FreshDocument | undefined> {
  const memory = memoryOf(ctx);
  const known = memory.looked.get(org);
  if (known !== undefined && ctx.clock.monotonic() - known.at < LOOK_AGAIN) return known.documents.get(ring);
  const under = memory.looking.get(org) ?? startLook(ctx, memory, org);
  return (await under).documents.get(ring);
}

function startLook(ctx: Context, memory: Memory, org: string): Promise<Looked> {
  const look = lookAt(ctx, org)
    .then((looked) => {
      if (memory.looking.get(org) === look) memory.looked.set(org, looked);
      return looked;
    })
    .finally(() => {
      if (memory.looking.get(org) === look) memory.looking.delete(org);
    });
  memory.looking.set(org, look);
  return look;
}

/** Reads, and signs what is due. Without anything due it takes no lock. */
async function lookAt(ctx: Context, org: string): Promise<Looked> {
  const { state, at } = await settle(ctx, org);
  return { at, documents: documentsOf(state) };
}

async function settle(ctx: Context, org: string): Promise<{ readonly state: OrgState; readonly at: number }> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    // Before the reading: what changes during it counts as not yet seen.
    const at = ctx.clock.monotonic();
    const now = ctx.clock.now();
    const state = await readOrgState(ctx.db.query, org, now);
    if (!state.rings.some((ring) => isDue(state, ring, now))) return { state, at };
    await signDue(ctx, org);
  }
  throw new Error(`the freshness documents of ${org} change faster than they can be signed`);
}

/** Signs all rings of which something changed and has their devices look. To be called after each such change is committed. */
export async function refresh(ctx: Context, org: string, reason: RefreshReason): Promise<void> {
  const memory = memoryOf(ctx);
  forget(memory, org);
  const { state } = await settle(ctx, org);
  const spread_s = reason === 'kill' ? 0 : state.settings.spread_s;
  // Rings that the change does not concern are left in peace.
  const signed = state.rings.filter(({ issued }) => issued >= ctx.clock.now() - JUST_SIGNED);
  ctx.log.info('fresh-signed', { org, reason, rings: signed.map(({ ring }) => ring).join(' ') });
  for (const { ring, seq } of signed) await ctx.events.publish({ org, ring, seq, spread_s });
}
