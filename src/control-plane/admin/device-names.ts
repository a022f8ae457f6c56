// SPDX-License-Identifier: Apache-2.0
// What the devices that a page of rows names are called, in one look.

import type { Context } from '../context.ts';

export async function deviceNames(
  { db }: Pick<Context, 'db'>,
  org: string,
  rows: readonly { readonly device: string | null }[],
): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(rows.flatMap(({ device }) => device ?? []))];
  if (ids.length === 0) return new Map();
  const found = await db.query
    .selectFrom('device')
    .select(['id', 'name'])
    .where('org', '=', org)
    .where('id', 'in', ids)
    .execute();
  return new Map(found.map(({ id, name }) => [id, name]));
}
