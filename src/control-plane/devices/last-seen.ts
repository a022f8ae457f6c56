// SPDX-License-Identifier: Apache-2.0
// When each device was last heard of: gathered in memory and written once a minute, so that a poll writes nothing.

import type { Context } from '../context.ts';

export interface LastSeen {
  seen(device: string): void;
  /** Writes what was gathered. */
  flush(): Promise<void>;
  /** Stops, and writes the rest. */
  close(): Promise<void>;
}

/** Milliseconds. */
const EVERY = 60_000;
/** Devices of one statement; SQLite takes 32,766 parameters, PostgreSQL 65,535. */
const SLICE = 1_000;

export function createLastSeen(ctx: Context): LastSeen {
  let gathered = new Set<string>();

  async function flush(): Promise<void> {
    const devices = [...gathered];
    gathered = new Set();
    const now = ctx.clock.now();
    for (let at = 0; at < devices.length; at += SLICE) {
      await ctx.db.query
        .updateTable('device')
        .set({ last_seen: now })
        .where('id', 'in', devices.slice(at, at + SLICE))
        .where('last_seen', '<', now)
        .execute();
    }
  }

  /** A minute of times of contact is no reason to fail: the next one brings them again. */
  const tryFlush = (): Promise<void> =>
    flush().catch((error: unknown) => {
      ctx.log.warn('devices.last-seen', { error: error instanceof Error ? error.message : String(error) });
    });
  const timer = ctx.clock.every(EVERY, () => void tryFlush());

  return {
    seen: (device) => {
      gathered.add(device);
    },
    flush,
    async close() {
      timer.clear();
      await tryFlush();
    },
  };
}
