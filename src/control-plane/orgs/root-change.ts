// SPDX-License-Identifier: Apache-2.0
// From root N to root N + 1: prepared, signed here or offline, checked as devices check it, put in force. What was signed by keys that
// the new root no longer names is signed anew in the same step.

import type { RootPayload } from '../../contract/sync/objects.ts';
import { type SignedObject, type SigningJwk, signedObject } from '../../contract/sync/words.ts';
import { thumbprintOfJwk } from '../../protocol/key-id.ts';
import { verifyNextRoot } from '../../protocol/root-chain.ts';
import { type Signer, signObject } from '../../protocol/signed-object.ts';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context, KeyRole } from '../context.ts';
import { makeKeys, retireKey } from '../keys/folder.ts';
import { refresh } from '../objects/fresh.ts';
import { endUnproven, provenKills } from '../objects/kills.ts';
import { storeBundle } from '../policies/bundles.ts';
import { bundlesUnder, versionsInUse } from '../policies/resign.ts';
import { Refused } from '../refused.ts';
import { ROOT_LIFETIME } from './create.ts';
import { lockOrg } from './lock.ts';
import { rootInForce, signersNamed } from './root-store.ts';

export const KEY_ROLES: readonly KeyRole[] = ['root', 'policy', 'freshness', 'receipt'];

/** Of one object; those of the old and the new root stand together. */
const MOST_SIGNATURES = 8;

export interface RootChange {
  /** Replaces all keys of a role; roles that are left out keep theirs. */
  readonly keys?: Partial<Readonly<Record<KeyRole, readonly SigningJwk[]>>>;
  /** Of the root keys. Default: as before. */
  readonly threshold?: number;
  /** Milliseconds. Default: ten years. */
  readonly lifetime?: number;
}

/** What root N + 1 is to say. To be signed by the thresholds of N and of itself (`addRootSignatures`), then `importRoot`. */
export async function prepareRoot(ctx: Context, org: string, change: RootChange): Promise<RootPayload> {
  const before = await rootInForce(ctx.db.query, org);
  if (before.threshold + (change.threshold ?? before.threshold) > MOST_SIGNATURES) {
    throw new Refused('invalid', `an object takes ${MOST_SIGNATURES} signatures; the two thresholds are more`);
  }
  const now = ctx.clock.now();
  const keysOf = (role: KeyRole) => [...(change.keys?.[role] ?? before.keys[role])];
  return {
    v: 1,
    org,
    number: before.number + 1,
    issued: now,
    expires: now + (change.lifetime ?? ROOT_LIFETIME),
    threshold: change.threshold ?? before.threshold,
    keys: {
      root: keysOf('root'),
      policy: keysOf('policy'),
      freshness: keysOf('freshness'),
      receipt: keysOf('receipt'),
    },
  };
}

/** Signs a prepared root, or adds signatures to one that others have signed. Needs no database: also for a machine without a network. */
export async function addRootSignatures(
  root: RootPayload,
  signers: readonly Signer[],
  signed?: SignedObject,
): Promise<SignedObject> {
  const once = new Map(signers.map((signer) => [signer.kid, signer]));
  const { payload, signatures } = await signObject('root', root, [...once.values()]);
  if (signed !== undefined && signed.payload !== payload) {
    throw new Refused('invalid', 'the signatures are of another root');
  }
  const known = new Set(signed?.signatures.map((each) => each.protected));
  const added = signatures.filter((each) => !known.has(each.protected));
  return { payload, signatures: [...(signed?.signatures ?? []), ...added] };
}

/**
 * Puts a signed root in force. Refuses what devices would refuse, and a root that names no freshness or receipt key of this server.
 * `bundles`: bundles in use, signed anew offline, where the new root has other policy keys and none of them is here.
 */
