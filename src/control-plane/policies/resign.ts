// SPDX-License-Identifier: Apache-2.0
// The bundles that devices are told to have, when other keys are to sign them: a bundle that the root in force does not vouch for would
// be refused at the next start of each device. Decides nothing.

import type { Kysely } from 'kysely';
import { bundlePayload, type RootPayload } from '../../contract/sync/objects.ts';
import type { SignedObject } from '../../contract/sync/words.ts';
import { type BundleBytes, unpackBundle } from '../../protocol/bundle-bytes.ts';
import { parsePayload } from '../../protocol/payload.ts';
import { verifyObject } from '../../protocol/signed-object.ts';
import type { Context } from '../context.ts';
import type { Database } from '../db/tables.ts';
import { signersNamed } from '../orgs/root-store.ts';
import { Refused } from '../refused.ts';
import { importBundle, payloadOf, signBundle } from './bundles.ts';

/** Versions that a ring has, lowest first. */
export async function versionsInUse(db: Kysely<Database>, org: string): Promise<readonly number[]> {
  const rows = await db.selectFrom('ring').select('version').distinct().where('org', '=', org).execute();
  return rows.flatMap(({ version }) => version ?? []).toSorted((a, b) => a - b);
}

/**
 * The bundles of these versions that no policy key of `root` has signed, signed anew: by a key that is here, else taken from `given`. Refuses when
 * one is neither.
 */
export async function bundlesUnder(
  ctx: Context,
  root: RootPayload,
  inUse: readonly number[],
  given: readonly SignedObject[],
): Promise<readonly { readonly version: number; readonly bundle: BundleBytes }[]> {
  const { query } = ctx.db;
  const { org } = root;
  const signers = signersNamed(ctx.keys, root, 'policy');
  const renewed: { version: number; bundle: BundleBytes }[] = [];
  for (const version of inUse) {
    const row = await query
      .selectFrom('policy')
      .selectAll()
      .where('org', '=', org)
      .where('version', '=', version)
      .executeTakeFirstOrThrow();
    if (await isSigned(query, row, root)) continue;
    const payload = payloadOf(row);
    const offline = given.find((object) => payloadVersion(object) === version);
    if (offline !== undefined) {
      renewed.push({ version, bundle: await importBundle(offline, payload, root.keys.policy) });
    } else if (signers.length > 0) {
      renewed.push({ version, bundle: await signBundle(payload, signers) });
    } else {
      throw new Refused(
        'invalid',
        `version ${version} is in use; give its bundle, signed by a policy key of the new root`,
      );
    }
  }
  return renewed;
}

async function isSigned(
  db: Kysely<Database>,
  { org, sha256 }: { readonly org: string; readonly sha256: string | null },
  root: RootPayload,
): Promise<boolean> {
  const { bytes } = await db
    .selectFrom('bundle')
    .select('bytes')
    .where('org', '=', org)
    .where('sha256', '=', sha256 ?? '')
    .executeTakeFirstOrThrow();
  const unpacked = unpackBundle(bytes, { sha256: sha256 ?? '', bytes: bytes.length });
  return unpacked.ok && (await verifyObject('bundle', unpacked.object, root.keys.policy)).ok;
}

/** As claimed; `importBundle` checks it. */
function payloadVersion({ payload }: SignedObject): number | undefined {
  return parsePayload(bundlePayload, Buffer.from(payload, 'base64url'))?.version;
}
