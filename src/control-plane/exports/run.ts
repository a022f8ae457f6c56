// SPDX-License-Identifier: Apache-2.0
// One export on its way: batch after batch until all is sent, time is up, or the receiver does not take more. Rows go in their order, and
// the cursor moves only when they were taken, so that each arrives at least once.
//
// A row that the receiver refuses by itself must not hold up all others for ever; but a receiver that refuses everything must not be taken
// for one that refuses a row. So: a row that was refused alone is passed over when a row behind it was taken, and that is recorded.

import type { Context } from '../context.ts';
import { type ExportBatch, nextBatch } from './batch.ts';
import { openCursor } from './begin.ts';
import { type ExportCursor, moveCursor, type Place, readCursor } from './cursor.ts';
import { type Delivery, openReceiver, type Receiver } from './receiver.ts';
import { type PassedOver, recordRefused } from './refused-rows.ts';
import type { ExportSettings } from './settings.ts';

/** Rows of one delivery. After failures there are fewer, so that one that is too large or too slow is not tried for ever. */
const MOST_ROWS = 500;
/** Milliseconds for which one run keeps others waiting. */
const LONGEST_RUN = 30_000;
/** Pause after a failure: doubled each time, varied by half. */
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 300_000;
/** What a receiver may wish at most. */
const LONGEST_WISH = 3_600_000;
/** Numbers that were passed over (rows of others, or not wanted) after which the cursor moves nevertheless. */
const PASSED_OVER = 1_000;
/** Rows refused one after the other, from which on it is the receiver that is at fault. */
const MOST_REFUSED = 8;

export interface Run {
  readonly ctx: Context;
  readonly org: string;
  readonly settings: ExportSettings;
  /** Rows up to this one may be sent. */
  readonly upTo: number;
  /** Ends after the delivery that is under way, which is cut off. */
  readonly stop: AbortSignal;
}

/** Is there something to send, and is it time? */
export async function isDue({ ctx, org, settings, upTo }: Omit<Run, 'stop'>): Promise<boolean> {
  const cursor = await readCursor(ctx.db.query, { org, name: settings.name });
  if (cursor === undefined) return true;
  const { position, next } = cursor;
  const now = ctx.clock.now();
  // A time that lies further ahead than any pause is that of a clock that was put back.
  if (position >= upTo || (next > now && next <= now + LONGEST_WISH)) return false;
  const { facts, end } = await nextBatch(ctx, { org, after: cursor, upTo, kinds: settings.kinds, size: 1 });
  return facts.length > 0 || end.position - position >= PASSED_OVER;
}

/** To be called by one process at a time. Never rejects for what a receiver does. */
export async function runExport(run: Run): Promise<void> {
  const { ctx, org, settings, upTo, stop } = run;
  const cursor = await openCursor(ctx, org, settings, upTo);
  if (cursor === undefined) return;
  const way = new Way(run, cursor);
  let receiver: Receiver | undefined;
  const cut = (): void => receiver?.close();
  stop.addEventListener('abort', cut);
  try {
    receiver = openReceiver(ctx, org, settings);
    await send(run, way, receiver);
  } catch (error) {
    // A secret that cannot be read, or the database. The former is said where people look.
    await way.fail({ kind: 'later', reason: error instanceof Error ? error.message : String(error) });
  } finally {
    stop.removeEventListener('abort', cut);
    receiver?.close();
  }
}

