// SPDX-License-Identifier: Apache-2.0
// What a poll of a freshness document costs the control plane, in CPU of its process: not changed (304) and signed, which is what devices
// send all day; unsigned; the whole document; and on a new connection each, as one a minute has it, over plain HTTP as behind a balancer and
// over TLS. The next poll is always another device's, so that no row is found in memory. The client is a process of its own.

import { type Crowd, type PollOrder, startCrowd } from '../../simulation/crowd.ts';
import { type Plane, startPlane } from '../../simulation/plane.ts';
import { median } from '../client.ts';
import { loadNow } from '../load.ts';
import { type Bench, type Finding, ratio } from './types.ts';

const BAR_MS = 0.6;
/** More than are asked within the second for which a row is remembered. */
const DEVICES = 5_000;
const CONNECTIONS = 8;

type Variant = Pick<PollOrder, 'signed' | 'anew'> & { readonly name: string; readonly held: boolean };
const SIGNED: Variant = { name: '304, signed', signed: true, anew: false, held: true };
const VARIANTS: readonly Variant[] = [
  SIGNED,
  { name: '304, unsigned', signed: false, anew: false, held: true },
  { name: '200, signed', signed: true, anew: false, held: false },
  { name: '304, signed, new connection', signed: true, anew: true, held: true },
];

export async function syncPollCase(bench: Bench): Promise<readonly Finding[]> {
  const plane = await startPlane({ devices: DEVICES });
  const crowd = await startCrowd(plane);
  try {
    await plane.publish('{}');
    const etags: Record<string, string> = {};
    for (const ring of new Set(plane.rings)) etags[ring] = (await plane.document(ring)).etag;
    const { bytes } = await plane.document(plane.rings[0] ?? '');
    const [rounds, count] = bench.quick ? [2, 1_000] : [5, 5_000];
    // Until the compiler has done its work.
    await measure(plane, crowd, { ...SIGNED, etags }, count);
    const costs = new Map<string, { readonly cpu: number[]; readonly rate: number[] }>();
    for (let round = 0; round < rounds; round++) {
      for (const variant of VARIANTS) {
        const { cpu, rate } = await measure(plane, crowd, { ...variant, etags: variant.held ? etags : {} }, count);
        const cost = costs.get(variant.name) ?? { cpu: [], rate: [] };
        costs.set(variant.name, cost);
        cost.cpu.push(cpu);
        cost.rate.push(rate);
      }
    }
    const cpuOf = (name: string): number => median(costs.get(name)?.cpu ?? []);
    const base = cpuOf('304, unsigned');
    for (const [name, { cpu, rate }] of costs) {
      const all = cpu.map((each) => each.toFixed(3)).join(' ');
      bench.print(
        `  ${name.padEnd(28)} ${median(cpu).toFixed(3)} ms CPU (${ratio(median(cpu) / base)} of unsigned; rounds ${all}), ${median(rate).toFixed(0)}/s; ${loadNow()}`,
      );
    }
    bench.print(`  a freshness document has ${bytes} bytes`);
    await overTls(bench, rounds, count);
    const value = cpuOf(SIGNED.name);
    return [
      {
        name: 'CPU of a signed poll that brings nothing new',
        value: `${value.toFixed(3)} ms`,
        bar: `<= ${BAR_MS} ms`,
        holds: value <= BAR_MS,
      },
    ];
  } finally {
    await crowd.stop();
    await plane.stop();
  }
}

/** Each device once with a full handshake, then each taking up its session, as an agent that polls does. */
async function overTls(bench: Bench, rounds: number, count: number): Promise<void> {
  const plane = await startPlane({ devices: count, tls: true });
  const crowd = await startCrowd(plane);
  try {
    await plane.publish('{}');
    const etags: Record<string, string> = {};
    for (const ring of new Set(plane.rings)) etags[ring] = (await plane.document(ring)).etag;
    const order = { signed: true, anew: true, etags };
    const first = await measure(plane, crowd, order, count);
    const next: number[] = [];
    for (let round = 0; round < rounds; round++) next.push((await measure(plane, crowd, order, count)).cpu);
    bench.print(
      `  304, signed, new TLS connection: ${first.cpu.toFixed(3)} ms CPU with a full handshake, ${median(next).toFixed(3)} with a session taken up; ${loadNow()}`,
    );
  } finally {
    await crowd.stop();
    await plane.stop();
  }
}

async function measure(
  plane: Plane,
  crowd: Crowd,
  order: Omit<PollOrder, 'connections' | 'count'>,
  count: number,
): Promise<{ readonly cpu: number; readonly rate: number }> {
  const before = await plane.cpuMs();
  const { seconds, statuses } = await crowd.poll({ ...order, connections: CONNECTIONS, count });
  const cpu = ((await plane.cpuMs()) - before) / count;
  const wanted = Object.keys(order.etags).length > 0 ? 304 : 200;
  if (statuses[wanted] !== count) throw new Error(`polls were answered with ${JSON.stringify(statuses)}`);
  return { cpu, rate: count / seconds };
}
