// SPDX-License-Identifier: Apache-2.0
// What a bench case gets and gives.

import type { Via } from '../client.ts';
import type { BenchDaemon } from '../outpost.ts';
import type { Started } from '../process.ts';

export interface Bench {
  readonly upstream: {
    readonly port: number;
    readonly plainPort: number;
    readonly ca: string;
    readonly key: string;
    readonly chain: string;
  };
  readonly bare: Started<{ port: number }>;
  readonly shipped: Started<{ port: number }>;
  readonly outpost: BenchDaemon;
  readonly quick: boolean;
  print(line: string): void;
}

/** A figure against its bar. `value` undefined: it could not be measured here, for `reason`. */
export interface Finding {
  readonly name: string;
  readonly value: string | undefined;
  readonly bar: string;
  readonly holds: boolean;
  readonly reason?: string;
}

export interface Target {
  readonly name: string;
  readonly pid: number | undefined;
  readonly via: Via;
}

/** The four ways to the same answer. `host` for the proxies that mint certificates. */
export function targets(bench: Bench): readonly Target[] {
  const { port } = bench.upstream;
  return [
    { name: 'direct', pid: undefined, via: { proxyPort: undefined, host: 'localhost', port, path: '/v1' } },
    {
      name: 'bare',
      pid: bench.bare.pid,
      via: { proxyPort: bench.bare.ready.port, host: 'api.openai.com', port: 443, path: '/v1' },
    },
    {
      name: 'http-mitm-proxy',
      pid: bench.shipped.pid,
      via: { proxyPort: bench.shipped.ready.port, host: 'api.openai.com', port: 443, path: '/v1' },
    },
    {
      name: 'outpost',
      pid: bench.outpost.pid,
      via: { proxyPort: bench.outpost.proxyPort, host: 'api.openai.com', port: 443, path: '/v1' },
    },
  ];
}

export function ratio(value: number): string {
  return `${value.toFixed(2)} x`;
}
