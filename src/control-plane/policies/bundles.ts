// SPDX-License-Identifier: Apache-2.0
// A version of the policy as the bundle that devices get: its payload, signed here or offline. Knows neither rings nor states.

import { isDeepStrictEqual } from 'node:util';
import type { Kysely, Selectable } from 'kysely';
import { z } from 'zod';
import { type BundlePayload, bundlePayload } from '../../contract/sync/objects.ts';
import type { SignedObject, SigningJwk } from '../../contract/sync/words.ts';
import { type BundleBytes, packBundle } from '../../protocol/bundle-bytes.ts';
import { parsePayload } from '../../protocol/payload.ts';
import { type Signer, signObject, verifyObject } from '../../protocol/signed-object.ts';
import type { Database, PolicyTable } from '../db/tables.ts';
import { Refused } from '../refused.ts';

const files = z.record(z.string(), z.string());

export function filesOf(row: Pick<Selectable<PolicyTable>, 'files'>): Readonly<Record<string, string>> {
  return files.parse(JSON.parse(row.files));
}

/** What is signed for a version: the same wherever and whenever it is signed. */
export function payloadOf(row: Selectable<PolicyTable>): BundlePayload {
  return {
    v: 1,
    org: row.org,
    version: row.version,
    created: row.created,
    // There is no older agent yet that would not know one of today's keys.
    ignorable: [],
    config: row.config,
    files: filesOf(row),
  };
}

/** Refuses what no device would take: too large. */
export async function signBundle(payload: BundlePayload, signers: readonly Signer[]): Promise<BundleBytes> {
  return packed(await signObject('bundle', payload, signers));
}

/** Packs a bundle that was signed elsewhere. Refuses when it is not this version's, or not signed by one of `keys`. */
export async function importBundle(
  untrusted: SignedObject,
  payload: BundlePayload,
  keys: readonly SigningJwk[],
): Promise<BundleBytes> {
  const verified = await verifyObject('bundle', untrusted, keys);
  if (!verified.ok) throw new Refused('invalid', `the bundle is not signed by a policy key of the root in force`);
  const signed = parsePayload(bundlePayload, verified.payload);
  if (!isDeepStrictEqual(signed, payload)) {
    throw new Refused('invalid', `the signed bundle has another content than version ${payload.version}`);
  }
  return packed(untrusted);
}

function packed(object: SignedObject): BundleBytes {
  try {
    return packBundle(object);
  } catch (error) {
    throw error instanceof RangeError ? new Refused('invalid', error.message) : error;
  }
}

/** Puts the bytes where devices find them. */
export async function storeBundle(
  db: Kysely<Database>,
  { org, version }: { readonly org: string; readonly version: number },
  { bytes, sha256 }: BundleBytes,
): Promise<void> {
  await db
    .insertInto('bundle')
    .values({ org, version, sha256, bytes })
    .onConflict((at) => at.columns(['org', 'sha256']).doNothing())
    .execute();
}
