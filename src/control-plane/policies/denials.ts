// SPDX-License-Identifier: Apache-2.0
// How many calls rules refused on a sample of the devices that run a version, with it and before it. Counts rows; judges nothing.

import { sql } from 'kysely';
import type { Context } from '../context.ts';
import { nextTurn } from '../next-turn.ts';

const DAY = 86_400_000;
/** How far back the usual share is taken from. */
const BASE = 7 * DAY;
/** Devices that are looked at: ids are random, so the first ones are as good as any; enough for a share, cheap enough for each minute. */
const SAMPLE = 200;

export interface Denials {
  readonly allowed: number;
  readonly denied: number;
}

const NONE: Denials = { allowed: 0, denied: 0 };

/** A device that runs the version, and since when by its own clock. */
export interface Sampled {
  readonly id: string;
  readonly since: number;
}

export async function sampleOf(
  { db }: Context,
  org: string,
  { rings, version }: { readonly rings: readonly string[]; readonly version: number },
): Promise<readonly Sampled[]> {
  if (rings.length === 0) return [];
  const devices = await db.query
    .selectFrom('device')
    .select(['id', 'policy_since'])
    .where('org', '=', org)
    .where('state', '=', 'active')
    .where('ring', 'in', rings)
    .where('policy_version', '=', version)
    .orderBy('id')
    .limit(SAMPLE)
    .execute();
  return devices.map(({ id, policy_since }) => ({ id, since: policy_since ?? 0 }));
}

/** With the version: what came since it was published and happened since the device runs it. */
export async function deniedWith(
  ctx: Context,
  org: string,
  sample: readonly Sampled[],
  published: number,
): Promise<Denials> {
  return await countAll(sample, ({ id, since }) => count(ctx, org, id, { from: published, to: undefined, since }));
}

/** In the week before the version was published. */
export async function deniedBefore(
  ctx: Context,
  org: string,
  sample: readonly Sampled[],
  published: number,
): Promise<Denials> {
  return await countAll(sample, ({ id }) => count(ctx, org, id, { from: published - BASE, to: published, since: 0 }));
}

/** One device a query: short enough to let others in between. */
async function countAll(sample: readonly Sampled[], of: (device: Sampled) => Promise<Denials>): Promise<Denials> {
  let all = NONE;
  for (const device of sample) {
    all = sum(all, await of(device));
    await nextTurn();
  }
  return all;
}

const sum = (a: Denials, b: Denials): Denials => ({ allowed: a.allowed + b.allowed, denied: a.denied + b.denied });

/** `from`, `to`: time of arrival. `since`: by the device's clock. Refusals without a rule are no rule's doing. */
async function count(
  { db }: Context,
  org: string,
  device: string,
  { from, to, since }: { readonly from: number; readonly to: number | undefined; readonly since: number },
): Promise<Denials> {
  const row = await db.query
    .selectFrom('audit')
    .select((eb) => [
      eb.fn.countAll().filterWhere('kind', '=', 'intent').as('allowed'),
      eb.fn.countAll().filterWhere('kind', '=', 'refusal').as('denied'),
    ])
    // Written so that SQLite does not read all of the organisation's rows by time instead of the few of this device.
    .where(sql<boolean>`org || '' = ${org}`)
    .where('device', '=', device)
    // Few of them are young enough: the rest of a device's rows is not read.
    .where('epoch', 'in', (eb) =>
      eb
        .selectFrom('epoch')
        .select('epoch.epoch')
        .where('epoch.org', '=', org)
        .where('epoch.device', '=', device)
        .where('last_received', '>=', from),
    )
    .where('day', '>=', Math.floor(from / DAY))
    .where('received', '>=', from)
    .$if(to !== undefined, (query) => query.where('received', '<', to ?? 0))
    .where('at', '>=', since)
    .where((eb) => eb.or([eb('kind', '=', 'intent'), eb.and([eb('kind', '=', 'refusal'), eb('rule', 'is not', null)])]))
    .executeTakeFirstOrThrow();
  return { allowed: Number(row.allowed), denied: Number(row.denied) };
}
