// SPDX-License-Identifier: Apache-2.0
// How the stored history of a device stands: its epochs, and whether an epoch's rows still are what the device sent. Changes nothing.

import type { Kysely, Selectable } from 'kysely';
import { type ChainBreak, fromHex, headerText, rowHash, toHex } from '../../protocol/chain.ts';
import type { Context } from '../context.ts';
import type { Database, EpochTable } from '../db/tables.ts';
import { dayOf } from '../ingest/day-partitions.ts';
import { NO_HEAD } from '../ingest/place.ts';
import { nextTurn } from '../next-turn.ts';
import type { FoundRow } from './search-rows.ts';

export type EpochState = Selectable<EpochTable>;

/** All epochs of a device of which rows came, oldest first. `claimed` above `seq`: so many rows the device has still to send. */
export async function chainState(
  { db }: Pick<Context, 'db'>,
  org: string,
  device: string,
): Promise<readonly EpochState[]> {
  return await db.query
    .selectFrom('epoch')
    .selectAll()
    .where('org', '=', org)
    .where('device', '=', device)
    .where('seq', '>', 0)
    .orderBy('first_received')
    .orderBy('epoch')
    .execute();
}

export interface StoredCheck {
  /** Rows that are stored. */
  readonly rows: number;
  /** Of these, rows whose body is not here: only their links could be checked. */
  readonly quarantined: number;
  /** Numbers that are not stored: the device lost them, retention deleted them, or somebody else did. At most 100. */
  readonly holes: readonly { readonly from: number; readonly to: number }[];
  /** The first row that does not fit. `head`: the last row is not the one that was acknowledged. */
  readonly broken: { readonly seq: number; readonly why: ChainBreak | 'head' } | undefined;
}

const SLICE = 500;
const MOST_HOLES = 100;

/** Checks the chain over what is stored now. undefined: there is no such epoch. */
export async function verifyStored(
  { db }: Pick<Context, 'db'>,
  org: string,
  device: string,
  epoch: string,
): Promise<StoredCheck | undefined> {
  const state = await db.query
    .selectFrom('epoch')
    .selectAll()
    .where('org', '=', org)
    .where('device', '=', device)
    .where('epoch', '=', epoch)
    .executeTakeFirst();
  if (state === undefined) return undefined;
  const holes: { from: number; to: number }[] = [];
  let [rows, quarantined, last] = [0, 0, NO_HEAD];
  for (;;) {
    const slice = await rowsAfter(db.query, state, last.seq);
    for (const row of slice) {
      const why = breakOf(epoch, last, row);
      const { seq, hash, body } = row;
      if (why !== undefined) return { rows, quarantined, holes, broken: { seq, why } };
      if (seq > last.seq + 1 && holes.length < MOST_HOLES) holes.push({ from: last.seq + 1, to: seq - 1 });
      if (body === null) quarantined += 1;
      rows += 1;
      last = { seq, hash };
    }
    await nextTurn();
    if (slice.length < SLICE) break;
  }
  if (last.seq < state.seq && holes.length < MOST_HOLES) holes.push({ from: last.seq + 1, to: state.seq });
  const ends = last.seq < state.seq || last.hash === state.hash;
  return { rows, quarantined, holes, broken: ends ? undefined : { seq: last.seq, why: 'head' } };
}

type ChainRow = Pick<FoundRow, 'seq' | 'at' | 'prev' | 'hash' | 'body'>;

/** Behind a hole there is nothing to compare with; the row's own hash covers what it was linked to. */
function breakOf(
  epoch: string,
  last: { readonly seq: number; readonly hash: string },
  { seq, at, prev, hash, body }: ChainRow,
): ChainBreak | undefined {
  if (body !== null && toHex(rowHash(fromHex(prev), headerText(epoch, seq, at), body)) !== hash) return 'hash';
  return seq === last.seq + 1 && prev !== last.hash ? 'link' : undefined;
}

/** Up to the head as it was read: rows that come meanwhile are not asked about. */
async function rowsAfter(query: Kysely<Database>, state: EpochState, seq: number): Promise<readonly ChainRow[]> {
  const { org, device, epoch, first_received, last_received } = state;
  return await query
    .selectFrom('audit')
    .select(['seq', 'at', 'prev', 'hash', 'body'])
    .where('org', '=', org)
    .where('device', '=', device)
    .where('epoch', '=', epoch)
    .where('seq', '>', seq)
    .where('seq', '<=', state.seq)
    .where('day', '>=', dayOf(first_received))
    .where('day', '<=', dayOf(last_received))
    .orderBy('seq')
    .limit(SLICE)
    .execute();
}
