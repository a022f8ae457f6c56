// SPDX-License-Identifier: Apache-2.0
// What newly stored rows say of trouble on the device: gaps, bodies that are not here, and a first row that does not follow what is
// known of the device. Pure but for the look-ups that are passed in; raises nothing.

import type { AlarmKind } from '../../contract/alarms.ts';
import type { AlarmDetail } from '../alarms/raise.ts';
import type { CheckedRow } from './check-batch.ts';
import { type BodyMembers, isMembers } from './columns.ts';
import type { Head } from './place.ts';

export interface RowAlarm {
  readonly kind: AlarmKind;
  readonly detail: AlarmDetail;
}

/** What is stored of the device's other epochs. */
export interface OtherEpochs {
  /** undefined: not one row of it is here. */
  head(epoch: string): Promise<Head | undefined>;
  /** Is there any? */
  any(): Promise<boolean>;
  /** Does another epoch name this one as the one before it? */
  followed(epoch: string): Promise<boolean>;
}

/** One alarm of each kind at most: a batch with hundreds of such rows is one trouble. */
export async function rowAlarms(rows: readonly CheckedRow[], others: OtherEpochs): Promise<readonly RowAlarm[]> {
  const alarms = new Map<AlarmKind, RowAlarm>();
  const say = (kind: AlarmKind, detail: AlarmDetail) => alarms.set(kind, { kind, detail });
  const quarantined = rows.filter(({ members }) => members === undefined);
  if (quarantined[0] !== undefined) say('quarantined', { seq: quarantined[0].seq, rows: quarantined.length });
  for (const { seq, members } of rows) {
    if (members?.['kind'] === 'gap' && !(await isStored(members, others))) say('gap', gapDetail(seq, members));
  }
  if (rows[0]?.seq === 1) {
    const started = await startAlarm(previousOf(rows[0]), others);
    if (started !== undefined) say(started.kind, started.detail);
  }
  return [...alarms.values()];
}

/** The end of the epoch before, as the first row names it. */
export function previousOf({ seq, members }: CheckedRow): { readonly epoch: string; readonly head: Head } | undefined {
  const previous = seq === 1 && members?.['kind'] === 'epoch' ? members['previous'] : undefined;
  if (!isMembers(previous)) return undefined;
  const { epoch, seq: end, hash } = previous;
  if (typeof epoch !== 'string' || typeof hash !== 'string' || !isCount(end)) return undefined;
  return { epoch, head: { seq: end, hash } };
}

async function startAlarm(previous: ReturnType<typeof previousOf>, others: OtherEpochs): Promise<RowAlarm | undefined> {
  if (previous === undefined) return (await others.any()) ? { kind: 'epoch-reset', detail: {} } : undefined;
  const { epoch, head } = previous;
  const detail = { previous: epoch, said: head.seq };
  const known = await others.head(epoch);
  if (known === undefined && head.seq === 0) {
    return (await others.any()) ? { kind: 'epoch-reset', detail } : undefined;
  }
  const stored = known?.seq ?? 0;
  if (head.seq > stored) return { kind: 'missing-rows', detail: { ...detail, stored, from: stored + 1, to: head.seq } };
  // Another epoch follows it already: the device was put back to the time before that one.
  const older = head.seq < stored || head.hash !== known?.hash || (await others.followed(epoch));
  return older ? { kind: 'restored', detail: { ...detail, stored } } : undefined;
}

/** The device removed a file of which all rows are here: nothing is missing. */
async function isStored(gap: BodyMembers, others: OtherEpochs): Promise<boolean> {
  const { reason, epoch, to_seq: to } = gap;
  if ((reason !== 'retention' && reason !== 'cap') || typeof epoch !== 'string' || !isCount(to)) return false;
  return ((await others.head(epoch))?.seq ?? 0) >= to;
}

function gapDetail(seq: number, { reason, epoch, from_seq: from, to_seq: to, count }: BodyMembers): AlarmDetail {
  return {
    seq,
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof epoch === 'string' ? { missing_in: epoch } : {}),
    ...(isCount(from) ? { from } : {}),
    ...(isCount(to) ? { to } : {}),
    ...(isCount(count) ? { rows: count } : {}),
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
