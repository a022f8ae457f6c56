// SPDX-License-Identifier: Apache-2.0
// A version before it is published: saved, proposed, approved by a second person, withdrawn. Who may do which is the caller's to check;
// that the second person is another one is checked here.

import { text } from '../../contract/sync/words.ts';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import { lockOrg } from '../orgs/lock.ts';
import { Refused } from '../refused.ts';
import { assertGood, type PolicyText } from './check.ts';
import { addVersion, mustBe, type PolicyRow, readVersion, setVersion } from './version.ts';

/** Saves a text as a new version. Refuses one with faults: a version never changes, so a broken one could never be mended. */
export async function saveDraft(
  ctx: Context,
  org: string,
  actor: Actor,
  { config, files, note }: PolicyText & { readonly note: string },
): Promise<number> {
  if (!text(1024).safeParse(note).success) throw new Refused('invalid', 'the note must be a line of text');
  await assertGood(ctx, org, { config, files });
  return await ctx.db.transaction(async (tx) => {
    await lockOrg(tx, ctx, org);
    const created = ctx.clock.now();
    const row = { org, config, files: JSON.stringify(files), note, author: actor.name, created };
    const version = await addVersion(tx, row);
    await recordAdmin(tx, ctx, org, done(actor, 'policy.save', `policy:${version}`));
    return version;
  });
}

/** Asks for a second person's approval. */
export async function propose(ctx: Context, org: string, actor: Actor, version: number): Promise<void> {
  await step(ctx, org, actor, version, 'policy.propose', (row) => {
    mustBe(row, 'draft');
    return { state: 'proposed' };
  });
}

/** The second person's word. Refuses the author. */
export async function approve(ctx: Context, org: string, actor: Actor, version: number): Promise<void> {
  await step(ctx, org, actor, version, 'policy.approve', (row) => {
    mustBe(row, 'proposed');
    if (row.author === actor.name)
      throw new Refused('forbidden', 'a version is approved by another person than its author');
    if (row.approver !== null) throw new Refused('conflict', `version ${version} was approved already`);
    return { approver: actor.name };
  });
}

/** For good; the text stays readable. */
export async function withdraw(ctx: Context, org: string, actor: Actor, version: number): Promise<void> {
  await step(ctx, org, actor, version, 'policy.withdraw', (row) => {
    mustBe(row, 'draft', 'proposed');
    return { state: 'withdrawn' };
  });
}

async function step(
  ctx: Context,
  org: string,
  actor: Actor,
  version: number,
  action: string,
  judge: (row: PolicyRow) => Partial<Pick<PolicyRow, 'state' | 'approver'>>,
): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    await lockOrg(tx, ctx, org);
    const row = await readVersion(tx, org, version);
    await setVersion(tx, row, judge(row));
    await recordAdmin(tx, ctx, org, done(actor, action, `policy:${version}`));
  });
}
