// SPDX-License-Identifier: Apache-2.0
// The versions of an organisation's policy, newest first, page by page; without their texts.

import type { Context } from '../context.ts';
import type { PolicyTable } from '../db/tables.ts';
import { Refused } from '../refused.ts';

const COLUMNS = [
  'version',
  'state',
  'note',
  'author',
  'approver',
  'created',
  'published',
  'restores',
  'stage',
  'stage_since',
  'halt_reason',
  'sha256',
] as const satisfies readonly (keyof PolicyTable)[];

export interface PolicyList {
  readonly policies: readonly Pick<PolicyTable, (typeof COLUMNS)[number]>[];
  /** `after` of the next page; undefined: this was the last one. */
  readonly next: string | undefined;
  /** Must somebody else approve before a version is published? */
  readonly four_eyes: boolean;
}

export async function listPolicies(
  { db }: Pick<Context, 'db'>,
  org: string,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<PolicyList> {
  let select = db.query.selectFrom('policy').select(COLUMNS).where('org', '=', org);
  if (after !== undefined) select = select.where('version', '<', placeIn(after));
  const [found, home] = await Promise.all([
    select
      .orderBy('version', 'desc')
      .limit(limit + 1)
      .execute(),
    db.query.selectFrom('org').select('four_eyes').where('id', '=', org).executeTakeFirstOrThrow(),
  ]);
  const policies = found.slice(0, limit);
  const last = policies.at(-1);
  const next = found.length > limit && last !== undefined ? `v${last.version}` : undefined;
  return { policies, next, four_eyes: home.four_eyes === 1 };
}

function placeIn(text: string): number {
  const version = /^v(\d{1,9})$/.exec(text)?.[1];
  if (version === undefined) throw new Refused('invalid', 'this is no page of versions');
  return Number(version);
}
