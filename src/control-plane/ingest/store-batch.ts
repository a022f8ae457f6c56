// SPDX-License-Identifier: Apache-2.0
// Stores a batch of a device's rows exactly once: in one transaction, under the lock of its epoch, linked to what is stored already.
// Text is stored as it was sent. Knows no HTTP; who the device is was found out before.

import type { Transaction } from 'kysely';
import type { AlarmKind } from '../../contract/alarms.ts';
import type { AuditAnswer, AuditBatch } from '../../contract/sync/messages.ts';
import type { ReceiptPayload } from '../../contract/sync/objects.ts';
import { signObject } from '../../protocol/signed-object.ts';
import { type AlarmDetail, raiseAlarm } from '../alarms/raise.ts';
import type { Context } from '../context.ts';
import type { Database, DeviceTable } from '../db/tables.ts';
import { signersInForce } from '../orgs/root-store.ts';
import { type CheckedRow, checkBatch } from './check-batch.ts';
import { dayOf, ensureDays, isMissingDay } from './day-partitions.ts';
import { formerDevices, formerEpoch, lockEpoch, otherEpochs, type StoredEpoch, storedHashes } from './epochs.ts';
import { insertRows, noteApps } from './insert-rows.ts';
import { type Head, NO_HEAD, overlapOf, placeOf } from './place.ts';
import { previousOf, rowAlarms } from './row-alarms.ts';

export type Uploader = Pick<DeviceTable, 'id' | 'org'>;

export type StoreResult =
  | ({ readonly ok: true } & AuditAnswer)
  /** Send what follows `ack` first. */
  | { readonly ok: false; readonly error: 'behind'; readonly ack: Head }
  /** `fork`: another row is stored under this number. `row`: its body cannot be stored, or its hash is wrong. */
  | { readonly ok: false; readonly error: 'fork' | 'row'; readonly seq: number }
  /** The organisation's receipt key is not here. */
  | { readonly ok: false; readonly error: 'unavailable' };

type Stored = { readonly ok: true; readonly head: Head } | (StoreResult & { readonly ok: false });

/**
 * The answer to a batch. Repeats, overlaps and the same batch at the same time in two processes store each row once. Nothing of a batch
 * that is refused is stored, but its alarms are.
 */
export async function storeBatch(ctx: Context, device: Uploader, batch: AuditBatch): Promise<StoreResult> {
  const signers = (await signersInForce(ctx, device.org, 'receipt')).slice(0, 1);
  if (signers.length === 0) {
    ctx.log.error('receipt-key-missing', { org: device.org });
    return { ok: false, error: 'unavailable' };
  }
  const checked = checkBatch(batch);
  if (!checked.ok) {
    const { seq, fault } = checked;
    if (fault === 'hash') {
      await ctx.db.transaction((tx) => alarm(tx, ctx, device, 'chain-break', batch.epoch, { seq }));
    }
    return { ok: false, error: 'row', seq };
  }
  const stored = await inTransaction(ctx, (tx) => store(tx, ctx, device, batch, checked.rows));
  if (!stored.ok) return stored;
  const { head } = stored;
  const { id, org } = device;
  const payload: ReceiptPayload = { v: 1, org, device: id, epoch: batch.epoch, ...head, at: ctx.clock.now() };
  return { ok: true, ack: { epoch: batch.epoch, ...head }, receipt: await signObject('receipt', payload, signers) };
}

/** The day's partition is made ahead of need; a server that slept over that makes it now. */
async function inTransaction<T>(ctx: Context, work: (tx: Transaction<Database>) => Promise<T>): Promise<T> {
  try {
    return await ctx.db.transaction(work);
  } catch (error) {
    if (!isMissingDay(error)) throw error;
  }
  await ensureDays(ctx);
  return await ctx.db.transaction(work);
}