export async function importRoot(
  ctx: Context,
  org: string,
  actor: Actor,
  untrusted: unknown,
  options: { readonly bundles?: readonly SignedObject[]; readonly folder?: string } = {},
): Promise<RootPayload> {
  const before = await rootInForce(ctx.db.query, org);
  const checked = await verifyNextRoot(untrusted, before);
  if (!checked.ok) throw new Refused('invalid', `this is no root ${before.number + 1} of ${org} (${checked.problem})`);
  const { root, fingerprint } = checked;
  const now = ctx.clock.now();
  if (root.expires <= now) throw new Refused('invalid', 'the root has expired');
  for (const role of ['freshness', 'receipt'] as const) {
    if (signersNamed(ctx.keys, root, role).length === 0) {
      throw new Refused('invalid', `the root names no ${role} key of this server, which could then sign nothing`);
    }
  }
  const inUse = await versionsInUse(ctx.db.query, org);
  const bundles = await bundlesUnder(ctx, root, inUse, options.bundles ?? []);
  const proven = await provenKills(ctx.db.query, root, now);
  await ctx.db.transaction(async (tx) => {
    const { secrets_number } = await lockOrg(tx, ctx, org);
    if ((await rootInForce(tx, org)).number !== before.number) {
      throw new Refused('conflict', 'another root was put in force meanwhile');
    }
    if (String(await versionsInUse(tx, org)) !== String(inUse)) {
      throw new Refused('conflict', 'another version of the policy was given to devices meanwhile');
    }
    const object = JSON.stringify(signedObject.parse(untrusted));
    await tx.insertInto('root').values({ org, number: root.number, object, created: now }).execute();
    for (const { version, bundle } of bundles) {
      await storeBundle(tx, { org, version }, bundle);
      await tx
        .updateTable('policy')
        .set({ sha256: bundle.sha256 })
        .where('org', '=', org)
        .where('version', '=', version)
        .execute();
    }
    await endUnproven(tx, org, proven, now);
    if (namesOthers(before, root, 'freshness')) {
      // The envelopes that devices hold are signed by a key that no longer counts: they must fetch new ones.
      await tx
        .updateTable('org')
        .set({ secrets_number: secrets_number + 1 })
        .where('id', '=', org)
        .execute();
    }
    await recordAdmin(tx, ctx, org, done(actor, 'root.import', `root:${root.number}`, { fingerprint }));
  });
  if (options.folder !== undefined) retire(options.folder, before, root);
  await refresh(ctx, org, 'root');
  return root;
}

/** Exchanges the keys of some roles for new ones that are made here, as many as before; all signatures are made by keys that are here. */
export async function rotateRoot(
  ctx: Context,
  folder: string,
  org: string,
  actor: Actor,
  roles: readonly KeyRole[],
): Promise<RootPayload> {
  const before = await rootInForce(ctx.db.query, org);
  const old = signersNamed(ctx.keys, before, 'root');
  if (old.length < before.threshold) {
    throw new Refused('invalid', 'too few root keys are here; prepare the root, sign it where they are, and import it');
  }
  const made = makeKeys(
    folder,
    org,
    KEY_ROLES.filter((role) => roles.includes(role)).flatMap((role) => before.keys[role].map(() => role)),
  );
  const keys = Object.fromEntries(
    roles.map((role) => [role, made.filter((key) => key.role === role).map(({ jwk }) => jwk)]),
  );
  const root = await prepareRoot(ctx, org, { keys });
  const vouching = [
    ...old.slice(0, before.threshold),
    ...signersNamed(ctx.keys, root, 'root').slice(0, root.threshold),
  ];
  const signed = await addRootSignatures(root, vouching);
  return await importRoot(ctx, org, actor, signed, { folder });
}

/** Has a key of the role been taken out? */
function namesOthers(before: RootPayload, after: RootPayload, role: KeyRole): boolean {
  const named = new Set(after.keys[role].map(({ x }) => x));
  return before.keys[role].some(({ x }) => !named.has(x));
}

/** Keys that only the older root names. */
function retire(folder: string, before: RootPayload, after: RootPayload): void {
  for (const role of KEY_ROLES) {
    const named = new Set(after.keys[role].map(({ x }) => x));
    for (const jwk of before.keys[role]) {
      if (!named.has(jwk.x)) retireKey(folder, after.org, role, thumbprintOfJwk(jwk));
    }
  }
}
