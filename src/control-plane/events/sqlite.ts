// SPDX-License-Identifier: Apache-2.0
// Events between the processes that share an SQLite file, a server and the command line beside it: SQLite tells nobody of changes, so that
// each process leaves its nudges in a table, every second and when it ends, and looks for those of others.

import type { Context, Events, NudgeEvent } from '../context.ts';
import { createBus } from './bus.ts';

/** Milliseconds; a look takes 20 µs where there is nothing. */
const EVERY = 1_000;
/** Rows that are kept. Whoever is further behind looks at everything. */
const KEPT = 256;
/** Seconds over which devices look again then. */
const RESYNC_SPREAD = 30;

/** Resolves when it hears what others say from now on. */
export async function createSqliteEvents({
  db,
  clock,
  log,
  random,
}: Omit<Context, 'events' | 'keys'>): Promise<Events> {
  const bus = createBus(log);
  const self = random(16).toString('hex');
  const newest = await db.query.selectFrom('nudge').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst();
  let last = newest?.id ?? 0;
  /** What is still to be written; of several to the same the newest says all. */
  const waiting = new Map<string, NudgeEvent>();
  let running: Promise<void> | undefined;

  async function write(): Promise<void> {
    const rows = [...waiting.values()].map(({ org, ring = null, device = null, seq, spread_s }) => ({
      sender: self,
      org,
      ring,
      device,
      seq,
      spread_s,
    }));
    if (rows.length === 0) return;
    waiting.clear();
    await db.transaction(async (tx) => {
      const written = await tx.insertInto('nudge').values(rows).returning('id').execute();
      const end = Math.max(...written.map(({ id }) => id));
      await tx
        .deleteFrom('nudge')
        .where('id', '<=', end - KEPT)
        .execute();
    });
  }

  async function look(): Promise<void> {
    const nudges = db.query.selectFrom('nudge').selectAll().where('id', '>', last);
    const found = await nudges.orderBy('id').limit(KEPT).execute();
    for (const { id, sender, org, ring, device, seq, spread_s } of found) {
      last = id;
      if (sender === self) continue;
      bus.deliver({ org, seq, spread_s, ring: ring ?? undefined, device: device ?? undefined });
    }
    if (found.length < KEPT) return;
    // Older ones may be gone.
    for (const { id } of await db.query.selectFrom('org').select('id').execute()) {
      bus.deliver({ org: id, seq: 0, spread_s: RESYNC_SPREAD });
    }
  }

  async function attempt(event: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.warn(event, { error: error instanceof Error ? error.message : String(error) });
    }
  }

  const timer = clock.every(EVERY, () => {
    running ??= attempt('events.not-sent', write)
      .then(() => attempt('events.unreadable', look))
      .finally(() => {
        running = undefined;
      });
  });

  return {
    async publish(event) {
      await bus.publish(event);
      // Not written at once: many may come together, and each write waits for the disk.
      waiting.set(JSON.stringify([event.org, event.ring, event.device]), event);
    },
    subscribe: (listener) => bus.subscribe(listener),
    async close() {
      timer.clear();
      await running;
      await bus.close();
      await attempt('events.not-sent', write);
    },
  };
}
