// SPDX-License-Identifier: Apache-2.0
// The devices of an organisation for administrators: filtered, in pages, and one in full.

import { type SqlBool, sql } from 'kysely';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { DeviceTable } from '../db/tables.ts';
import { Refused } from '../refused.ts';

export interface DeviceFilter {
  /** Part of the host name, of the user's name or of the serial. */
  readonly search?: string;
  readonly platform?: string;
  readonly agent?: string;
  readonly state?: DeviceTable['state'];
  readonly ring?: string;
  readonly freshness?: string;
  readonly policyVersion?: number;
  /** Devices that refuse this version. */
  readonly refusedVersion?: number;
  /** Devices that refuse any version. */
  readonly refusing?: true;
  /** An app that was seen on it. */
  readonly app?: string;
  /** Not heard of since. Milliseconds since the Unix epoch. */
  readonly silentSince?: number;
}

export interface DevicePage {
  readonly sort?: 'name' | 'last_seen';
  /** `next` of the page before. */
  readonly after?: string;
  /** At most 200. */
  readonly limit?: number;
}

const COLUMNS = [
  'id',
  'name',
  'user_name',
  'platform',
  'os_version',
  'arch',
  'serial',
  'agent',
  'state',
  'revoke_reason',
  'replaces',
  'ring',
  'ring_pinned',
  'enrolled',
  'last_seen',
  'policy_version',
  'policy_sha256',
  'policy_since',
  'freshness',
  'refused_version',
  'queue_rows',
  'queue_bytes',
  'queue_oldest',
  'clock_delta',
  'coverage',
] as const satisfies readonly (keyof DeviceTable)[];

export type DeviceListRow = Pick<DeviceTable, (typeof COLUMNS)[number]> & {
  /** How many apps were seen on it. */
  readonly apps: number;
};

export interface DeviceList {
  readonly devices: readonly DeviceListRow[];
  /** undefined: this is the last page. */
  readonly next: string | undefined;
}

const MOST = 200;
const cursor = z.tuple([z.union([z.string(), z.int()]), z.string()]);

/** Names from A on; or those that were heard of last, first. */
export async function listDevices(
  ctx: Context,
  org: string,
  filter: DeviceFilter = {},
  { sort = 'name', after, limit = 50 }: DevicePage = {},
): Promise<DeviceList> {
  const { query } = ctx.db;
  const size = Math.min(Math.max(Math.trunc(limit), 1), MOST);
  let rows = query
    .selectFrom('device')
    .select(COLUMNS)
    .select((from) =>
      from
        .selectFrom('device_app')
        .whereRef('device_app.device', '=', 'device.id')
        .where('device_app.org', '=', org)
        .select((one) => one.fn.countAll<number>().as('count'))
        .as('apps'),
    )
    .where('org', '=', org);
  for (const [column, wanted] of [
    ['platform', filter.platform],
    ['agent', filter.agent],
    ['state', filter.state],
    ['ring', filter.ring],
    ['freshness', filter.freshness],
    ['policy_version', filter.policyVersion],
    ['refused_version', filter.refusedVersion],
  ] as const) {
    if (wanted !== undefined) rows = rows.where(column, '=', wanted);
  }
  if (filter.refusing !== undefined) rows = rows.where('refused_version', 'is not', null);
  if (filter.silentSince !== undefined) rows = rows.where('last_seen', '<', filter.silentSince);
  if (filter.search !== undefined) {
    const pattern = `%${filter.search.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    rows = rows.where((where) =>
      where.or(
        (['name', 'user_name', 'serial'] as const).map(
          (column) => sql<SqlBool>`lower(${where.ref(column)}) like ${pattern} escape '\\'`,
        ),
      ),
    );
  }
  if (filter.app !== undefined) {
    const apps = query.selectFrom('device_app').select('device').where('org', '=', org).where('app', '=', filter.app);
    rows = rows.where('id', 'in', apps);
  }
  if (after !== undefined) {
    const [value, id] = readCursor(after, sort);
    const beyond = sort === 'name' ? '>' : '<';
    rows = rows.where((where) =>
      where.or([where(sort, beyond, value), where.and([where(sort, '=', value), where('id', '>', id)])]),
    );
  }
  const found = await rows
    .orderBy(sort, sort === 'name' ? 'asc' : 'desc')
    .orderBy('id')
    .limit(size + 1)
    .execute();
  const devices = found.slice(0, size).map((row) => ({ ...row, apps: Number(row.apps) }));
  const last = devices.at(-1);
  const more = found.length > size && last !== undefined;
  return { devices, next: more ? writeCursor(last[sort], last.id) : undefined };
}

export interface DeviceInFull {
  readonly device: Omit<DeviceTable, 'override_key' | 'org'>;
  readonly apps: readonly { readonly app: string; readonly first_seen: number; readonly last_seen: number }[];
}

/** undefined: the organisation has no such device. */
export async function readDevice(ctx: Context, org: string, id: string): Promise<DeviceInFull | undefined> {
  const { query } = ctx.db;
  const row = await query
    .selectFrom('device')
    .selectAll()
    .where('org', '=', org)
    .where('id', '=', id)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { override_key: _, org: __, ...device } = row;
  const apps = await query
    .selectFrom('device_app')
    .select(['app', 'first_seen', 'last_seen'])
    .where('org', '=', org)
    .where('device', '=', id)
    .orderBy('last_seen', 'desc')
    .orderBy('app')
    .limit(1_000)
    .execute();
  return { device, apps };
}

function writeCursor(value: string | number, id: string): string {
  return Buffer.from(JSON.stringify([value, id]), 'utf8').toString('base64url');
}

function readCursor(text: string, sort: 'name' | 'last_seen'): readonly [string | number, string] {
  try {
    const [value, id] = cursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
    if (typeof value === (sort === 'name' ? 'string' : 'number')) return [value, id];
  } catch {
    // Said below.
  }
  throw new Refused('invalid', 'this is not the cursor of a page');
}
