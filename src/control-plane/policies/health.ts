// SPDX-License-Identifier: Apache-2.0
// How a version does on the devices that have it: refused, blocking far more than before, making devices silent. Only looks and judges.

import type { Kysely } from 'kysely';
import type { Context } from '../context.ts';
import type { Database } from '../db/tables.ts';
import { type OrgSettings, readSettings } from '../orgs/settings.ts';
import { Refused } from '../refused.ts';
import { type Denials, deniedBefore, deniedWith, sampleOf } from './denials.ts';
import { readVersion } from './version.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
/** Fewer refused calls prove nothing. */
const MIN_DENIALS = 20;
/** A lower usual share counts as this much: else the first block rule of an organisation would halt itself. */
const LEAST_BASE = 0.01;
/** Milliseconds. A device that is connected says how it is every 15 minutes ± 20 %, however rarely it polls. */
const STATUS_EVERY = 18 * MINUTE;
/** Standard errors by which the silent share must be above that of the others: fewer come by chance, as laptops sleep in flocks. */
const SURE = 3;

export interface RolloutHealth {
  readonly verdict: 'go' | 'halt';
  /** Why it is to be halted, for people. */
  readonly reason: string | undefined;
  /** Devices of the rings that have the version, heard of since a day before the stage began. */
  readonly devices: number;
  /** Of those: which run it, and which refuse it. */
  readonly running: number;
  readonly refused: number;
  /** Share of calls that rules refused, with the version and in the 7 days before; undefined: no calls, or too few to ask. */
  readonly denied: number | undefined;
  readonly deniedBefore: number | undefined;
  /** Share of devices that fell silent since the stage began, here and in the rings that do not have the version. */
  readonly silent: number | undefined;
  readonly silentElsewhere: number | undefined;
}

export async function rolloutHealth(ctx: Context, org: string, version: number): Promise<RolloutHealth> {
  const { query } = ctx.db;
  const [home, row] = [
    await query.selectFrom('org').select('settings').where('id', '=', org).executeTakeFirst(),
    await readVersion(query, org, version),
  ];
  const { published, stage_since } = row;
  if (home === undefined || published === null || stage_since === null) {
    throw new Refused('conflict', `version ${version} was not published`);
  }
  const settings = readSettings(home.settings);
  const all = await query.selectFrom('ring').select(['ring', 'version']).where('org', '=', org).execute();
  const rings = all.filter((each) => each.version === version).map(({ ring }) => ring);
  const others = all.filter((each) => each.version !== version).map(({ ring }) => ring);
  const now = ctx.clock.now();
  const counts = await countDevices(query, org, rings, { version, since: stage_since - DAY });
  const sample = await sampleOf(ctx, org, { rings, version });
  const denied = await deniedWith(ctx, org, sample, published);
  const telling = denied.denied >= MIN_DENIALS;
  const before = telling ? await deniedBefore(ctx, org, sample, published) : undefined;
  const silence = await silenceOf(query, org, { rings, others, since: stage_since, now, settings });
  const reason =
    refusedTooOften(counts, settings) ?? deniesTooMuch(denied, before, settings) ?? tooSilent(silence, settings);
  return {
    verdict: reason === undefined ? 'go' : 'halt',
    reason,
    ...counts,
    denied: share(denied),
    deniedBefore: before === undefined ? undefined : share(before),
    silent: silence === undefined ? undefined : silence.here.silent / silence.here.devices,
    silentElsewhere: silence === undefined ? undefined : silence.elsewhere.silent / silence.elsewhere.devices,
  };
}

type Counts = Pick<RolloutHealth, 'devices' | 'running' | 'refused'>;

async function countDevices(
  db: Kysely<Database>,
  org: string,
  rings: readonly string[],
  { version, since }: { readonly version: number; readonly since: number },
): Promise<Counts> {
  if (rings.length === 0) return { devices: 0, running: 0, refused: 0 };
  const rows = await db
    .selectFrom('device')
    .select((eb) => [
      eb.fn.countAll().as('devices'),
      eb.fn.countAll().filterWhere('policy_version', '=', version).as('running'),
      eb.fn.countAll().filterWhere('refused_version', '=', version).as('refused'),
    ])
    .where('org', '=', org)
    .where('state', '=', 'active')
    .where('ring', 'in', rings)
    .where('last_seen', '>=', since)
    .executeTakeFirstOrThrow();
  return { devices: Number(rows.devices), running: Number(rows.running), refused: Number(rows.refused) };
}

const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;

function refusedTooOften({ devices, refused }: Counts, { halt }: OrgSettings): string | undefined {
  if (refused === 0 || refused / devices <= halt.nack) return undefined;
  return `${refused} of ${devices} devices refuse it (${percent(refused / devices)})`;
}

const share = ({ allowed, denied }: Denials): number | undefined =>
  allowed + denied === 0 ? undefined : denied / (allowed + denied);

/** `before` undefined: too few calls were refused to prove anything. */
function deniesTooMuch(now: Denials, before: Denials | undefined, { halt }: OrgSettings): string | undefined {
  if (before === undefined) return undefined;
  const [denied = 0, usual = 0] = [share(now), share(before)];
  if (denied <= halt.deny_factor * Math.max(usual, LEAST_BASE)) return undefined;
  return `its rules refuse ${percent(denied)} of the calls; before it ${percent(usual)} were refused`;
}

interface Flock {
  readonly devices: number;
  readonly silent: number;
}

interface Silence {
  readonly here: Flock;
  readonly elsewhere: Flock;
}

/** undefined: it is too early to say, or there are no others to compare with. */
async function silenceOf(
  db: Kysely<Database>,
  org: string,
  {
    rings,
    others,
    since,
    now,
    settings,
  }: {
    readonly rings: readonly string[];
    readonly others: readonly string[];
    readonly since: number;
    readonly now: number;
    readonly settings: OrgSettings;
  },
): Promise<Silence | undefined> {
  const patience = 2 * Math.max(settings.next_poll_s * 1000, STATUS_EVERY);
  if (now < since + patience || rings.length === 0 || others.length === 0) return undefined;
  const flock = async (of: readonly string[]): Promise<Flock> => {
    const row = await db
      .selectFrom('device')
      .select((eb) => [
        eb.fn.countAll().as('devices'),
        eb.fn
          .countAll()
          .filterWhere('last_seen', '<', now - patience)
          .as('silent'),
      ])
      .where('org', '=', org)
      .where('state', '=', 'active')
      .where('ring', 'in', of)
      // Awake when the stage began.
      .where('last_seen', '>=', since - patience)
      .executeTakeFirstOrThrow();
    return { devices: Number(row.devices), silent: Number(row.silent) };
  };
  const [here, elsewhere] = [await flock(rings), await flock(others)];
  return here.devices === 0 || elsewhere.devices === 0 ? undefined : { here, elsewhere };
}

function tooSilent(silence: Silence | undefined, { halt }: OrgSettings): string | undefined {
  if (silence === undefined) return undefined;
  const { here, elsewhere } = silence;
  const [share, usual] = [here.silent / here.devices, elsewhere.silent / elsewhere.devices];
  const pooled = (here.silent + elsewhere.silent) / (here.devices + elsewhere.devices);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / here.devices + 1 / elsewhere.devices));
  if (share - usual <= Math.max(halt.silent, SURE * error)) return undefined;
  return `${percent(share)} of its devices fell silent, ${percent(usual)} of the others`;
}
