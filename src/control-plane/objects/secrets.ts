// SPDX-License-Identifier: Apache-2.0
// The values that bundles name but do not hold: kept encrypted, handed out sealed to one device. Never logs, records or lists a value.

import { createHash } from 'node:crypto';
import type { Kysely, Selectable, Transaction } from 'kysely';
import { type SecretsPayload, secretsPayload } from '../../contract/sync/objects.ts';
import { LIMITS, type SealingJwk, sealingKey, secretName } from '../../contract/sync/words.ts';
import { thumbprintOfJwk } from '../../protocol/key-id.ts';
import { seal } from '../../protocol/seal.ts';
import { type Signer, signObject } from '../../protocol/signed-object.ts';
import { type Actor, done } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import type { Database, DeviceTable } from '../db/tables.ts';
import { lockOrg } from '../orgs/lock.ts';
import { signersInForce } from '../orgs/root-store.ts';
import { Refused } from '../refused.ts';
import { refresh } from './fresh.ts';

/** As many as an envelope takes. */
const MOST = 1024;
/**
 * Bytes of all names and values as JSON: Base64 in the signed object and once more in the sealed one make 16 bytes of 9; twice 1,024
 * are for all else in either (headers, signature, ids).
 */
const LARGEST = Math.floor((LIMITS.document * 9) / 16) - 2_048;

const boundTo = (org: string, name: string) => `secret:${org}:${name}`;

/** What the override key of a device is encrypted for. */
export const overrideKeyBound = (org: string, device: string) => `override-key:${org}:${device}`;

/** What of a device's row an envelope is made for. */
export type SecretsDevice = Pick<Selectable<DeviceTable>, 'id' | 'org' | 'seal_key' | 'override_key'>;

export interface SecretNamed {
  readonly name: string;
  readonly updated: number;
  readonly updated_by: string;
}

/** Names only, in order. */
export async function listSecrets(db: Kysely<Database>, org: string): Promise<readonly SecretNamed[]> {
  return await db
    .selectFrom('secret')
    .select(['name', 'updated', 'updated_by'])
    .where('org', '=', org)
    .orderBy('name')
    .execute();
}

/** Sets or replaces a value: visible ASCII, as it becomes that of a header. Devices fetch all of them anew. */
export async function setSecret(ctx: Context, org: string, actor: Actor, name: string, value: string): Promise<void> {
  if (!secretName.safeParse(name).success) {
    throw new Refused('invalid', 'a name has 1 to 64 letters, digits, ".", "_" and "-" (not at the ends)');
  }
  if (!secretsPayload.shape.values.safeParse({ [name]: value }).success) {
    throw new Refused('invalid', 'a value has 1 to 8192 visible ASCII characters without spaces');
  }
  const sealed = ctx.keys.encrypt(Buffer.from(value, 'utf8'), boundTo(org, name));
  await changed(ctx, org, async (tx) => {
    const held = await listSecrets(tx, org);
    if (held.length >= MOST && !held.some((each) => each.name === name)) {
      throw new Refused('conflict', `there are ${MOST} secrets already`);
    }
    const size = JSON.stringify({ ...(await secretValues(ctx, org, tx)), [name]: value }).length;
    if (size > LARGEST) {
      throw new Refused('conflict', `all secrets together may have ${LARGEST} characters, these would be ${size}`);
    }
    const row = { sealed, updated: ctx.clock.now(), updated_by: actor.name };
    await tx
      .insertInto('secret')
      .values({ org, name, ...row })
      .onConflict((at) => at.columns(['org', 'name']).doUpdateSet(row))
      .execute();
    await recordAdmin(tx, ctx, org, done(actor, 'secret.set', `secret:${name}`));
  });
}

/** Devices lose the value with their next look. Versions of the policy that name it can no longer be published. */
export async function removeSecret(ctx: Context, org: string, actor: Actor, name: string): Promise<void> {
  await changed(ctx, org, async (tx) => {
    const removed = await tx.deleteFrom('secret').where('org', '=', org).where('name', '=', name).executeTakeFirst();
    if (Number(removed.numDeletedRows) === 0) throw new Refused('missing', `there is no secret ${name}`);
    await recordAdmin(tx, ctx, org, done(actor, 'secret.remove', `secret:${name}`));
  });
}

async function changed(ctx: Context, org: string, work: (tx: Transaction<Database>) => Promise<void>): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    const { secrets_number } = await lockOrg(tx, ctx, org);
    await work(tx);
    await tx
      .updateTable('org')
      .set({ secrets_number: secrets_number + 1 })
      .where('id', '=', org)
      .execute();
  });
  await refresh(ctx, org, 'secrets');
}

/** All values in clear: for an envelope, and for the check of what names them. */
export async function secretValues(
  ctx: Context,
  org: string,
  db: Kysely<Database> = ctx.db.query,
): Promise<Record<string, string>> {
  const rows = await db.selectFrom('secret').select(['name', 'sealed']).where('org', '=', org).execute();
  return Object.fromEntries(
    rows.map(({ name, sealed }) => [name, ctx.keys.decrypt(sealed, boundTo(org, name)).toString('utf8')]),
  );
}

interface Grounds {
  readonly number: number;
  readonly signer: Signer;
  readonly key: SealingJwk;
  readonly etag: string;
}

/** The number comes before the values: what is read too new is fetched once more, never missed. */
async function groundsOf(ctx: Context, device: SecretsDevice): Promise<Grounds> {
  const { org } = device;
  const row = await ctx.db.query.selectFrom('org').select('secrets_number').where('id', '=', org).executeTakeFirst();
  const [signer] = await signersInForce(ctx, org, 'freshness');
  if (row === undefined || signer === undefined) throw new Error(`no secrets can be signed for ${org}`);
  const key = sealingKey.parse(JSON.parse(device.seal_key));
  const number = row.secrets_number;
  // Each sealing differs, so not of its bytes; but of all that makes another one necessary.
  const grounds = [number, thumbprintOfJwk(key), signer.kid].join(' ');
  return { number, signer, key, etag: `"${createHash('sha256').update(grounds).digest('base64url')}"` };
}

/** The ETag that `secretsEnvelope` would give now: whoever holds that one needs no other. */
export async function secretsEtag(ctx: Context, device: SecretsDevice): Promise<string> {
  return (await groundsOf(ctx, device)).etag;
}

/** All secrets of the organisation and the device's override key, signed, then sealed to the device (compact JWE). */
export async function secretsEnvelope(
  ctx: Context,
  device: SecretsDevice,
): Promise<{ readonly body: string; readonly etag: string }> {
  const { number, signer, key, etag } = await groundsOf(ctx, device);
  const { id, org } = device;
  const payload: SecretsPayload = {
    v: 1,
    org,
    device: id,
    number,
    issued: ctx.clock.now(),
    values: await secretValues(ctx, org),
    override_key: ctx.keys.decrypt(device.override_key, overrideKeyBound(org, id)).toString('base64url'),
  };
  const signed = await signObject('secrets', payload, [signer]);
  return { body: await seal(Buffer.from(JSON.stringify(signed), 'utf8'), key), etag };
}
