// SPDX-License-Identifier: Apache-2.0
// Invariant A4 as a scenario: rows are written, sent over a network that fails as a seed says, by an uploader that starts anew now and
// then; at the end each of them is at the server once. For any server that takes rows.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { AuditReceiver, ReceiverOptions } from '../fakes/audit-receiver.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type FaultProxyOptions, mix, type Plan, startFaultProxy } from '../fakes/fault-proxy.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { seededBelow } from '../fakes/random.ts';
import { assertAcknowledged, assertAllArrived, type Rig, startRig } from './upload-kit.ts';

/** OUTPOST_SEEDS raises the number of runs. */
export const SEEDS = Array.from({ length: Number(process.env['OUTPOST_SEEDS'] ?? 3) }, (_, n) => n + 1);
const ROWS = 1200;
/** Rotates every 150 rows or so. */
const FILE_BYTES = 64 * 1024;

const ca = makeTestCa();
const { key, chain: cert } = ca.issue({ names: ['localhost', '127.0.0.1'] });

export interface Network {
  readonly tls: boolean;
  readonly per: NonNullable<FaultProxyOptions['per']>;
  readonly plan: (seed: number) => Plan;
}

export const NETWORKS: Readonly<Record<string, Network>> = {
  /** The hop sees requests: it can lose one answer, say 503, damage one body. */
  'an intermediary that breaks requests': {
    tls: false,
    per: 'request',
    plan: (seed) =>
      mix(seed, [
        [8, { kind: 'ok' }],
        [3, { kind: 'lost-answer' }],
        [2, { kind: '503' }],
        [1, { kind: '503', retryAfter: 7 }],
        [2, (below) => ({ kind: 'flip', way: 'request', of: 'body', at: below(2000), bit: 1 })],
        [2, (below) => ({ kind: 'cut', after: below(1200) })],
        [2, (below) => ({ kind: 'reset', way: 'request', after: below(4000) })],
        [2, (below) => ({ kind: 'reset', way: 'response', after: below(1200) })],
        [1, { kind: 'refuse', steps: 3 }],
        [1, { kind: 'blackhole' }],
        [1, { kind: 'slow', way: 'request', bytes: 700 }],
        [1, { kind: 'slow', way: 'response', bytes: 40 }],
      ]),
  },
  /** The hop sees bytes of TLS. */
  'a line that breaks TLS': {
    tls: true,
    per: 'connection',
    plan: (seed) =>
      mix(seed, [
        [6, { kind: 'ok' }],
        [3, (below) => ({ kind: 'flip', way: 'request', at: below(9000), bit: 3 })],
        [3, (below) => ({ kind: 'flip', way: 'response', at: below(6000), bit: 0 })],
        [3, (below) => ({ kind: 'cut', after: below(6000) })],
        [3, (below) => ({ kind: 'reset', way: 'request', after: below(20_000) })],
        [3, (below) => ({ kind: 'reset', way: 'response', after: below(6000) })],
        [1, { kind: 'refuse', steps: 3 }],
        [1, { kind: 'blackhole' }],
        [1, { kind: 'slow', way: 'request', bytes: 2000 }],
      ]),
  },
};

/** Resolves with the rig when all has arrived, for what else there is to ask. */
export async function arrivesOnce<R extends AuditReceiver>(
  t: TestContext,
  start: (options: ReceiverOptions) => Promise<R>,
  network: Network,
  seed: number,
): Promise<{ readonly rig: Rig; readonly receiver: R }> {
  const clock = new FakeClock();
  const receiver = await start({ clock, ...(network.tls && { tls: { key, cert } }) });
  t.after(() => receiver.close());
  const proxy = await startFaultProxy({ target: receiver.port, per: network.per, plan: network.plan(seed) });
  t.after(() => proxy.close());
  const log = { fileBytes: FILE_BYTES };
  const rig = await startRig(t, { receiver, clock, proxy, seed, caPems: [ca.cert], log });
  if (network.tls && rig.target !== undefined) rig.target = { ...rig.target, url: `https://localhost:${proxy.port}` };
  const below = seededBelow(seed);
  let written = 0;
  let restarts = 0;
  await rig.until(
    () => written >= ROWS,
    async () => {
      const rows = Math.min(below(25), ROWS - written);
      await rig.write(rows);
      written += rows;
      if (below(8) > 0) return;
      const restarted = rig.restart();
      clock.advance(2000);
      await restarted;
      restarts += 1;
    },
  );
  const faults = Object.entries(proxy.counts).filter(([kind, count]) => kind !== 'ok' && count > 0);
  t.diagnostic(`${restarts} restarts; ${faults.map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
  // The line gets better, else the end might never come.
  proxy.plan = mix(seed, [
    [3, { kind: 'ok' }],
    [1, { kind: 'reset', way: 'response' }],
  ]);
  await rig.flush();
  assert.ok((await assertAllArrived(rig.auditDir, receiver)) >= ROWS);
  assertAcknowledged(rig);
  assert.equal(rig.uploader.status().rows, 0);
  assert.deepEqual(rig.events, [], 'nothing was taken for a lie or a fork');
  assert.ok(faults.length >= 2 && restarts > 0, 'there was something to survive');
  return { rig, receiver };
}
