// SPDX-License-Identifier: Apache-2.0
// What the devices of an organisation are to be told right now, read from the database. Signs nothing, remembers nothing.

import { createHash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { FreshPayload, Kill, RootPayload } from '../../contract/sync/objects.ts';
import type { Database } from '../db/tables.ts';
import { rootInForce } from '../orgs/root-store.ts';
import { type OrgSettings, readSettings } from '../orgs/settings.ts';
import { Refused } from '../refused.ts';
import { activeKills } from './kills.ts';

/** As many as a freshness document takes. Others are still refused whenever they ask for something. */
const MOST_REVOKED = 4096;

export interface RingState {
  readonly ring: string;
  readonly seq: number;
  /** SignedObject as JSON; undefined: never asked for. */
  readonly object: string | undefined;
  readonly issued: number;
  readonly bundle: FreshPayload['bundle'];
}

export interface OrgState {
  readonly org: string;
  readonly settings: OrgSettings;
  readonly secrets: number;
  readonly root: RootPayload;
  readonly kills: readonly Kill[];
  readonly revoked: readonly string[];
  readonly rings: readonly RingState[];
}

/** Refuses when there is no such organisation. */
export async function readOrgState(db: Kysely<Database>, org: string, now: number): Promise<OrgState> {
  const row = await db
    .selectFrom('org')
    .select(['settings', 'secrets_number'])
    .where('id', '=', org)
    .executeTakeFirst();
  if (row === undefined) throw new Refused('missing', 'there is no such organisation');
  return {
    org,
    settings: readSettings(row.settings),
    secrets: row.secrets_number,
    root: await rootInForce(db, org),
    kills: await activeKills(db, org, now),
    revoked: await revokedDevices(db, org),
    rings: await ringStates(db, org),
  };
}

async function revokedDevices(db: Kysely<Database>, org: string): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('device')
    .select('id')
    .where('org', '=', org)
    .where('revoke_reason', '=', 'lost')
    .where('state', '=', 'revoked')
    // As a sum it is no reason for SQLite to read all devices by their last contact, instead of the few by their reason.
    .orderBy(sql`last_seen + 0`, 'desc')
    .orderBy('id')
    .limit(MOST_REVOKED)
    .execute();
  return rows.map(({ id }) => createHash('sha256').update(id, 'utf8').digest('hex').slice(0, 16)).toSorted();
}

async function ringStates(db: Kysely<Database>, org: string): Promise<readonly RingState[]> {
  const rows = await db
    .selectFrom('ring')
    .leftJoin('policy', (join) =>
      join
        .onRef('policy.org', '=', 'ring.org')
        .onRef('policy.version', '=', 'ring.version')
        // A halted version that no other has replaced yet: devices that have it keep it, no more get it.
        .on('policy.state', '!=', 'halted'),
    )
    .leftJoin('bundle', (join) =>
      join.onRef('bundle.org', '=', 'policy.org').onRef('bundle.sha256', '=', 'policy.sha256'),
    )
    .select(['ring.ring', 'ring.seq', 'ring.object', 'ring.issued', 'policy.version', 'bundle.sha256'])
    .select(sql<number | null>`length(bundle.bytes)`.as('bytes'))
    .where('ring.org', '=', org)
    .orderBy('ring.upto')
    .execute();
  return rows.map(({ ring, seq, object, issued, version, sha256, bytes }) => ({
    ring,
    seq,
    object: object ?? undefined,
    issued,
    bundle: version === null || sha256 === null || bytes === null ? null : { version, sha256, bytes },
  }));
}
