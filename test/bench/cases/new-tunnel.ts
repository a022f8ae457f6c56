// SPDX-License-Identifier: Apache-2.0
// A new tunnel with a full handshake and one request: CPU of the proxy.

import { median, openTunnel, post } from '../client.ts';
import { cpuMs } from '../process.ts';
import { type Bench, type Finding, ratio, targets } from './types.ts';

export async function newTunnelCase(bench: Bench): Promise<readonly Finding[]> {
  const cpu = new Map<string, number[]>();
  const wall = new Map<string, number[]>();
  const perRound = bench.quick ? 30 : 100;
  // The first round warms all up and does not count.
  for (let i = 0; i < (bench.quick ? 3 : 7); i += 1) {
    for (const target of targets(bench)) {
      const before = target.pid === undefined ? 0 : cpuMs(target.pid);
      for (let n = 0; n < perRound; n += 1) {
        const started = performance.now();
        const socket = await openTunnel(target.via);
        await post(socket, target.via, false);
        if (i > 0) wall.set(target.name, [...(wall.get(target.name) ?? []), performance.now() - started]);
        socket.destroy();
      }
      const used = target.pid === undefined ? 0 : (cpuMs(target.pid) - before) / perRound;
      if (i > 0) cpu.set(target.name, [...(cpu.get(target.name) ?? []), used]);
    }
  }
  for (const [name, values] of cpu) {
    bench.print(
      `  ${name.padEnd(16)} CPU ${median(values).toFixed(2)} ms a tunnel, p50 ${median(wall.get(name) ?? []).toFixed(2)} ms`,
    );
  }
  const value = median(cpu.get('outpost') ?? []) / median(cpu.get('http-mitm-proxy') ?? []);
  return [
    { name: 'CPU per new tunnel against http-mitm-proxy', value: ratio(value), bar: '<= 0.6 x', holds: value <= 0.6 },
  ];
}
