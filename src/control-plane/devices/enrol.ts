// SPDX-License-Identifier: Apache-2.0
// Makes a device of whoever holds a token. One transaction, safe to repeat: the key's thumbprint says who it was. Knows no HTTP; the
// caller has checked that the request is signed with the key that it brings.

import { sql, type Transaction } from 'kysely';
import type { EnrollAnswer, EnrollRequest } from '../../contract/sync/messages.ts';
import type { SignatureParameters } from '../../protocol/http-signature.ts';
import { done, SYSTEM } from '../actor.ts';
import { recordAdmin } from '../admin-log/record.ts';
import { type AlarmDetail, raiseAlarm } from '../alarms/raise.ts';
import type { Context } from '../context.ts';
import { locked } from '../db/open.ts';
import type { Database, DeviceTable, TokenTable } from '../db/tables.ts';
import { rememberNonce } from '../http/nonces.ts';
import { SyncError } from '../http/sync-error.ts';
import { readSettings } from '../orgs/settings.ts';
import { ringOf } from '../policies/rings.ts';
import { newOverrideKey } from './override.ts';
import type { CheckedKeys } from './public-keys.ts';
import { stepBack } from './step-back.ts';
import { tokenHash } from './tokens.ts';
import { UNHEARD } from './unheard.ts';

export interface Enrolment {
  readonly answer: EnrollAnswer;
  /** Devices that this one took the place of just now. */
  readonly replaced: readonly string[];
}

/** Throws SyncError: `token`, `revoked` for a machine that was, or what has become of the device meanwhile. */
export async function enrol(
  ctx: Context,
  request: EnrollRequest,
  keys: CheckedKeys,
  signature: SignatureParameters,
  /** Of the network: for the log, and kept nowhere else. */
  address?: string,
): Promise<Enrolment> {
  const { org } = request;
  const now = ctx.clock.now();
  const made = await ctx.db.transaction(async (tx): Promise<Enrolment | 'revoked'> => {
    await rememberNonce(tx, ctx, signature);
    const home = await tx.selectFrom('org').select(['ring_key', 'settings']).where('id', '=', org).executeTakeFirst();
    if (home === undefined) throw new SyncError('token');
    // First of all the lock: two requests with one token or one key go one after the other.
    const token = await locked(
      ctx.db,
      tx.selectFrom('token').selectAll().where('org', '=', org).where('hash', '=', tokenHash(request.token)),
    ).executeTakeFirst();
    const answerFor = ({ id, ring }: Pick<DeviceTable, 'id' | 'ring'>): EnrollAnswer => ({
      device: id,
      org,
      ring,
      now,
      bind_user: readSettings(home.settings).sign_in !== undefined,
    });
    const before = await deviceOf(tx, org, keys.kid);
    if (before !== undefined) return { answer: answerFor(before), replaced: [] };
    if (token === undefined || !isUsable(token, now)) throw new SyncError('token');

    const id = `d-${ctx.random(16).toString('hex')}`;
    const same = request.facts.serial === undefined ? [] : await ofSerial(ctx, tx, org, request.facts.serial);
    const last = lastOf(same);
    if (last?.state === 'revoked') {
      await tellReturned(ctx, tx, last, { token: token.id });
      // The alarm stays.
      return 'revoked';
    }
    const device = newDevice(ctx, id, request, keys, {
      ring: await ringFor(tx, last, ringOf(home.ring_key, id)),
      replaces: last?.id ?? null,
      token: token.id,
    });
    const inserted = await tx
      .insertInto('device')
      .values(device)
      .onConflict((conflict) => conflict.column('kid').doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows !== 1n) {
      // It came with another token at this very moment, or it is a device of another organisation.
      const other = await deviceOf(tx, org, keys.kid);
      if (other === undefined) throw new SyncError('forbidden');
      return { answer: answerFor(other), replaced: [] };
    }
    const replaced = same.filter(({ state }) => state === 'active' || state === 'reenroll').map((row) => row.id);
    if (replaced.length > 0) {
      await tx
        .updateTable('device')
        .set({ state: 'replaced' })
        .where('org', '=', org)
        .where('id', 'in', replaced)
        .execute();
    }
    // One that was told to enrol again is expected to.
    const displaced = same.find(({ state }) => state === 'active');
    if (displaced !== undefined) await tellDisplaced(ctx, tx, displaced, device);
    const beside = await revokedBeside(tx, org, request.facts.serial);
    if (beside !== undefined) await tellReturned(ctx, tx, beside, { token: token.id, by: id });
    await tx
      .updateTable('token')
      .set({ uses: token.uses + 1 })
      .where('id', '=', token.id)
      .execute();
    const { name } = request.facts;
    const from = address === undefined ? {} : { address };
    const detail = { token: token.id, name, ...from, ...(device.replaces !== null && { replaces: device.replaces }) };
    await recordAdmin(tx, ctx, org, done(SYSTEM, 'device.enroll', `device:${id}`, detail));
    return { answer: answerFor(device), replaced };
  });
  if (made === 'revoked') throw new SyncError('revoked');
  return made;
}