async function send({ ctx, org, settings, upTo, stop }: Run, way: Way, receiver: Receiver): Promise<void> {
  const { kinds } = settings;
  const until = ctx.clock.monotonic() + LONGEST_RUN;
  // 2⁹ rows are more than that; shifting by 32 would be shifting by 0.
  let size = Math.max(1, MOST_ROWS >> Math.min(way.cursor.failures, 9));
  while (!stop.aborted && ctx.clock.monotonic() < until && way.at.position < upTo) {
    const batch = await nextBatch(ctx, { org, after: way.at, upTo, kinds, size });
    const { length } = batch.facts;
    if (length === 0 && way.refused !== undefined) break;
    const delivery: Delivery = length === 0 ? { kind: 'taken', rejected: 0 } : await receiver.deliver(batch.facts);
    if (delivery.kind === 'taken') {
      if (!(await way.taken(batch, delivery.rejected))) return;
      size = Math.min(MOST_ROWS, size * 2);
    } else if (stop.aborted) {
      return;
    } else if (delivery.kind === 'later') {
      return await way.fail(delivery);
    } else if (length > 1) {
      size = Math.ceil(length / 2);
    } else {
      size = 1;
      if (!way.refuse(batch, delivery.reason)) break;
    }
  }
  // None behind them was taken: it may be them, it may be the receiver.
  if (way.refused !== undefined && !stop.aborted) await way.fail({ kind: 'later', reason: way.refused.reason });
}

/** How far it has come: what is known to the database, and what was refused behind it. */
class Way {
  cursor: ExportCursor;
  /** Rows behind this one go next. */
  at: Place;
  refused: PassedOver | undefined;
  readonly #run: Run;

  constructor(run: Run, cursor: ExportCursor) {
    this.#run = run;
    this.cursor = cursor;
    this.at = cursor;
  }

  /** A row alone was refused. False: too many were. */
  refuse({ facts, end }: ExportBatch, reason: string): boolean {
    const id = facts[0]?.id ?? '';
    const { rows, first } = this.refused ?? { rows: 0, first: id };
    this.refused = { rows: rows + 1, first, last: id, reason };
    this.at = end;
    return this.refused.rows <= MOST_REFUSED;
  }

  /** False: somebody else has moved the cursor, or the export was removed. */
  async taken({ end }: ExportBatch, rejected: number): Promise<boolean> {
    const { cursor, refused } = this;
    const free = { failures: 0, next: 0, problem: null, since: null };
    const rows = rejected + (refused?.rows ?? 0);
    const moved = await this.#move(
      { ...cursor, ...free, ...end, rejected: cursor.rejected + rows },
      { rejected, refused },
    );
    this.at = end;
    this.refused = undefined;
    return moved;
  }

  /** What was not taken is tried again after a pause. */
  async fail({ reason, afterMs = 0 }: Extract<Delivery, { kind: 'later' }>): Promise<void> {
    const { ctx } = this.#run;
    const { cursor } = this;
    const now = ctx.clock.now();
    const part = 0.5 + ctx.random(2).readUInt16BE() / 0x1_0000 / 2;
    const pause = Math.min(FIRST_PAUSE * 2 ** Math.min(cursor.failures, 20), LONGEST_PAUSE) * part;
    await this.#move({
      ...cursor,
      failures: cursor.failures + 1,
      next: Math.round(now + Math.max(pause, Math.min(afterMs, LONGEST_WISH))),
      problem: reason.slice(0, 256),
      since: cursor.since ?? now,
    });
  }

  async #move(
    to: ExportCursor,
    lost: { readonly rejected: number; readonly refused: PassedOver | undefined } = { rejected: 0, refused: undefined },
  ): Promise<boolean> {
    const { ctx, org, settings } = this.#run;
    const of = { org, name: settings.name };
    const before = this.cursor;
    const moved = await ctx.db.transaction(async (tx) => {
      if (!(await moveCursor(tx, of, before.position, to, ctx.clock.now()))) return false;
      if (to.rejected > before.rejected) await recordRefused(tx, ctx, of, lost);
      return true;
    });
    if (!moved) return false;
    this.cursor = to;
    tell(ctx, of, before, to);
    return true;
  }
}

/** A line at each change. */
function tell(
  { log }: Context,
  { org, name }: { readonly org: string; readonly name: string },
  before: ExportCursor,
  after: ExportCursor,
): void {
  const named = { org, export: name };
  if (after.rejected > before.rejected)
    log.warn('export-rejected', { ...named, rows: after.rejected - before.rejected });
  if (after.problem === before.problem) return;
  if (after.problem === null) log.info('export-up', named);
  else log.warn('export-down', { ...named, reason: after.problem });
}
