// SPDX-License-Identifier: Apache-2.0
// 200 hosts never seen before, one request each, while a stream with an event every 5 ms runs: its longest pause.

import { median, openTunnel, post, readStream } from '../client.ts';
import { rssMb } from '../process.ts';
import { type Bench, type Finding, ratio, type Target, targets } from './types.ts';

/** Eight at a time, as an IDE's start does. */
const PARALLEL = 8;

async function visit(target: Target, round: number, hosts: number): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      while (next < hosts) {
        next += 1;
        const via = { ...target.via, host: `h${round}-${next}.bench.test` };
        const socket = await openTunnel(via);
        await post(socket, via, false);
        socket.destroy();
      }
    }),
  );
}

export async function newHostsCase(bench: Bench): Promise<readonly Finding[]> {
  const hosts = bench.quick ? 40 : 200;
  const gaps = new Map<string, number[]>();
  for (let i = 0; i < (bench.quick ? 1 : 3); i += 1) {
    for (const target of targets(bench)) {
      if (target.pid === undefined || target.name === 'bare') continue;
      const before = rssMb(target.pid);
      const started = performance.now();
      let open = true;
      const live = openTunnel(target.via).then(async (socket) => {
        const worst: number[] = [];
        // Short streams one after the other until the visits are over: the worst pause of all counts.
        worst.push((await readStream(socket, target.via, 100, 5)).worstGap);
        while (open) worst.push((await readStream(await openTunnel(target.via), target.via, 100, 5)).worstGap);
        return Math.max(...worst);
      });
      await visit(target, i, hosts);
      open = false;
      const gap = await live;
      gaps.set(target.name, [...(gaps.get(target.name) ?? []), gap]);
      bench.print(
        `  ${target.name.padEnd(16)} worst pause ${gap.toFixed(0)} ms, ${hosts} hosts in ${(performance.now() - started).toFixed(0)} ms, RSS ${before.toFixed(0)} -> ${rssMb(target.pid).toFixed(0)} MB`,
      );
    }
  }
  const value = median(gaps.get('outpost') ?? []) / median(gaps.get('http-mitm-proxy') ?? []);
  return [
    {
      name: 'worst live-stream pause against http-mitm-proxy',
      value: ratio(value),
      bar: '<= 0.17 x',
      holds: value <= 1 / 6,
    },
  ];
}
