// SPDX-License-Identifier: Apache-2.0
// How an organisation stands, in numbers: its devices, its last day, what rules and what is wrong. Changes nothing.

import type { z } from 'zod';
import type { overviewAnswer } from '../../contract/admin/messages.ts';
import type { Context } from '../context.ts';
import { createCallHours } from './call-hours.ts';

export type OverviewView = z.output<typeof overviewAnswer>;
export type Overview = (org: string) => Promise<OverviewView>;

/** Milliseconds within which a device was heard of that is called online. */
const ONLINE = 900_000;
/** Versions of the policy; all others are at most a few devices each. */
const MOST_VERSIONS = 50;

export function createOverview(ctx: Context): Overview {
  const callHours = createCallHours(ctx);
  return async (org) => {
    const [devices, alarms, hours, policy, orders] = await Promise.all([
      countDevices(ctx, org),
      countAlarms(ctx, org),
      callHours.lastDay(org),
      policyOf(ctx, org),
      countOrders(ctx, org),
    ]);
    return { devices, alarms, hours: [...hours], policy, orders };
  };
}

/** Those that are to be heard of: revoked and replaced ones are not. */
async function countDevices({ db, clock }: Context, org: string): Promise<OverviewView['devices']> {
  const here = db.query.selectFrom('device').where('org', '=', org).where('state', 'in', ['active', 'reenroll']);
  const by = async (column: 'platform' | 'freshness') => {
    const rows = await here
      .select(column)
      .select((eb) => eb.fn.countAll().as('devices'))
      .groupBy(column)
      .orderBy(column)
      .execute();
    return Object.fromEntries(rows.map((row) => [row[column], Number(row.devices)]));
  };
  const [sums, by_platform, by_freshness, versions] = await Promise.all([
    here
      .select((eb) => [
        eb.fn.countAll().as('total'),
        eb.fn
          .countAll()
          .filterWhere('last_seen', '>=', clock.now() - ONLINE)
          .as('online'),
        eb.fn.countAll().filterWhere('refused_version', 'is not', null).as('refusing'),
        eb.fn.sum('queue_rows').as('unsent'),
      ])
      .executeTakeFirstOrThrow(),
    by('platform'),
    by('freshness'),
    here
      .select('policy_version')
      .select((eb) => eb.fn.countAll().as('devices'))
      .groupBy('policy_version')
      .orderBy('devices', 'desc')
      .orderBy('policy_version')
      .limit(MOST_VERSIONS)
      .execute(),
  ]);
  return {
    total: Number(sums.total),
    online: Number(sums.online),
    by_platform,
    by_freshness,
    by_version: versions.map(({ policy_version: version, devices }) => ({ version, devices: Number(devices) })),
    refusing: Number(sums.refusing),
    unsent_rows: Number(sums.unsent ?? 0),
  };
}

async function countAlarms({ db }: Context, org: string): Promise<OverviewView['alarms']> {
  const row = await db.query
    .selectFrom('alarm')
    .select((eb) => eb.fn.countAll().as('open'))
    .where('org', '=', org)
    .where('state', '=', 'open')
    .executeTakeFirstOrThrow();
  return { open: Number(row.open) };
}

async function policyOf({ db }: Context, org: string): Promise<OverviewView['policy']> {
  const policies = db.query.selectFrom('policy').where('org', '=', org);
  const newest = (state: 'active' | 'rolling') =>
    policies
      .select(['version', 'stage'])
      .where('state', '=', state)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst();
  const [active, rolling, proposed] = await Promise.all([
    newest('active'),
    newest('rolling'),
    policies
      .select((eb) => eb.fn.countAll().as('count'))
      .where('state', '=', 'proposed')
      .executeTakeFirstOrThrow(),
  ]);
  return {
    active: active?.version ?? null,
    rolling: rolling?.version ?? null,
    stage: (rolling ?? active)?.stage ?? 0,
    proposed: Number(proposed.count),
  };
}

async function countOrders({ db, clock }: Context, org: string): Promise<number> {
  const row = await db.query
    .selectFrom('kill')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('org', '=', org)
    .where('until', '>', clock.now())
    .executeTakeFirstOrThrow();
  return Number(row.count);
}
