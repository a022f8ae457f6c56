// SPDX-License-Identifier: Apache-2.0
// Resident memory: a fresh daemon idle, and after thousands of hosts.

import { openTunnel, post } from '../client.ts';
import { startOutpost } from '../outpost.ts';
import { rssMb } from '../process.ts';
import type { Bench, Finding } from './types.ts';

async function visit(proxyPort: number, from: number, to: number): Promise<void> {
  let next = from;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (next < to) {
        const via = { proxyPort, host: `m${next}.bench.test`, port: 443, path: '/v1' };
        next += 1;
        const socket = await openTunnel(via);
        await post(socket, via, false);
        socket.destroy();
      }
    }),
  );
}

export async function memoryCase(bench: Bench): Promise<readonly Finding[]> {
  const daemon = await startOutpost(bench.upstream);
  try {
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const idle = rssMb(daemon.pid);
    const half = bench.quick ? 200 : 2_000;
    await visit(daemon.proxyPort, 0, half);
    const first = rssMb(daemon.pid);
    await visit(daemon.proxyPort, half, half * 2);
    const second = rssMb(daemon.pid);
    bench.print(
      `  idle ${idle.toFixed(0)} MB, after ${half} hosts ${first.toFixed(0)} MB, after ${half * 2} hosts ${second.toFixed(0)} MB`,
    );
    return [
      { name: 'RSS idle', value: `${idle.toFixed(0)} MB`, bar: '<= 110 MB', holds: idle <= 110 },
      {
        name: `RSS growth from host ${half} to host ${half * 2}`,
        value: `${(second - first).toFixed(0)} MB`,
        // A new context is about 240 KB (mitm.md 3.6): unbounded, 2,000 hosts would add about 480 MB.
        bar: 'flat: <= 40 MB',
        holds: second - first <= 40,
      },
    ];
  } finally {
    await daemon.stop();
  }
}