/** The device that has these keys already. It is asked for the same thing again, whatever has become of its token. */
async function deviceOf(tx: Transaction<Database>, org: string, kid: string) {
  const device = await tx
    .selectFrom('device')
    .select(['id', 'ring', 'state'])
    .where('org', '=', org)
    .where((where) => where.or([where('kid', '=', kid), where('old_kid', '=', kid)]))
    .executeTakeFirst();
  if (device?.state === 'revoked') throw new SyncError('revoked');
  // Its place was taken, or it was asked for new keys: these ones are no good any more.
  if (device !== undefined && device.state !== 'active') throw new SyncError('reenroll');
  return device;
}

function isUsable({ uses, max_uses, expires, revoked }: TokenTable, now: number): boolean {
  return revoked === 0 && uses < max_uses && expires > now;
}

/** Newest first. */
async function ofSerial(ctx: Context, tx: Transaction<Database>, org: string, serial: string) {
  const rows = tx
    .selectFrom('device')
    .select(['id', 'org', 'state', 'ring', 'policy_version', 'replaces'])
    .where('org', '=', org)
    .where('serial', '=', serial);
  return await locked(ctx.db, rows.orderBy('enrolled', 'desc').orderBy('id')).execute();
}

/** The one that no other took the place of: one of before may be revoked later, when its keys turn up. */
function lastOf<T extends Pick<DeviceTable, 'id' | 'replaces'>>(same: readonly T[]): T | undefined {
  const replaced = new Set(same.map(({ replaces }) => replaces));
  return same.find(({ id }) => !replaced.has(id));
}

/** However often it asks: one trouble. */
async function tellReturned(
  ctx: Context,
  tx: Transaction<Database>,
  { id: device, org }: Pick<DeviceTable, 'id' | 'org'>,
  detail: AlarmDetail,
): Promise<void> {
  await raiseAlarm(tx, ctx, { org, kind: 'revoked-returned', device, key: `revoked-returned:${device}`, detail });
}

/** A revoked device of the same machine whose data lay elsewhere: another user's, or the same one's who moved it. */
async function revokedBeside(tx: Transaction<Database>, org: string, serial: string | undefined) {
  const machine = serial?.slice(0, serial.lastIndexOf('/') + 1) ?? '';
  if (machine === '') return undefined;
  return await tx
    .selectFrom('device')
    .select(['id', 'org'])
    .where('org', '=', org)
    // Few have one; an index finds them.
    .where('revoke_reason', 'is not', null)
    .where('state', '=', 'revoked')
    .where(sql<string>`substr(serial, 1, ${machine.length})`, '=', machine)
    .where('serial', '<>', serial ?? '')
    .orderBy('enrolled', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** A machine keeps what it has accepted when it enrols again, and would refuse an older version. */
async function ringFor(
  tx: Transaction<Database>,
  before: Parameters<typeof stepBack>[1] | undefined,
  drawn: string,
): Promise<string> {
  return before === undefined || (await stepBack(tx, before, drawn)) === undefined ? drawn : before.ring;
}

/** Two machines that go by one serial take each other's place again and again: one trouble. */
async function tellDisplaced(
  ctx: Context,
  tx: Transaction<Database>,
  displaced: Pick<DeviceTable, 'id' | 'org'>,
  { id: by, serial }: Pick<DeviceTable, 'id' | 'serial'>,
): Promise<void> {
  await raiseAlarm(tx, ctx, {
    org: displaced.org,
    kind: 'device-displaced',
    device: displaced.id,
    key: `device-displaced:${serial}`,
    detail: { displaced: displaced.id, by, serial: serial ?? '' },
  });
}

function newDevice(
  ctx: Context,
  id: string,
  { org, facts }: EnrollRequest,
  keys: CheckedKeys,
  given: { readonly ring: string; readonly replaces: string | null; readonly token: string },
): DeviceTable {
  const now = ctx.clock.now();
  return {
    ...UNHEARD,
    id,
    org,
    kid: keys.kid,
    sign_key: keys.signText,
    seal_key: keys.sealText,
    override_key: newOverrideKey(ctx, org, id),
    ...given,
    name: facts.name,
    platform: facts.os.platform,
    os_version: facts.os.version,
    arch: facts.os.arch,
    serial: facts.serial ?? null,
    agent: facts.agent,
    enrolled: now,
    last_seen: now,
  };
}
