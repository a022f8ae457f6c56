// SPDX-License-Identifier: Apache-2.0
// Failover beside @portkey-ai/gateway in one run: what a failing primary costs over the backup's own time, how many calls reach a dead
// primary, and how soon the provider sees that the caller has left. Providers are simulated, in this process.

import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { startAgent } from '../../fakes/agent.ts';
import { SimulatedProvider } from '../../fakes/provider/simulated-provider.ts';
import { median } from '../client.ts';
import { startPortkey } from '../portkey.ts';
import type { Bench, Finding } from './types.ts';

const FAILOVER = { name: 'failover on a fast failure, over the backup’s own time, p95', bar: '<= 30 ms' };
const DEAD = { name: 'of 12 calls to a dead primary, calls that reach it', bar: '<= 3' };
const CANCEL = { name: 'from the caller’s leaving to the provider’s closed connection, worst', bar: '<= 100 ms' };

interface Ask {
  readonly port: number;
  readonly path: string;
  readonly headers?: string;
  readonly body: string;
}

function isWhole(seen: string): boolean {
  const end = seen.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(seen.slice(0, end))?.[1];
  return length === undefined ? seen.endsWith('0\r\n\r\n') : seen.length >= end + 4 + Number(length);
}

/** One call on a connection of its own; resolves with its milliseconds and the status. */
function ask({ port, path, headers = '', body }: Ask): Promise<{ readonly ms: number; readonly status: number }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    let seen = '';
    let started = 0;
    socket.once('connect', () => {
      started = performance.now();
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\nAuthorization: Bearer bench\r\n${headers}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    });
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      // Not the end of the connection: some servers keep it open, whatever they are asked.
      if (!isWhole(seen)) return;
      resolve({ ms: performance.now() - started, status: Number(/^HTTP\/1\.1 (\d+)/.exec(seen)?.[1] ?? 0) });
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed before the answer was whole')));
  });
}

/** Leaves after the first bytes of a stream (or at once, while held); resolves with the milliseconds until `gone` says so. */
function leave(asked: Ask, after: 'held' | 'content', gone: () => Promise<unknown>): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: asked.port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.write(
        `POST ${asked.path} HTTP/1.1\r\nHost: 127.0.0.1:${asked.port}\r\n${asked.headers ?? ''}Authorization: Bearer bench\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(asked.body)}\r\n\r\n${asked.body}`,
      );
    });
    const go = (): void => {
      const left = performance.now();
      socket.destroy();
      void gone().then(() => resolve(performance.now() - left), reject);
    };
    if (after === 'content') socket.once('data', go);
    else setTimeout(go, 300);
  });
}

const body = (model: string, stream = false): string =>
  JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'y'.repeat(820) }] });

function p95(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? Number.NaN;
}

