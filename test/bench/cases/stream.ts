// SPDX-License-Identifier: Apache-2.0
// Server-sent events 10 ms apart: how much later each arrives than it was sent.

import { median, openTunnel, quantile, readStream } from '../client.ts';
import { type Bench, type Finding, targets } from './types.ts';

export async function streamCase(bench: Bench): Promise<readonly Finding[]> {
  const delays = new Map<string, number[]>();
  for (let i = 0; i < (bench.quick ? 1 : 5); i += 1) {
    for (const target of targets(bench)) {
      const streamed = await readStream(await openTunnel(target.via), target.via, 100, 10);
      delays.set(target.name, [...(delays.get(target.name) ?? []), ...streamed.delays]);
    }
  }
  for (const [name, values] of delays) {
    bench.print(
      `  ${name.padEnd(16)} event delay p50 ${median(values).toFixed(2)} ms, p99 ${quantile(values, 0.99).toFixed(2)} ms`,
    );
  }
  const added = median(delays.get('outpost') ?? []) - median(delays.get('direct') ?? []);
  return [
    { name: 'event delay over direct, one stream', value: `${added.toFixed(2)} ms`, bar: '<= 1 ms', holds: added <= 1 },
  ];
}
