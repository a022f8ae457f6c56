// SPDX-License-Identifier: Apache-2.0
// What it takes a device to change to a bundle with 200 rules: fetch, check in threads (signatures, schema, compile), write, compile, swap.
// The bar of 100 ms is for the main thread, on which the apps' calls are served: the longest time for which it answers nobody. The whole
// takes longer, in threads that nobody waits for; it is told beside it, as is what an idle thread of this machine measures.

import { startChild } from '../../simulation/child.ts';
import type { PlaneReady } from '../../simulation/plane.ts';
import { startPlane } from '../../simulation/plane.ts';
import { median } from '../client.ts';
import { loadNow } from '../load.ts';
import type { Bench, Finding } from './types.ts';

const BAR_MS = 100;

export type ActivationGiven = Pick<PlaneReady, 'url' | 'org' | 'token' | 'root'>;

/** Milliseconds. */
export interface Activated {
  readonly totalMs: number;
  readonly stallMs: number;
  /** Waited for the threads that check the document and the bundle. */
  readonly checkMs: number;
  /** Waited for the disk. */
  readonly writeMs: number;
  /** CPU of the main thread. */
  readonly mainCpuMs: number;
}

/** 80 rules about apps, 80 about models, 40 about hosts; and providers, as large as an organisation has. */
export function policyOf200Rules(round: number): string {
  const list = (count: number, line: (n: number) => string): string =>
    Array.from({ length: count }, (_, n) => `  ${line(n)}\n`).join('');
  return [
    'providers:\n',
    list(20, (n) => `- { name: team-${n}, type: openai-compatible, base_url: "https://ai-${n}.example.com/v1" }`),
    'apps:\n',
    list(80, (n) => `- { app: "Tool ${n} (${round})*", action: ${n % 4 === 0 ? 'block' : 'allow'} }`),
    'models:\n',
    '  deny:\n',
    list(40, (n) => `  - "old-model-${n}-*"`),
    '  allow:\n',
    list(40, (n) => `  - "model-${n}*"`),
    'hosts:\n',
    list(40, (n) => `- { host: "service-${n}.example.com", action: ${n % 2 === 0 ? 'tunnel' : 'block'} }`),
  ].join('');
}

export async function activationCase(bench: Bench): Promise<readonly Finding[]> {
  const plane = await startPlane({ devices: 0 });
  const { url, org, token, root } = plane;
  const given: ActivationGiven = { url, org, token, root };
  const device = await startChild<undefined>('../bench/activation-device.ts', given);
  try {
    const all: (Activated & { readonly idleMs: number })[] = [];
    // The first ones fill the compile cache.
    const [warm, rounds] = [2, bench.quick ? 3 : 15];
    for (let round = 0; round < warm + rounds; round++) {
      const version = await plane.publish(policyOf200Rules(round));
      const activated = await device.ask<Activated>('activate', version);
      const idleMs = await device.ask<number>('idle', activated.totalMs);
      if (round >= warm) all.push({ ...activated, idleMs });
    }
    const of = (pick: (one: Activated & { idleMs: number }) => number): string => {
      const values = all.map(pick);
      return `${median(values).toFixed(1)} ms (worst ${Math.max(...values).toFixed(1)})`;
    };
    bench.print(`  from the look to the swap: ${of(({ totalMs }) => totalMs)}; ${loadNow()}`);
    bench.print(`    of it waiting for the two threads that check: ${of(({ checkMs }) => checkMs)}`);
    bench.print(`    of it waiting for the disk: ${of(({ writeMs }) => writeMs)}`);
    bench.print(`  CPU of the main thread: ${of(({ mainCpuMs }) => mainCpuMs)}`);
    bench.print(
      `  longest stall of the main thread: ${of(({ stallMs }) => stallMs)}; idle for as long: ${of(({ idleMs }) => idleMs)}`,
    );
    const stall = median(all.map(({ stallMs }) => stallMs));
    return [
      {
        name: 'activation of 200 rules, longest stall of the main thread',
        value: `${stall.toFixed(1)} ms`,
        bar: `<= ${BAR_MS} ms`,
        holds: stall <= BAR_MS,
      },
    ];
  } finally {
    await device.stop();
    await plane.stop();
  }
}
