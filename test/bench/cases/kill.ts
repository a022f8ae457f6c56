// SPDX-License-Identifier: Apache-2.0
// From an order to the devices that have it in their hands: 2,000 real streams, each of its own key, in a process of their own; the nudge
// comes, and each fetches the document on a new connection. What a device then does with it (a check in a thread) is its own time. Over TLS,
// taking up the session of the stream, as a server has it that ends TLS itself, and over plain HTTP, as behind a balancer that does.

import { startCrowd } from '../../simulation/crowd.ts';
import { type Memory, startPlane } from '../../simulation/plane.ts';
import { median } from '../client.ts';
import { loadNow } from '../load.ts';
import type { Bench, Finding } from './types.ts';

const BAR_MS = 5_000;

export async function killCase(bench: Bench): Promise<readonly Finding[]> {
  return [await measure(bench, 'TLS', true), await measure(bench, 'plain HTTP', false)];
}

async function measure(bench: Bench, name: string, tls: boolean): Promise<Finding> {
  const devices = bench.quick ? 500 : 2_000;
  const plane = await startPlane({ devices, tls });
  const crowd = await startCrowd(plane);
  try {
    await plane.publish('{}');
    const [memory, cpu] = [await plane.memory(), await plane.cpuMs()];
    await crowd.connect();
    const connecting = ((await plane.cpuMs()) - cpu) / devices;
    const held = await plane.memory();
    const perStream = (of: (memory: Memory) => number): string => ((of(held) - of(memory)) / devices / 1024).toFixed(1);
    bench.print(
      `  ${devices} streams over ${name}: ${connecting.toFixed(2)} ms CPU to open one, ${perStream((at) => at.heap)} KiB of heap and ${perStream((at) => at.rss)} KiB resident each`,
    );
    const late: number[] = [];
    for (let round = 0; round < (bench.quick ? 2 : 5); round++) {
      await crowd.forget();
      const obeyed = crowd.obeyed();
      const before = await plane.cpuMs();
      const { at, done } = await plane.kill();
      const times = await obeyed;
      const spent = ((await plane.cpuMs()) - before) / devices;
      const share = (of: readonly number[], part: number): number => {
        const sorted = of.map((time) => time - at).sort((left, right) => left - right);
        return sorted[Math.ceil(sorted.length * part) - 1] ?? Number.NaN;
      };
      const line = (of: readonly number[]): string =>
        [0.5, 0.95, 1].map((part) => share(of, part).toFixed(0)).join(' / ');
      late.push(share(times.obeyed, 0.95));
      bench.print(
        `  order given in ${(done - at).toFixed(0)} ms; 50 / 95 / 100 % told after ${line(times.told)} ms, have it after ${line(times.obeyed)} ms; ${spent.toFixed(2)} ms CPU a device; ${loadNow()}`,
      );
    }
    const value = median(late);
    return {
      name: `an order reaches 95 % of ${devices} devices connected over ${name}`,
      value: `${value.toFixed(0)} ms`,
      bar: `< ${BAR_MS} ms`,
      holds: value < BAR_MS,
    };
  } finally {
    await crowd.stop();
    await plane.stop();
  }
}