async function store(
  tx: Transaction<Database>,
  ctx: Context,
  device: Uploader,
  batch: AuditBatch,
  rows: readonly CheckedRow[],
): Promise<Stored> {
  const { epoch } = batch;
  const now = ctx.clock.now();
  const mine = await lockEpoch(tx, ctx, device, epoch, { create: false, now });
  const known = mine ?? (await begin(tx, ctx, device, batch, now));
  if (!('device' in known)) return known;
  const overlap = overlapOf(batch, known);
  const place = placeOf(batch, known, overlap === undefined ? new Map() : await storedHashes(tx, known, overlap));
  switch (place.kind) {
    case 'behind':
      return { ok: false, error: 'behind', ack: { seq: known.seq, hash: known.hash } };
    case 'fork':
      await alarm(tx, ctx, device, 'fork', epoch, { seq: place.seq, stored: known.seq });
      return { ok: false, error: 'fork', seq: place.seq };
    case 'fits':
      return await append(tx, ctx, device, known, rows.slice(place.from), place.lost, now);
  }
}

/** The device has sent nothing of this epoch: as the one that it was before it enrolled again it may have, and then goes on from there. */
async function begin(
  tx: Transaction<Database>,
  ctx: Context,
  device: Uploader,
  batch: AuditBatch,
  now: number,
): Promise<StoredEpoch | (Stored & { readonly ok: false })> {
  const { epoch } = batch;
  const behind = (ack: Head) => ({ ok: false, error: 'behind', ack }) as const;
  const before = await formerEpoch(tx, device.org, await formerDevices(tx, device), epoch);
  let [create, head] = [mayBegin(batch), NO_HEAD];
  if (before !== undefined) {
    const overlap = overlapOf(batch, before);
    const place = placeOf(batch, before, overlap === undefined ? new Map() : await storedHashes(tx, before, overlap));
    if (place.kind === 'behind') return behind({ seq: before.seq, hash: before.hash });
    // Two histories: this device gets one of its own, which begins at its first row.
    if (place.kind === 'fork') await alarm(tx, ctx, device, 'fork', epoch, { seq: place.seq, stored: before.seq });
    else head = { seq: before.seq, hash: before.hash };
    create = true;
  }
  return (await lockEpoch(tx, ctx, device, epoch, { create, now, head })) ?? behind(NO_HEAD);
}

/** Can these rows be the first of an epoch? Else none is begun for them. */
function mayBegin({ after, lost }: AuditBatch): boolean {
  return after.seq === 0 || (lost?.from === 1 && lost.to === after.seq);
}

async function append(
  tx: Transaction<Database>,
  ctx: Context,
  device: Uploader,
  known: StoredEpoch,
  rows: readonly CheckedRow[],
  lost: AuditBatch['lost'],
  now: number,
): Promise<Stored> {
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined) return { ok: true, head: { seq: known.seq, hash: known.hash } };
  // A server's clock that was put back: rows stay in the order of their arrival.
  const received = Math.max(now, known.last_received);
  await insertRows(tx, { device, epoch: known.epoch, day: dayOf(received), received }, rows);
  await noteApps(tx, device, rows, received);
  const others = otherEpochs(tx, known);
  if (lost !== undefined) await alarm(tx, ctx, device, 'gap', known.epoch, { ...lost });
  for (const { kind, detail } of await rowAlarms(rows, others)) {
    await alarm(tx, ctx, device, kind, known.epoch, detail);
  }
  const follows = previousOf(first)?.epoch;
  await tx
    .updateTable('epoch')
    .set({
      seq: last.seq,
      hash: last.hash,
      last_received: received,
      claimed: Math.max(known.claimed, last.seq),
      ...(follows === undefined ? {} : { follows }),
    })
    .where('org', '=', device.org)
    .where('device', '=', device.id)
    .where('epoch', '=', known.epoch)
    .execute();
  return { ok: true, head: { seq: last.seq, hash: last.hash } };
}

/** The same trouble in one epoch of one device is one alarm. */
async function alarm(
  tx: Transaction<Database>,
  ctx: Context,
  { id, org }: Uploader,
  kind: AlarmKind,
  epoch: string,
  detail: AlarmDetail,
): Promise<void> {
  await raiseAlarm(tx, ctx, { org, kind, device: id, key: `${kind}:${id}:${epoch}`, detail: { epoch, ...detail } });
}
