// SPDX-License-Identifier: Apache-2.0
// The base-URL gateway beside @portkey-ai/gateway: small JSON, 16 connections, requests per CPU second of each gateway process.

import { connect, type Socket } from 'node:net';
import { median, post, type Via } from '../client.ts';
import { startPortkey } from '../portkey.ts';
import { cpuMs } from '../process.ts';
import { type Bench, type Finding, ratio } from './types.ts';

const BAR = { name: 'gateway requests per CPU second against @portkey-ai/gateway', bar: '>= 6 x' };

/** Load on each gateway before the first measured round, milliseconds. */
const WARM_UP_MS = 10_000;

async function load(via: Via, pid: number, ms: number): Promise<{ perSecond: number; perCpu: number }> {
  const sockets = await Promise.all(
    Array.from(
      { length: 16 },
      () =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect({ host: '127.0.0.1', port: via.port, noDelay: true }, () => resolve(socket));
          socket.once('error', reject);
        }),
    ),
  );
  for (const socket of sockets) for (let i = 0; i < 10; i += 1) await post(socket, via, false);
  const cpu = cpuMs(pid);
  const started = performance.now();
  let count = 0;
  await Promise.all(
    sockets.map(async (socket) => {
      while (performance.now() - started < ms) {
        await post(socket, via, false);
        count += 1;
      }
    }),
  );
  const elapsed = performance.now() - started;
  for (const socket of sockets) socket.destroy();
  return { perSecond: (count / elapsed) * 1000, perCpu: (count / (cpuMs(pid) - cpu)) * 1000 };
}

export async function gatewayCase(bench: Bench): Promise<readonly Finding[]> {
  const portkey = await startPortkey();
  if (typeof portkey === 'string') return [{ ...BAR, value: undefined, holds: false, reason: portkey }];
  const { port, pid } = portkey;
  try {
    const headers = `x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:${bench.upstream.plainPort}/v1\r\n`;
    const ours = (ms: number) =>
      load(
        { proxyPort: undefined, host: '127.0.0.1', port: bench.outpost.gatewayPort, path: '/plain/v1' },
        bench.outpost.pid,
        ms,
      );
    const theirs = (ms: number) =>
      load({ proxyPort: undefined, host: '127.0.0.1', port, path: '/v1', headers }, pid, ms);
    // Both compiled as they are after minutes of use.
    for (const run of [ours, theirs]) await run(bench.quick ? 600 : WARM_UP_MS);
    const rounds = { outpost: [] as number[], portkey: [] as number[] };
    const perSecond = { outpost: [] as number[], portkey: [] as number[] };
    for (let i = 0; i < (bench.quick ? 1 : 5); i += 1) {
      const ms = bench.quick ? 600 : 2_000;
      const own = await ours(ms);
      const other = await theirs(ms);
      rounds.outpost.push(own.perCpu);
      rounds.portkey.push(other.perCpu);
      perSecond.outpost.push(own.perSecond);
      perSecond.portkey.push(other.perSecond);
    }
    for (const name of ['outpost', 'portkey'] as const) {
      bench.print(
        `  ${name.padEnd(10)} ${median(perSecond[name]).toFixed(0)} req/s, ${median(rounds[name]).toFixed(0)} requests per CPU second`,
      );
    }
    const value = median(rounds.outpost) / median(rounds.portkey);
    return [{ ...BAR, value: ratio(value), holds: value >= 6 }];
  } finally {
    await portkey.stop();
  }
}
