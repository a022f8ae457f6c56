// SPDX-License-Identifier: Apache-2.0
// What has to happen by itself, again and again: partitions for the days to come, silent devices, retention, digests. Any number of
// processes may run it; one of them does each task at a time. Knows when, not how.

import { findSilent } from '../alarms/silent.ts';
import type { Context } from '../context.ts';
import { oneAtATime } from '../db/one-at-a-time.ts';
import { ensureDays } from '../ingest/day-partitions.ts';
import { applyRetention, type RetentionOptions } from './delete-old.ts';
import { type PutDigest, writeDigest } from './digest.ts';
import { findLateDigests } from './late-digests.ts';

export interface UpkeepOptions extends RetentionOptions {
  /** Where an organisation's digests are kept; undefined: it has no such place, and none are made. */
  readonly digestPlace: (org: string) => Promise<PutDigest | undefined>;
}

export interface Upkeep {
  /** One round now. Never throws: what goes wrong is logged and tried again in the next round. */
  run(): Promise<void>;
  /** Ends the rounds; resolves when the task under way has ended. */
  close(): Promise<void>;
}

/** Milliseconds between two rounds: well within the hour of a digest. */
const EVERY_MS = 300_000;
/** Rounds of which one looks for rows to delete: each hour. */
const RETENTION_EVERY = 12;

/** The first round begins when the caller says so. */
export function startUpkeep(ctx: Context, { digestPlace, ...retention }: UpkeepOptions): Upkeep {
  let rounds = 0;
  let running: Promise<void> | undefined;
  let closed = false;

  const attempt = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    if (closed) return;
    try {
      await work();
    } catch (error) {
      ctx.log.error('upkeep-failed', { task: name, error: error instanceof Error ? error.message : String(error) });
    }
  };
  const alone = (name: string, work: () => Promise<unknown>) => attempt(name, () => oneAtATime(ctx.db, name, work));
  const round = async (): Promise<void> => {
    // Each process needs them before it goes on.
    await attempt('days', () => ensureDays(ctx));
    await alone('silent', () => findSilent(ctx));
    if (rounds % RETENTION_EVERY === 0) await alone('retention', () => applyRetention(ctx, retention));
    rounds += 1;
    await alone('digests', () => writeDigests(ctx, digestPlace, () => closed));
    await alone('late-digests', () => findLateDigests(ctx));
  };
  const run = (): Promise<void> => {
    running ??= round().finally(() => {
      running = undefined;
    });
    return running;
  };
  const timer = ctx.clock.every(EVERY_MS, () => void run());
  return {
    run,
    async close() {
      closed = true;
      timer.clear();
      await running;
    },
  };
}

/** One organisation whose digest cannot be kept must not keep the others from theirs. */
async function writeDigests(
  ctx: Context,
  digestPlace: UpkeepOptions['digestPlace'],
  isClosed: () => boolean,
): Promise<void> {
  const failed: unknown[] = [];
  for (const { id } of await ctx.db.query.selectFrom('org').select('id').orderBy('id').execute()) {
    // A bucket that does not answer takes its time.
    if (isClosed()) break;
    try {
      const put = await digestPlace(id);
      if (put !== undefined) await writeDigest(ctx, id, put);
    } catch (error) {
      failed.push(error);
    }
  }
  if (failed.length > 0) throw failed[0];
}
