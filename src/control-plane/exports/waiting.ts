// SPDX-License-Identifier: Apache-2.0
// What has still to be sent: how far each export is behind, which rows must therefore be kept, and the alarm when it takes too long.

import type { Kysely, Transaction } from 'kysely';
import { SYSTEM } from '../actor.ts';
import { NOT_CLOSED, raiseAlarm } from '../alarms/raise.ts';
import type { Context } from '../context.ts';
import type { Database } from '../db/tables.ts';
import { DAY_MS, dayOf } from '../ingest/day-partitions.ts';
import { type OrgSettings, readSettings } from '../orgs/settings.ts';
import { firstDay, type Place, readCursor } from './cursor.ts';
import type { ExportSettings } from './settings.ts';

/** Rows are counted up to here. */
const MOST_COUNTED = 10_000;
/** Milliseconds after which somebody should know. */
const TOO_LONG = DAY_MS;
/** Rows that were not sent are kept so many times as long as others. */
const BOUND = 2;

export interface WaitingRow {
  readonly id: number;
  readonly day: number;
  readonly received: number;
}

function waitingRows(db: Kysely<Database>, now: number, org: string, place: Place, { kinds }: ExportSettings) {
  const rows = db
    .selectFrom('audit')
    .where('org', '=', org)
    .where('day', '>=', firstDay(place, now))
    .where('id', '>', place.position);
  return kinds === undefined ? rows : rows.where('kind', 'in', kinds);
}

/** The row that goes next; undefined: none waits. */
export async function oldestWaiting(
  db: Kysely<Database>,
  { clock }: Pick<Context, 'clock'>,
  org: string,
  place: Place,
  settings: ExportSettings,
): Promise<WaitingRow | undefined> {
  const rows = waitingRows(db, clock.now(), org, place, settings).select(['id', 'day', 'received']);
  return await rows.orderBy('id').limit(1).executeTakeFirst();
}

export interface ExportState {
  readonly name: string;
  readonly type: ExportSettings['type'];
  /** Milliseconds since the Unix epoch; null: it has not begun, and nothing is known of what waits. */
  readonly begun: number | null;
  /** The last row (AuditTable.id) that was taken, and all before it. */
  readonly position: number;
  /** Rows that wait; at most 10,000 are counted. */
  readonly waiting: number;
  /** Milliseconds since the oldest of them arrived here, or since the export began where that was later; 0: none waits. */
  readonly behind_ms: number;
  /** Why it does not go on, since when, and when it is tried again; null: it does. */
  readonly problem: string | null;
  readonly since: number | null;
  readonly next: number | null;
  /** Rows that the receiver took and said it dropped. */
  readonly rejected: number;
}

const UNTROUBLED = { problem: null, since: null, next: null, rejected: 0 } as const;

/** How the exports of an organisation stand. */
export async function exportStates(ctx: Pick<Context, 'db' | 'clock'>, org: string): Promise<readonly ExportState[]> {
  const { query } = ctx.db;
  const states: ExportState[] = [];
  for (const settings of (await settingsOf(query, org))?.exports ?? []) {
    const { name, type } = settings;
    const cursor = await readCursor(query, { org, name });
    if (cursor === undefined) {
      states.push({ name, type, begun: null, position: 0, waiting: 0, behind_ms: 0, ...UNTROUBLED });
      continue;
    }
    const { begun, position, problem, since, next, rejected } = cursor;
    const oldest = await oldestWaiting(query, ctx, org, cursor, settings);
    const ids = waitingRows(query, ctx.clock.now(), org, cursor, settings).select('id').limit(MOST_COUNTED);
    const { count } = await query
      .selectFrom(ids.as('waiting'))
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    states.push({
      name,
      type,
      begun,
      position,
      waiting: Number(count),
      behind_ms: oldest === undefined ? 0 : Math.max(0, ctx.clock.now() - Math.max(oldest.received, begun)),
      problem,
      since,
      next: problem === null ? null : next,
      rejected,
    });
  }
  return states;
}

