// SPDX-License-Identifier: Apache-2.0
// Looks after all roll-outs, once a minute: halts a bad version, goes on with a good one where the organisation wants that. Several
// processes may do so at once: whoever comes second finds it done.

import { SYSTEM } from '../actor.ts';
import type { Context } from '../context.ts';
import { refresh } from '../objects/fresh.ts';
import { readSettings } from '../orgs/settings.ts';
import { Refused } from '../refused.ts';
import { halt, restoreHalted } from './halt.ts';
import { rolloutHealth } from './health.ts';
import { advance } from './publish.ts';
import type { PolicyRow } from './version.ts';

const MINUTE = 60_000;

/** The trouble of one organisation is not another's: it is logged. Rejects only when the database cannot be asked. */
export async function superviseRollouts(ctx: Context): Promise<void> {
  const rows = await ctx.db.query
    .selectFrom('policy')
    .innerJoin('org', 'org.id', 'policy.org')
    .select(['policy.org', 'policy.version', 'policy.stage', 'policy.stage_since', 'org.settings'])
    .where('policy.state', '=', 'rolling')
    .execute();
  for (const row of rows) await safely(ctx, row.org, () => supervise(ctx, row));
  // What a crash between halting and putting back left over.
  const halted = await ctx.db.query
    .selectFrom('ring')
    .innerJoin('policy', (join) =>
      join.onRef('policy.org', '=', 'ring.org').onRef('policy.version', '=', 'ring.version'),
    )
    .select('ring.org')
    .distinct()
    .where('policy.state', '=', 'halted')
    .execute();
  for (const { org } of halted) {
    await safely(ctx, org, async () => {
      if ((await restoreHalted(ctx, org, SYSTEM)) !== undefined) await refresh(ctx, org, 'policy');
    });
  }
}

async function supervise(
  ctx: Context,
  row: Pick<PolicyRow, 'org' | 'version' | 'stage' | 'stage_since'> & { readonly settings: string },
): Promise<void> {
  const { org, version, stage, stage_since } = row;
  const health = await rolloutHealth(ctx, org, version);
  if (health.verdict === 'halt') {
    await halt(ctx, org, SYSTEM, version, health.reason ?? '');
    return;
  }
  const { advance_after_min, stages } = readSettings(row.settings).rollout;
  const due = (stage_since ?? 0) + advance_after_min * MINUTE <= ctx.clock.now();
  // Rings whose devices do not run it yet have proved nothing; rings without devices never will.
  const proven = health.running > 0 || health.devices === 0;
  if (advance_after_min === 0 || !due || !proven) return;
  // The stage is named: of two processes only one takes the step.
  await advance(ctx, org, SYSTEM, version, stages.find((each) => each > stage) ?? 100);
}

async function safely(ctx: Context, org: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Refused && error.why === 'conflict') return;
    ctx.log.error('rollout-supervision', { org, error: error instanceof Error ? error.message : String(error) });
  }
}