export async function failoverCase(bench: Bench): Promise<readonly Finding[]> {
  const rounds = bench.quick ? 20 : 200;
  const primary = await new SimulatedProvider({ fault: { status: 503 } }).listen();
  const dead = await new SimulatedProvider({ fault: { status: 500 } }).listen();
  const backup = await new SimulatedProvider({ pieces: 4 }).listen();
  const anthropic = await new SimulatedProvider({ pieces: 4 }).listen();
  const agent = await startAgent({
    config: `providers:
  - { name: primary, type: openai, base_url: "${primary.origin}/v1", api_key: k1, routing: { breaker: { failures: 100, failure_ratio: 1, window: 1000, window_min: 1000 } } }
  - { name: dead, type: openai, base_url: "${dead.origin}/v1", api_key: k2 }
  - { name: backup, type: openai-compatible, base_url: "${backup.origin}/v1", api_key: k3 }
  - { name: anthropic, type: anthropic, base_url: "${anthropic.origin}", api_key: k4 }
routes:
  - { id: plain, model: plain, fallbacks: [{ provider: backup }] }
  - { id: same, model: same, fallbacks: [{ provider: primary }, { provider: backup }], routing: { affinity: { enabled: false } } }
  - { id: other, model: other, fallbacks: [{ provider: primary }, { provider: anthropic, model: claude }], routing: { affinity: { enabled: false } } }
  - { id: dead, model: dead, fallbacks: [{ provider: dead }, { provider: backup }], routing: { affinity: { enabled: false } } }
`,
  });
  const started = await startPortkey();
  const portkey = typeof started === 'string' ? undefined : started;
  if (typeof started === 'string') bench.print(`  portkey: ${started}`);
  try {
    const ours = (model: string): Ask => ({
      port: agent.gatewayPort,
      path: '/primary/v1/chat/completions',
      body: body(model),
    });
    const config = (first: string, second: string): string =>
      `x-portkey-config: ${JSON.stringify({
        strategy: { mode: 'fallback' },
        targets: [first, second].map((origin) => ({
          provider: 'openai',
          api_key: 'k',
          custom_host: `${origin}/v1`,
        })),
      })}\r\n`;
    const theirs = (first: string): Ask => ({
      port: portkey?.port ?? 0,
      path: '/v1/chat/completions',
      headers: config(first, backup.origin),
      body: body('same'),
    });
    const cases: [string, Ask | undefined][] = [
      ['backup alone', ours('plain')],
      ['same dialect', ours('same')],
      ['translated', ours('other')],
      ['portkey backup alone', portkey === undefined ? undefined : theirs(backup.origin)],
      ['portkey failover', portkey === undefined ? undefined : theirs(primary.origin)],
    ];
    const times = new Map<string, number[]>(cases.map(([name]) => [name, []]));
    for (let round = -10; round < rounds; round += 1) {
      for (const [name, asked] of cases) {
        if (asked === undefined) continue;

        const { ms, status } = await ask(asked);
        if (status !== 200) throw new Error(`${name}: status ${status}`);
        if (round >= 0) times.get(name)?.push(ms);
      }
    }
    for (const [name, values] of times) {
      if (values.length > 0) {
        bench.print(`  ${name.padEnd(22)} p50 ${median(values).toFixed(2)} ms, p95 ${p95(values).toFixed(2)} ms`);
      }
    }
    const alone = median(times.get('backup alone') ?? []);
    const over = Math.max(p95(times.get('same dialect') ?? []), p95(times.get('translated') ?? [])) - alone;

    const before = dead.requests.length;
    for (let call = 0; call < 12; call += 1) await ask(ours('dead'));
    const reached = dead.requests.length - before;
    let portkeyReached: number | undefined;
    if (portkey !== undefined) {
      const since = dead.requests.length;
      for (let call = 0; call < 12; call += 1) await ask({ ...theirs(dead.origin), body: body('dead') });
      portkeyReached = dead.requests.length - since;
    }
    bench.print(`  12 calls, primary dead: ${reached} reached it (portkey: ${portkeyReached ?? 'not run'})`);

    const cancels: number[] = [];
    for (const [model, after] of [
      ['plain+hang=head', 'held'],
      ['plain+stall=preamble', 'held'],
      ['plain+stall=3', 'content'],
    ] as const) {
      const known = backup.requests.length;
      const asked = { ...ours('x'), path: '/backup/v1/chat/completions', body: body(model, true) };
      cancels.push(
        await leave(asked, after, () =>
          backup.waitFor((request) => backup.requests.indexOf(request) >= known && request.state === 'client-left'),
        ),
      );
    }
    bench.print(`  cancel seen by the provider after ${cancels.map((ms) => ms.toFixed(1)).join(', ')} ms`);
    const worst = Math.max(...cancels);
    return [
      { ...FAILOVER, value: `${over.toFixed(2)} ms`, holds: over <= 30 },
      {
        ...DEAD,
        value: `${reached}${portkeyReached === undefined ? '' : ` (portkey ${portkeyReached})`}`,
        holds: reached <= 3,
      },
      { ...CANCEL, value: `${worst.toFixed(1)} ms`, holds: worst <= 100 },
    ];
  } finally {
    await portkey?.stop();
    await agent.stop();
    for (const provider of [primary, dead, backup, anthropic]) await provider.close();
  }
}