/** undefined: there is no such organisation. */
export async function settingsOf(db: Kysely<Database>, org: string): Promise<OrgSettings | undefined> {
  const row = await db.selectFrom('org').select('settings').where('id', '=', org).executeTakeFirst();
  return row === undefined ? undefined : readSettings(row.settings);
}

const alarmKey = (name: string): string => `export-behind:${name}`;

const NOWHERE: Place = { position: 0, day: 0 };

/**
 * For retention: up to which row nothing has still to be sent; undefined: nothing has at all. Rows older than the bound may go without, and
 * that is an alarm of its own, which does not close by itself.
 */
export async function exportedUpTo(ctx: Context, org: string): Promise<number | undefined> {
  const { query } = ctx.db;
  const settings = await settingsOf(query, org);
  const days = BOUND * (settings?.retention.metadata_days ?? 0);
  const bound = dayOf(ctx.clock.now()) - days;
  let upTo: number | undefined;
  for (const one of settings?.exports ?? []) {
    const cursor = await readCursor(query, { org, name: one.name });
    // One that has not begun may want all.
    const oldest = await oldestWaiting(query, ctx, org, cursor ?? NOWHERE, one);
    if (oldest === undefined) continue;
    let end = oldest.id - 1;
    if (oldest.day < bound) {
      end = (await lastBefore(query, org, bound)) ?? end;
      const detail = { export: one.name, problem: cursor?.problem ?? '', lost_from: oldest.received, days };
      await ctx.db.transaction((tx) =>
        raiseAlarm(tx, ctx, { org, kind: 'export-behind', device: null, key: `${alarmKey(one.name)}:lost`, detail }),
      );
    }
    upTo = Math.min(upTo ?? end, end);
  }
  return upTo;
}

/** The newest row of the days before. Rows arrive in the order of their numbers. */
async function lastBefore(db: Kysely<Database>, org: string, day: number): Promise<number | undefined> {
  const rows = db.selectFrom('audit').select('id').where('org', '=', org);
  const next = await rows.where('day', '>=', day).orderBy('id').limit(1).executeTakeFirst();
  if (next !== undefined) return next.id - 1;
  return (await rows.orderBy('id', 'desc').limit(1).executeTakeFirst())?.id;
}

/** Raises an alarm for each export that is behind, and closes those of exports that are no longer. To be called every few minutes. */
export async function superviseExports(ctx: Context): Promise<void> {
  const orgs = await ctx.db.query.selectFrom('org').select('id').orderBy('id').execute();
  for (const { id } of orgs) {
    const behind = (await exportStates(ctx, id)).filter(({ behind_ms }) => behind_ms > TOO_LONG);
    await ctx.db.transaction(async (tx) => {
      const open = await openAlarms(tx, id);
      for (const { name, behind_ms, problem } of behind) {
        if (open.has(alarmKey(name))) continue;
        const detail = { export: name, problem: problem ?? '', hours: Math.floor(behind_ms / 3_600_000) };
        await raiseAlarm(tx, ctx, { org: id, kind: 'export-behind', device: null, key: alarmKey(name), detail });
      }
      const over = [...open].filter(
        (key) => !key.endsWith(':lost') && !behind.some(({ name }) => alarmKey(name) === key),
      );
      if (over.length === 0) return;
      await tx
        .updateTable('alarm')
        .set({ state: 'closed', handled_by: SYSTEM.name })
        .where('org', '=', id)
        .where('key', 'in', over)
        .where(NOT_CLOSED)
        .execute();
    });
  }
}

async function openAlarms(tx: Transaction<Database>, org: string): Promise<ReadonlySet<string>> {
  const rows = await tx
    .selectFrom('alarm')
    .select('key')
    .where('org', '=', org)
    .where('kind', '=', 'export-behind')
    .where(NOT_CLOSED)
    .execute();
  return new Set(rows.map(({ key }) => key));
}
