// SPDX-License-Identifier: Apache-2.0
// An organisation as the product makes it: a key folder, root 1, rings; with people, devices, rows, and what was nudged. Further processes
// of the same server on request.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { RowBody } from '../../src/contract/audit-row.ts';
import type { BatchRow } from '../../src/contract/sync/messages.ts';
import { type FreshPayload, freshPayload, type RootPayload } from '../../src/contract/sync/objects.ts';
import type { Context, NudgeEvent } from '../../src/control-plane/context.ts';
import type { DeviceTable } from '../../src/control-plane/db/tables.ts';
import { storeBatch } from '../../src/control-plane/ingest/store-batch.ts';
import { openKeys } from '../../src/control-plane/keys/folder.ts';
import { freshDocument } from '../../src/control-plane/objects/fresh.ts';
import { overrideKeyBound } from '../../src/control-plane/objects/secrets.ts';
import { createOrg, type NewOrg } from '../../src/control-plane/orgs/create.ts';
import { rootInForce } from '../../src/control-plane/orgs/root-store.ts';
import { canonicalJson, EMPTY_CHAIN, linkRow, toHex } from '../../src/protocol/chain.ts';
import { parsePayload } from '../../src/protocol/payload.ts';
import { verifyObject } from '../../src/protocol/signed-object.ts';
import { FakeClock } from './clock.ts';
import { openControlPlane } from './control-plane-context.ts';

export const ORG = 'acme';
export const ALICE = { name: 'user:alice', role: 'author' };
export const BOB = { name: 'user:bob', role: 'approver' };

export interface TestOrg {
  readonly ctx: Context;
  readonly clock: FakeClock;
  readonly folder: string;
  readonly fingerprint: string;
  readonly nudges: NudgeEvent[];
  /** Another process of the same server: the same database, key folder and clock. Its nudges reach nobody. */
  another(): Promise<Context>;
  addDevice(more?: Partial<DeviceTable>): Promise<DeviceTable>;
  /** Many that differ in nothing but their ids. */
  addDevices(count: number, more?: Partial<DeviceTable>): Promise<readonly string[]>;
  /** Uploads these bodies as an epoch of their own. */
  upload(device: string, bodies: readonly RowBody[]): Promise<void>;
  root(): Promise<RootPayload>;
  /** The ring's document, verified and parsed. */
  fresh(ring: string, ctx?: Context): Promise<FreshPayload>;
}

const newDeviceId = () => `d-${randomBytes(16).toString('hex')}`;

export async function openOrg(url: string, test: TestContext, more: Partial<NewOrg> = {}): Promise<TestOrg> {
  const parent = mkdtempSync(join(tmpdir(), 'outpost-org-'));
  test.after(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, 'keys');
  const clock = new FakeClock();
  const open = async () => {
    const plane = await openControlPlane(url, { test, clock });
    return { plane, ctx: { ...plane.ctx, keys: openKeys(folder) } };
  };
  const { plane, ctx } = await open();
  const { fingerprint } = await createOrg(ctx, folder, { id: ORG, name: 'Acme', ...more });
  const nudges: NudgeEvent[] = [];
  ctx.events.subscribe((event) => nudges.push(event));
  const addDevice = async (given: Partial<DeviceTable> = {}) => {
    const id = given.id ?? newDeviceId();
    const override_key = ctx.keys.encrypt(randomBytes(32), overrideKeyBound(ORG, id));
    return await plane.addDevice(ORG, { id, override_key, ring: 'r1', ...given });
  };
  const root = () => rootInForce(ctx.db.query, ORG);
  return {
    ctx,
    clock,
    folder,
    fingerprint,
    nudges,
    another: async () => (await open()).ctx,
    addDevice,
    addDevices: async (count, given) => {
      const like = await addDevice(given);
      const rows = Array.from({ length: count - 1 }, () => ({
        ...like,
        id: newDeviceId(),
        kid: randomBytes(32).toString('base64url'),
      }));
      for (let at = 0; at < rows.length; at += 200) {
        await ctx.db.query
          .insertInto('device')
          .values(rows.slice(at, at + 200))
          .execute();
      }
      return [like.id, ...rows.map(({ id }) => id)];
    },
    upload: async (device, bodies) => {
      const epoch = randomBytes(8).toString('hex');
      const rows: BatchRow[] = [];
      let end = EMPTY_CHAIN;
      for (const body of [{ kind: 'epoch', reason: 'first' }, ...bodies]) {
        const row = linkRow(epoch, end, clock.now(), canonicalJson(body));
        end = row;
        rows.push({ seq: row.seq, at: row.at, hash: toHex(row.hash), body: row.body });
      }
      const after = { seq: 0, hash: toHex(EMPTY_CHAIN.hash) };
      const stored = await storeBatch(ctx, { id: device, org: ORG }, { v: 1, epoch, after, rows });
      if (!stored.ok) throw new Error(`the rows were not stored: ${stored.error}`);
    },
    root,
    fresh: async (ring, from = ctx) => {
      const document = await freshDocument(from, ORG, ring);
      const { keys } = await root();
      const verified = await verifyObject('fresh', JSON.parse(document?.body ?? 'null'), keys.freshness);
      const payload = verified.ok ? parsePayload(freshPayload, verified.payload) : undefined;
      if (payload === undefined) throw new Error(`the document of ${ring} is not one`);
      return payload;
    },
  };
}
