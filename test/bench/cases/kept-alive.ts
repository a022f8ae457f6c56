// SPDX-License-Identifier: Apache-2.0
// Small JSON POSTs on kept-alive tunnels: CPU of the proxy per request, latency, and POSTs stalled by Nagle.

import { median, openTunnel, post, quantile } from '../client.ts';
import { cpuMs } from '../process.ts';
import { type Bench, type Finding, ratio, type Target, targets } from './types.ts';

/** Load on each proxy before the first measured round, milliseconds. */
const WARM_UP_MS = 10_000;

interface Round {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly p50: number;
  readonly p99: number;
}

async function round(target: Target, tunnels: number, ms: number): Promise<Round> {
  const sockets = await Promise.all(Array.from({ length: tunnels }, () => openTunnel(target.via)));
  for (const socket of sockets) for (let i = 0; i < 20; i += 1) await post(socket, target.via, false);
  const times: number[] = [];
  const cpu = target.pid === undefined ? 0 : cpuMs(target.pid);
  const started = performance.now();
  await Promise.all(
    sockets.map(async (socket) => {
      while (performance.now() - started < ms) times.push(await post(socket, target.via, false));
    }),
  );
  const elapsed = performance.now() - started;
  const used = target.pid === undefined ? 0 : cpuMs(target.pid) - cpu;
  for (const socket of sockets) socket.destroy();
  return {
    perSecond: (times.length / elapsed) * 1000,
    cpuUs: (used * 1000) / times.length,
    p50: median(times),
    p99: quantile(times, 0.99),
  };
}

/** Share of two-record POSTs above 30 ms; Nagle against delayed acknowledgement costs 40 ms. */
async function stalled(target: Target, count: number): Promise<number> {
  const socket = await openTunnel(target.via);
  let slow = 0;
  for (let i = 0; i < count; i += 1) if ((await post(socket, target.via, true)) > 30) slow += 1;
  socket.destroy();
  return slow;
}

export async function keptAliveCase(bench: Bench): Promise<readonly Finding[]> {
  const all = targets(bench);
  const findings: Finding[] = [];
  const cpuByTunnels = new Map<string, number[]>();
  // Each proxy compiled as it is after minutes of use: the larger the program, the longer the compiler takes.
  for (const target of all) if (target.pid !== undefined) await round(target, 16, bench.quick ? 600 : WARM_UP_MS);
  for (const tunnels of [1, 16]) {
    const rounds = new Map<string, Round[]>();
    for (let i = 0; i < (bench.quick ? 2 : 7); i += 1) {
      for (const target of all) {
        const got = await round(target, tunnels, bench.quick ? 600 : 1_500);
        rounds.set(target.name, [...(rounds.get(target.name) ?? []), got]);
      }
    }
    bench.print(`${tunnels} tunnel(s)        req/s   CPU us/req   p50 ms   p99 ms   (medians of rounds)`);
    for (const [name, got] of rounds) {
      const cpu = median(got.map((r) => r.cpuUs));
      cpuByTunnels.set(name, [...(cpuByTunnels.get(name) ?? []), cpu]);
      bench.print(
        `  ${name.padEnd(16)} ${median(got.map((r) => r.perSecond))
          .toFixed(0)
          .padStart(6)} ${cpu.toFixed(0).padStart(10)} ${median(got.map((r) => r.p50))
          .toFixed(2)
          .padStart(10)} ${median(got.map((r) => r.p99))
          .toFixed(2)
          .padStart(8)}`,
      );
    }
  }
  const of = (name: string, index: number): number => cpuByTunnels.get(name)?.[index] ?? Number.NaN;
  [1, 16].forEach((tunnels, index) => {
    const shipped = of('outpost', index) / of('http-mitm-proxy', index);
    const bare = of('outpost', index) / of('bare', index);
    findings.push(
      {
        name: `CPU per request against http-mitm-proxy, ${tunnels} tunnel(s)`,
        value: ratio(shipped),
        bar: '<= 0.6 x',
        holds: shipped <= 0.6,
      },
      {
        name: `CPU per request against bare Node + undici, ${tunnels} tunnel(s)`,
        value: ratio(bare),
        bar: '<= 1.6 x',
        holds: bare <= 1.6,
      },
    );
  });
  const count = bench.quick ? 60 : 300;
  for (const target of all) {
    const slow = await stalled(target, count);
    bench.print(`two-record POSTs over 30 ms: ${target.name} ${slow} of ${count}`);
    if (target.name === 'outpost') {
      findings.push({
        name: 'POSTs stalled by Nagle',
        value: `${slow} of ${count}`,
        bar: '0',
        holds: slow === 0,
      });
    }
  }
  return findings;
}
