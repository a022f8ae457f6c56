// SPDX-License-Identifier: Apache-2.0
// The real daemon within the process of a test, so that its clock can be handed in: time goes by itself, and at a word of the test hours
// pass, or the machine sleeps. Everything else is what the daemon starts with. Knows no test.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, Timer } from '../../src/contract/clock.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { startDaemon } from '../../src/proxy/daemon.ts';
import { createLog } from '../../src/proxy/log.ts';
import type { Agent } from '../fakes/agent.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type Seen, send } from '../fakes/provider/client.ts';
import { gatewayToken } from './daemon-kit.ts';
import { type Json, type Question, question } from './failover-chain-kit.ts';

/**
 * How the clocks of platforms take sleep. `still`: the monotonic one stands still, and timers go on where they stopped (Linux, macOS).
 * `on`: it runs on, and on waking all timers are overdue at once, in the order in which they were due (Windows).
 */
export type SleepKind = 'still' | 'on';

/** How often time is passed on, and how much of it at most: what a busy machine makes the process wait is no wait of the daemon. Milliseconds. */
const STEP_MS = 5;
const LONGEST_STEP_MS = 10;

/** Goes as the system's clock does, and faster when told. */
export class TurnedClock implements Clock {
  readonly #fake = new FakeClock(systemClock.now());
  readonly #flow: Timer;
  #last = systemClock.monotonic();
  /** Neither clock shows less: while overdue timers run, it is already the time of waking. */
  #least = { wall: 0, monotonic: 0 };

  constructor() {
    this.#flow = systemClock.every(STEP_MS, () => {
      // Whole milliseconds: dates are.
      const passed = Math.floor(systemClock.monotonic() - this.#last);
      this.#last += passed;
      this.#fake.advance(Math.min(passed, LONGEST_STEP_MS));
    });
  }

  now(): number {
    return Math.max(this.#fake.now(), this.#least.wall);
  }

  monotonic(): number {
    return Math.max(this.#fake.monotonic(), this.#least.monotonic);
  }

  after(ms: number, fn: () => void): Timer {
    // What an overdue timer starts begins at the time of waking.
    const start = (): Timer => this.#fake.after(ms + this.monotonic() - this.#fake.monotonic(), fn);
    let timer = start();
    return {
      clear: () => timer.clear(),
      refresh: () => {
        timer.clear();
        timer = start();
      },
    };
  }

  every(ms: number, fn: () => void): Timer {
    return this.#fake.every(ms, fn);
  }

  /** The machine is awake, and so much time goes by. Milliseconds. */
  pass(ms: number): void {
    this.#fake.advance(ms);
  }

  /** Sleeps for so many milliseconds, and wakes up. */
  sleep(ms: number, kind: SleepKind): void {
    if (kind === 'still') return this.#fake.jumpWall(ms);
    this.#least = { wall: this.#fake.now() + ms, monotonic: this.#fake.monotonic() + ms };
    this.#fake.advance(ms);
  }

  stop(): void {
    this.#flow.clear();
  }
}

export interface ClockedDaemon {
  readonly clock: TurnedClock;
  readonly agent: Agent;
  /** A call through the gateway to the provider of this name. */
  ask(provider: string, asked: Question & { readonly model: string }): Promise<Seen>;
}

export async function startOnClock(config: Json): Promise<ClockedDaemon> {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-clock-'));
  const configPath = join(folder, 'outpost.yaml');
  const dataDir = join(folder, 'data');
  writeFileSync(configPath, JSON.stringify(config));
  const clock = new TurnedClock();
  let log = '';
  const write = (line: string): void => {
    log += line;
  };
  const daemon = await startDaemon({
    configPath,
    configRequired: true,
    managedPath: undefined,
    dataDir,
    ports: { proxy: 0, gateway: 0, api: 0 },
    readyFile: undefined,
    env: process.env,
    clock,
    log: createLog({ write, level: 'info', clock }),
  });
  const stop = async (): Promise<void> => {
    await daemon.stop();
    clock.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  const gatewayPort = Number(new URL(daemon.ready.gateway_url).port);
  return {
    clock,
    agent: {
      ready: daemon.ready,
      proxyPort: Number(new URL(daemon.ready.proxy_url).port),
      gatewayPort,
      dataDir,
      configPath,
      log: () => log,
      reconfigure: async (given) => writeFileSync(configPath, given),
      kill: stop,
      stop,
    },
    ask(provider, asked) {
      const { path, body } = question(asked.model, asked);
      return send({
        url: `http://127.0.0.1:${gatewayPort}/${provider}${path}`,
        headers: { 'content-type': 'application/json', ...gatewayToken(dataDir), ...asked.headers },
        body: JSON.stringify(body),
      });
    },
  };
}
