// SPDX-License-Identifier: Apache-2.0
// Events between the processes that share a PostgreSQL: LISTEN on a connection of its own, NOTIFY through any. What is lost while the
// connection is away is made up for by telling every organisation to look again.

import { sql } from 'kysely';
import pg from 'pg';
import { z } from 'zod';
import type { Clock, Timer } from '../../contract/clock.ts';
import type { Log } from '../../contract/log.ts';
import { orgId, ringId } from '../../contract/sync/words.ts';
import type { Events, NudgeEvent } from '../context.ts';
import type { Db } from '../db/open.ts';
import { createBus } from './bus.ts';

export interface PostgresEventsOptions {
  readonly url: string;
  /** Sends; also while the listening connection is away. */
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: (bytes: number) => Buffer;
}

const CHANNEL = 'outpost_nudge';
/** Milliseconds: the first wait after a failure, and the longest. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
/** Milliseconds between two questions whether the connection still lives: a dead peer says nothing. */
const CHECK_EVERY = 30_000;
/** Milliseconds that connecting and each question may take. */
const PATIENCE = 10_000;
/** Seconds over which devices look again after a reconnect. */
const RESYNC_SPREAD = 30;

/** The channel is open to whoever may log in to the database: what comes is checked. */
const message = z.strictObject({
  from: z.string().max(64),
  event: z.strictObject({
    org: orgId,
    ring: ringId.optional(),
    device: z.string().max(64).optional(),
    seq: z.int().nonnegative(),
    spread_s: z.int().min(0).max(3600),
  }),
});

/** Resolves when it listens. Throws when the database cannot be reached at first. */
export async function createPostgresEvents(options: PostgresEventsOptions): Promise<Events> {
  const { url, db, clock, log, random } = options;
  const bus = createBus(log);
  // Ours come back to us as well, and were delivered already.
  const self = random(16).toString('hex');
  let client: pg.Client | undefined;
  let closed = false;
  let retry: Timer | undefined;
  let wait = FIRST_WAIT;

  function receive(payload: string | undefined): void {
    let parsed: z.infer<typeof message> | undefined;
    try {
      parsed = message.safeParse(JSON.parse(payload ?? '')).data;
    } catch {
      // Not JSON.
    }
    if (parsed === undefined) {
      log.warn('events.unreadable');
    } else if (parsed.from !== self) {
      bus.deliver(parsed.event);
    }
  }

  async function connect(): Promise<pg.Client> {
    const fresh = new pg.Client({
      connectionString: url,
      keepAlive: true,
      connectionTimeoutMillis: PATIENCE,
      query_timeout: PATIENCE,
    });
    fresh.on('error', () => lost(fresh));
    fresh.on('end', () => lost(fresh));
    fresh.on('notification', ({ payload }) => receive(payload));
    try {
      await fresh.connect();
      await fresh.query(`LISTEN ${CHANNEL}`);
    } catch (error) {
      await fresh.end().catch(() => {});
      throw error;
    }
    return fresh;
  }

  function lost(which: pg.Client): void {
    if (client !== which) return;
    client = undefined;
    which.end().catch(() => {});
    if (closed) return;
    log.warn('events.disconnected');
    again();
  }

  function again(): void {
    // A random part, so that the processes do not all come back at once.
    const part = 0.5 + random(2).readUInt16BE() / 0x1_0000 / 2;
    retry = clock.after(wait * part, () => void reconnect());
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }

  async function reconnect(): Promise<void> {
    try {
      const fresh = await connect();
      if (closed) {
        await fresh.end();
        return;
      }
      client = fresh;
      wait = FIRST_WAIT;
      log.info('events.reconnected');
      const { rows } = await fresh.query<{ id: string }>('SELECT id FROM org');
      for (const { id } of rows) bus.deliver({ org: id, seq: 0, spread_s: RESYNC_SPREAD });
    } catch (error) {
      log.debug('events.unreachable', { error: error instanceof Error ? error.message : String(error) });
      if (client !== undefined) lost(client);
      else if (!closed) again();
    }
  }

  client = await connect();
  let asking = false;
  const check = clock.every(CHECK_EVERY, () => {
    const asked = client;
    if (asked === undefined || asking) return;
    asking = true;
    asked
      .query('SELECT 1')
      .catch(() => lost(asked))
      .finally(() => {
        asking = false;
      });
  });

  return {
    async publish(event: NudgeEvent) {
      await bus.publish(event);
      try {
        const text = JSON.stringify({ from: self, event });
        await sql`SELECT pg_notify(${CHANNEL}, ${text})`.execute(db.query);
      } catch (error) {
        // What it tells of is stored; the others find it at their next look.
        log.warn('events.not-sent', { error: error instanceof Error ? error.message : String(error) });
      }
    },
    subscribe: (listener) => bus.subscribe(listener),
    async close() {
      closed = true;
      check.clear();
      retry?.clear();
      await bus.close();
      const last = client;
      client = undefined;
      await last?.end();
    },
  };
}
