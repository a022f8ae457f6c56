// SPDX-License-Identifier: Apache-2.0
// One version of the policy in the database: read, numbered, and what state it must be in. Decides nothing.

import type { Kysely, Selectable, Transaction } from 'kysely';
import type { Database, PolicyTable } from '../db/tables.ts';
import { Refused } from '../refused.ts';

export type PolicyRow = Selectable<PolicyTable>;
export type PolicyState = PolicyTable['state'];

/** Refuses when the organisation has no such version. */
export async function readVersion(db: Kysely<Database>, org: string, version: number): Promise<PolicyRow> {
  const row = await db
    .selectFrom('policy')
    .selectAll()
    .where('org', '=', org)
    .where('version', '=', version)
    .executeTakeFirst();
  if (row === undefined) throw new Refused('missing', `there is no version ${version}`);
  return row;
}

export function mustBe({ version, state }: PolicyRow, ...wanted: readonly PolicyState[]): void {
  if (!wanted.includes(state)) throw new Refused('conflict', `version ${version} is ${state}`);
}

/** The highest version in a state. */
export async function newestIn(db: Kysely<Database>, org: string, state: PolicyState): Promise<PolicyRow | undefined> {
  return await db
    .selectFrom('policy')
    .selectAll()
    .where('org', '=', org)
    .where('state', '=', state)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
}

type Given = Pick<PolicyRow, 'org' | 'config' | 'files' | 'note' | 'author' | 'created'>;
type Start = Partial<Pick<PolicyRow, 'state' | 'restores'>>;

/** The next number is nobody else's: the caller holds the organisation's lock. */
export async function addVersion(tx: Transaction<Database>, row: Given & Start): Promise<number> {
  const { newest } = await tx
    .selectFrom('policy')
    .select((eb) => eb.fn.max('version').as('newest'))
    .where('org', '=', row.org)
    .executeTakeFirstOrThrow();
  const version = (newest ?? 0) + 1;
  await tx
    .insertInto('policy')
    .values({
      state: 'draft',
      restores: null,
      ...row,
      version,
      approver: null,
      published: null,
      sha256: null,
      stage: 0,
      halt_reason: null,
      stage_since: null,
    })
    .execute();
  return version;
}

export async function setVersion(
  tx: Transaction<Database>,
  { org, version }: Pick<PolicyRow, 'org' | 'version'>,
  values: Partial<
    Pick<PolicyRow, 'state' | 'approver' | 'published' | 'sha256' | 'stage' | 'halt_reason' | 'stage_since'>
  >,
): Promise<void> {
  await tx.updateTable('policy').set(values).where('org', '=', org).where('version', '=', version).execute();
}
