// SPDX-License-Identifier: Apache-2.0
// Replaces the keys of a device. The old one stays good for a week, for requests that are under way; it cannot rotate again.

import type { RotateRequest } from '../../contract/sync/messages.ts';
import { type RotatePayload, rotatePayload } from '../../contract/sync/objects.ts';
import { isFresh, type SignatureParameters } from '../../protocol/http-signature.ts';
import { parsePayload } from '../../protocol/payload.ts';
import { verifyObject } from '../../protocol/signed-object.ts';
import { done, SYSTEM } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import type { Context } from '../context.ts';
import { locked } from '../db/open.ts';
import type { DeviceTable } from '../db/tables.ts';
import { rememberNonce } from '../http/nonces.ts';
import { SyncError } from '../http/sync-error.ts';
import type { CheckedKeys } from './public-keys.ts';

/** Milliseconds for which the old key counts. */
const OVERLAP = 7 * 86_400_000;

/** Safe to repeat, with either key. */
export async function rotate(
  ctx: Context,
  device: Pick<DeviceTable, 'id' | 'org'>,
  request: RotateRequest,
  keys: CheckedKeys,
  signature: SignatureParameters,
): Promise<{ readonly now: number; readonly old_until: number }> {
  const { id, org } = device;
  const now = ctx.clock.now();
  const proof = await proven(request, keys);
  return await ctx.db.transaction(async (tx) => {
    await rememberNonce(tx, ctx, signature);
    const held = await locked(
      ctx.db,
      tx.selectFrom('device').selectAll().where('org', '=', org).where('id', '=', id),
    ).executeTakeFirst();
    if (held?.state !== 'active') throw new SyncError(held?.state === 'revoked' ? 'revoked' : 'reenroll');
    if (held.kid === keys.kid) return { now, old_until: held.old_until ?? now };
    // The key before the one in force has had its turn: whoever finds an old one must not be able to take the device over with it.
    const fresh = proof !== undefined && isFresh(proof.issued / 1000, now / 1000);
    if (signature.keyid !== held.kid || !fresh || proof.device !== id || proof.from !== held.kid) {
      throw new SyncError('forbidden');
    }
    const taken = await tx
      .selectFrom('device')
      .select('id')
      .where((where) => where.or([where('kid', '=', keys.kid), where('old_kid', '=', keys.kid)]))
      .executeTakeFirst();
    if (taken !== undefined) throw new SyncError('forbidden');
    const until = now + OVERLAP;
    await tx
      .updateTable('device')
      .set({
        kid: keys.kid,
        sign_key: keys.signText,
        seal_key: keys.sealText,
        old_kid: held.kid,
        old_sign_key: held.sign_key,
        old_until: until,
      })
      .where('org', '=', org)
      .where('id', '=', id)
      .execute();
    await recordAdmin(tx, ctx, org, done(SYSTEM, 'device.rotate', `device:${id}`));
    return { now, old_until: until };
  });
}

/** What the new key says: which device takes it, after which key. */
async function proven(request: RotateRequest, keys: CheckedKeys): Promise<RotatePayload | undefined> {
  const verified = await verifyObject('rotate', request.proof, [keys.jwk]);
  return verified.ok ? parsePayload(rotatePayload, verified.payload) : undefined;
}
