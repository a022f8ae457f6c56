// SPDX-License-Identifier: Apache-2.0
// How many calls arrived in each hour of the last day, and how many of them were refused. Hours that are over are counted once and
// remembered: an organisation may have a million rows in one.

import { sql } from 'kysely';
import type { Context } from '../context.ts';
import { dayOf } from '../ingest/day-partitions.ts';

export interface CallHour {
  /** When it began. */
  readonly at: number;
  readonly calls: number;
  readonly refused: number;
}

export interface CallHours {
  /** Oldest first, the hour that is not over last. */
  lastDay(org: string): Promise<readonly CallHour[]>;
}

const HOUR = 3_600_000;
const HOURS = 24;
/** Milliseconds after the end of an hour in which a batch of it may still be on its way into the database. */
const MARGIN = 600_000;
/** Organisations whose hours are remembered. */
const MOST = 1_000;

export function createCallHours(ctx: Context): CallHours {
  const remembered = new Map<string, ReadonlyMap<number, CallHour>>();
  return {
    async lastDay(org) {
      const now = ctx.clock.now();
      const last = Math.floor(now / HOUR) * HOUR;
      const wanted = Array.from({ length: HOURS }, (_, index) => last - (HOURS - 1 - index) * HOUR);
      const known = remembered.get(org) ?? new Map<number, CallHour>();
      const missing = wanted.find((at) => !known.has(at)) ?? last;
      const counted = await count(ctx, org, missing);
      const hours = wanted.map((at) => known.get(at) ?? counted.get(at) ?? { at, calls: 0, refused: 0 });
      const over = hours.filter(({ at }) => at + HOUR + MARGIN <= now);
      remembered.delete(org);
      if (remembered.size >= MOST) remembered.delete(remembered.keys().next().value ?? org);
      remembered.set(org, new Map(over.map((hour) => [hour.at, hour])));
      return hours;
    },
  };
}

/** A call is counted by its end: an outcome, one that nobody saw, or a refusal. A call may have several intents. */
async function count({ db }: Context, org: string, from: number): Promise<ReadonlyMap<number, CallHour>> {
  const begin = sql<number>`received - received % ${sql.lit(HOUR)}`;
  const rows = await db.query
    .selectFrom('audit')
    .select((eb) => [
      begin.as('at'),
      eb.fn.countAll().as('calls'),
      eb.fn.countAll().filterWhere('kind', '=', 'refusal').as('refused'),
    ])
    .where('org', '=', org)
    .where('id', '>=', await firstRowFrom(db, org, from))
    .where('day', '>=', dayOf(from))
    .where('received', '>=', from)
    .where('kind', 'in', ['outcome', 'orphan', 'refusal'])
    .groupBy(begin)
    .execute();
  return new Map(
    rows.map(({ at, calls, refused }) => [
      Number(at),
      { at: Number(at), calls: Number(calls), refused: Number(refused) },
    ]),
  );
}

/**
 * An id at or before the first row that arrived since. No index has the times of arrival, but they rise with the ids, so it is found by
 * halving; the margin covers batches that were stored in another order than they came.
 */
async function firstRowFrom(db: Context['db'], org: string, from: number): Promise<number> {
  const ends = await db.query
    .selectFrom('audit')
    .select((eb) => [eb.fn.min('id').as('first'), eb.fn.max('id').as('last')])
    .where('org', '=', org)
    .executeTakeFirst();
  let [low, high] = [Number(ends?.first ?? 0), Number(ends?.last ?? 0)];
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const row = await db.query
      .selectFrom('audit')
      .select(['id', 'received'])
      .where('org', '=', org)
      .where('id', '>=', middle)
      .where('id', '<=', high)
      .orderBy('id')
      .limit(1)
      .executeTakeFirst();
    if (row === undefined || row.received >= from - MARGIN) high = middle;
    else low = row.id + 1;
  }
  return low;
}
