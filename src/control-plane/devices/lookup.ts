// SPDX-License-Identifier: Apache-2.0
// Finds the device that a key belongs to, fast: a parsed key is kept, a row for a second at most. Knows nothing of requests.

import { createPublicKey, type KeyObject } from 'node:crypto';
import type { SigningJwk } from '../../contract/sync/words.ts';
import type { Context } from '../context.ts';
import type { DeviceTable } from '../db/tables.ts';

/** What is asked of a device with each request. More would cost each poll more (all columns: 0.1 ms). */
const COLUMNS = [
  'id',
  'org',
  'state',
  'ring',
  'kid',
  'sign_key',
  'seal_key',
  'old_kid',
  'old_sign_key',
  'old_until',
  'override_key',
] as const satisfies readonly (keyof DeviceTable)[];

export type KnownDevice = Readonly<Pick<DeviceTable, (typeof COLUMNS)[number]>>;

export interface KnownKey {
  readonly device: KnownDevice;
  readonly key: KeyObject;
}

export interface DeviceLookup {
  /** By the key in force, or the one before it while both count. */
  byKey(kid: string): Promise<KnownKey | undefined>;
  /** What this process changed itself, it must see at once. */
  forget(device: string): void;
  close(): void;
}

interface Entry extends KnownKey {
  /** The text that `key` was parsed from. */
  readonly text: string;
  /** Monotonic time of the row. */
  readonly read: number;
}

/** Entries, about 3 kB each. */
const MOST_ENTRIES = 10_000;
/** Milliseconds that another process' revocation may take to hold here. */
const ROW_LIFE = 1_000;

export function createDeviceLookup(ctx: Context): DeviceLookup {
  // The least recently used one is first.
  const entries = new Map<string, Entry>();
  const forget = (device: string): void => {
    for (const [kid, entry] of entries) if (entry.device.id === device) entries.delete(kid);
  };
  const unsubscribe = ctx.events.subscribe((event) => {
    if (event.device !== undefined) forget(event.device);
  });

  // Written out once: building the text costs as much as running it.
  const { query } = ctx.db;
  const current = query.selectFrom('device').select(COLUMNS).where('kid', '=', '').compile();
  const former = query.selectFrom('device').select(COLUMNS).where('old_kid', '=', '').compile();

  async function read(kid: string): Promise<KnownDevice | undefined> {
    for (const text of [current, former]) {
      const { rows } = await query.executeQuery<KnownDevice>({ ...text, parameters: [kid] });
      const found = rows.find((row) => stillCounts(row, kid, ctx));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  return {
    async byKey(kid) {
      const held = entries.get(kid);
      if (held !== undefined && ctx.clock.monotonic() - held.read < ROW_LIFE && stillCounts(held.device, kid, ctx)) {
        return held;
      }
      const at = ctx.clock.monotonic();
      const device = await read(kid);
      entries.delete(kid);
      if (device === undefined) return undefined;
      const text = device.kid === kid ? device.sign_key : device.old_sign_key;
      if (text === null) return undefined;
      const key =
        held?.text === text ? held.key : createPublicKey({ key: JSON.parse(text) as SigningJwk, format: 'jwk' });
      const entry = { device, key, text, read: at };
      entries.set(kid, entry);
      if (entries.size > MOST_ENTRIES) entries.delete(entries.keys().next().value ?? kid);
      return entry;
    },
    forget,
    close: unsubscribe,
  };
}

function stillCounts(device: KnownDevice, kid: string, ctx: Context): boolean {
  return device.kid === kid || (device.old_until ?? 0) > ctx.clock.now();
}
