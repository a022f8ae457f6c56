// SPDX-License-Identifier: Apache-2.0
// The objects that never change: roots by their number, bundles by their hash.

import type { Context } from '../context.ts';

/** A SignedObject as JSON; undefined: the organisation has no such root. */
export async function rootObject(ctx: Context, org: string, number: number): Promise<string | undefined> {
  const row = await ctx.db.query
    .selectFrom('root')
    .select('object')
    .where('org', '=', org)
    .where('number', '=', number)
    .executeTakeFirst();
  return row?.object;
}

/** A packed bundle; undefined: the organisation has none with this hash. */
export async function bundleBytes(ctx: Context, org: string, sha256: string): Promise<Buffer | undefined> {
  const row = await ctx.db.query
    .selectFrom('bundle')
    .select('bytes')
    .where('org', '=', org)
    .where('sha256', '=', sha256)
    .executeTakeFirst();
  return row?.bytes;
}
