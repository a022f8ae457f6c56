// SPDX-License-Identifier: Apache-2.0
// The roots of an organisation as they lie in the database, and which keys here may sign in its name. Makes no root.

import type { Kysely } from 'kysely';
import { type RootPayload, rootPayload } from '../../contract/sync/objects.ts';
import { type SignedObject, signedObject } from '../../contract/sync/words.ts';
import { thumbprintOfJwk } from '../../protocol/key-id.ts';
import { parsePayload } from '../../protocol/payload.ts';
import { fingerprintOf } from '../../protocol/root-chain.ts';
import type { Signer } from '../../protocol/signed-object.ts';
import type { Context, KeyRole, Keys } from '../context.ts';
import type { Database } from '../db/tables.ts';
import { Refused } from '../refused.ts';

/** The root in force: the newest. Refuses when the organisation has none, that is, does not exist. */
export async function rootInForce(db: Kysely<Database>, org: string): Promise<RootPayload> {
  const row = await db
    .selectFrom('root')
    .select('object')
    .where('org', '=', org)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) throw new Refused('missing', 'there is no such organisation');
  const root = parsePayload(rootPayload, payloadBytes(row.object));
  if (root === undefined) throw new Error(`the root of ${org} in the database cannot be read`);
  return root;
}

/** `root-N:HEX`, what device management pins. Default: the newest root's. */
export async function rootFingerprint(ctx: Context, org: string, number?: number): Promise<string> {
  const wanted = number ?? (await rootInForce(ctx.db.query, org)).number;
  const row = await ctx.db.query
    .selectFrom('root')
    .select('object')
    .where('org', '=', org)
    .where('number', '=', wanted)
    .executeTakeFirst();
  if (row === undefined) throw new Refused('missing', 'there is no such root');
  return fingerprintOf(wanted, payloadBytes(row.object));
}

/** Keys of the role that are here and that the root names, in the root's order. Empty: they are kept offline. */
export function signersNamed(keys: Keys, root: RootPayload, role: KeyRole): readonly Signer[] {
  const here = new Map(keys.signers(root.org, role).map((signer) => [signer.kid, signer]));
  return root.keys[role].flatMap((jwk) => here.get(thumbprintOfJwk(jwk)) ?? []);
}

/** The same for the root in force. What signs in an organisation's name is asked for here, never taken from the folder as it comes. */
export async function signersInForce(ctx: Context, org: string, role: KeyRole): Promise<readonly Signer[]> {
  return signersNamed(ctx.keys, await rootInForce(ctx.db.query, org), role);
}

/** The payload of a signed object that lies in the database. */
export function payloadBytes(object: string): Buffer {
  return Buffer.from(parseObject(object).payload, 'base64url');
}

export function parseObject(object: string): SignedObject {
  return signedObject.parse(JSON.parse(object));
}
