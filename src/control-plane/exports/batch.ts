// SPDX-License-Identifier: Apache-2.0
// The next rows of an export, with what belongs to them: whose device it was, and how their calls began. Changes nothing.

import { sql } from 'kysely';
import { LIMITS } from '../../contract/sync/limits.ts';
import type { Context } from '../context.ts';
import type { BodyMembers } from '../ingest/columns.ts';
import { dayOf } from '../ingest/day-partitions.ts';
import { firstDay, type Place } from './cursor.ts';
import { type DeviceFacts, deviceFacts, type ExportRow, type Facts, factsOf, parsed } from './facts.ts';

export interface BatchWish {
  readonly org: string;
  /** Rows behind this place, up to that one. */
  readonly after: Place;
  readonly upTo: number;
  /** undefined: all. */
  readonly kinds: readonly string[] | undefined;
  /** At most so many. */
  readonly size: number;
}

export interface ExportBatch {
  readonly facts: readonly Facts[];
  /** Whoever has these rows has all up to here. */
  readonly end: Place;
}

interface StoredRow extends ExportRow {
  readonly id: number;
  readonly day: number;
  readonly device: string;
  readonly request: string | null;
}

/** Characters of bodies that one batch may have: hostile rows are large. One row always fits. */
const MOST_TEXT = LIMITS.batchText;

export async function nextBatch(ctx: Pick<Context, 'db' | 'clock'>, wish: BatchWish): Promise<ExportBatch> {
  const rows = await rowsOf(ctx, wish);
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined)
    return { facts: [], end: { position: wish.upTo, day: dayOf(ctx.clock.now()) } };
  const [devices, intents] = [await devicesOf(ctx, wish.org, rows), await intentsOf(ctx, wish.org, rows)];
  const facts = rows.map((row) =>
    factsOf(row, devices.get(row.device) ?? unknownDevice(row.device), intents.get(keyOf(row))),
  );
  return { facts, end: { position: last.id, day: last.day } };
}

async function rowsOf(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { org, after, upTo, kinds, size }: BatchWish,
): Promise<readonly StoredRow[]> {
  const { query } = db;
  const day = firstDay(after, clock.now());
  let sizes = query
    .selectFrom('audit')
    .select(['id', sql<number | null>`octet_length(body)`.as('bytes')])
    .where('org', '=', org)
    .where('day', '>=', day)
    .where('id', '>', after.position)
    .where('id', '<=', upTo);
  if (kinds !== undefined) sizes = sizes.where('kind', 'in', kinds);
  let text = 0;
  let end = after.position;
  for (const { id, bytes } of await sizes.orderBy('id').limit(size).execute()) {
    text += Number(bytes ?? 0);
    if (text > MOST_TEXT && end > after.position) break;
    end = id;
  }
  if (end === after.position) return [];
  let rows = query
    .selectFrom('audit')
    .selectAll()
    .where('org', '=', org)
    .where('day', '>=', day)
    .where('id', '>', after.position)
    .where('id', '<=', end);
  if (kinds !== undefined) rows = rows.where('kind', 'in', kinds);
  return await rows.orderBy('id').limit(size).execute();
}

async function devicesOf(
  { db }: Pick<Context, 'db'>,
  org: string,
  rows: readonly StoredRow[],
): Promise<ReadonlyMap<string, DeviceFacts>> {
  const found = await db.query
    .selectFrom('device')
    .select(['id', 'name', 'serial', 'platform', 'os_version', 'arch', 'agent', 'user_name'])
    .where('org', '=', org)
    .where('id', 'in', [...new Set(rows.map(({ device }) => device))])
    .execute();
  return new Map(found.map((device) => [device.id, deviceFacts(device)]));
}

function unknownDevice(id: string): DeviceFacts {
  return { id, name: id, serial: null, platform: 'unknown', os_version: '', arch: '', agent: '0.0.0', user_name: null };
}

/** Rows of a call that say little themselves. */
const SAY_LITTLE = new Set(['attempt', 'outcome', 'orphan']);
const keyOf = ({ device, request }: Pick<StoredRow, 'device' | 'request'>): string => `${device} ${request ?? ''}`;

/** How the calls of such rows began. A call lasts less than a day; PostgreSQL then looks at these days only. */
async function intentsOf(
  { db }: Pick<Context, 'db'>,
  org: string,
  rows: readonly StoredRow[],
): Promise<ReadonlyMap<string, BodyMembers>> {
  const asking = rows.filter(({ kind }) => SAY_LITTLE.has(kind));
  const requests = [...new Set(asking.flatMap(({ request }) => request ?? []))];
  const days = asking.map(({ day }) => day);
  const intents = new Map<string, BodyMembers>();
  if (requests.length === 0) return intents;
  const found = await db.query
    .selectFrom('audit')
    .select(['device', 'request', 'body'])
    .where('org', '=', org)
    .where('request', 'in', requests)
    .where('kind', 'in', ['intent', 'refusal'])
    .where('day', '>=', Math.min(...days) - 1)
    .where('day', '<=', Math.max(...days))
    .orderBy('id')
    .limit(4 * requests.length)
    .execute();
  for (const row of found) {
    const body = parsed(row.body);
    // A further attempt has an intent of its own; the first says what was asked for.
    if (body !== undefined && !intents.has(keyOf(row))) intents.set(keyOf(row), body);
  }
  return intents;
}
