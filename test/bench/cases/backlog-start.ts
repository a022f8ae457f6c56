// SPDX-License-Identifier: Apache-2.0
// From the start of an enrolled daemon to the moment when it serves, with 100,000 audit rows that were never sent, and without: its control
// plane is gone, as when they gathered. Alternating, on copies of one folder.

import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { startAgent } from '../../fakes/agent.ts';
import { startPlane } from '../../simulation/plane.ts';
import { median } from '../client.ts';
import { loadNow } from '../load.ts';
import { cpuMs } from '../process.ts';
import { makeQueue } from '../queue.ts';
import { type Bench, type Finding, ratio } from './types.ts';

const BAR_MS = 1_000;
/** Milliseconds. */
const ENROLS_WITHIN = 60_000;

export async function backlogStartCase(bench: Bench): Promise<readonly Finding[]> {
  const rows = bench.quick ? 10_000 : 100_000;
  const name = `start of a daemon with ${rows} unsent rows`;
  const bar = `<= ${BAR_MS} ms`;
  // Managed settings count only when they are the administrator's.
  if (process.getuid?.() !== 0) {
    return [{ name, value: undefined, bar, holds: false, reason: 'only root can enrol a device here' }];
  }
  const folder = mkdtempSync(join(tmpdir(), 'outpost-bench-'));
  try {
    const [without, laden] = [join(folder, 'without'), join(folder, 'with')];
    const managed = join(folder, 'managed.json');
    await enrolIn(without, managed);
    cpSync(without, laden, { recursive: true });
    const { chars } = makeQueue(join(laden, 'data', 'audit'), rows);
    const args = ['--managed', managed];
    const times = { without: [] as number[], with: [] as number[] };
    const cpu = { without: [] as number[], with: [] as number[] };
    for (let round = 0; round < (bench.quick ? 2 : 7); round++) {
      for (const [which, path] of [
        ['without', without],
        ['with', laden],
      ] as const) {
        const begun = performance.now();
        const agent = await startAgent({ config: '{}', folder: path, args });
        times[which].push(performance.now() - begun);
        cpu[which].push(cpuMs(agent.ready.pid));
        await agent.stop();
      }
    }
    const [usual, value] = [median(times.without), median(times.with)];
    const all = (of: readonly number[]): string => of.map((each) => each.toFixed(0)).join(' ');
    bench.print(
      `  without rows: ${usual.toFixed(0)} ms (${all(times.without)}), ${median(cpu.without)} ms CPU; ${loadNow()}`,
    );
    bench.print(
      `  with ${rows} rows, ${(chars / 1e6).toFixed(0)} MB of text: ${value.toFixed(0)} ms (${all(times.with)}), ${median(cpu.with)} ms CPU; ${ratio(value / usual)} of the time, ${ratio(median(cpu.with) / median(cpu.without))} of the CPU`,
    );
    return [{ name, value: `${value.toFixed(0)} ms (${usual.toFixed(0)} without)`, bar, holds: value <= BAR_MS }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A daemon that has enrolled and has a policy, stopped; its control plane is gone afterwards. */
async function enrolIn(folder: string, managed: string): Promise<void> {
  const plane = await startPlane({ devices: 0 });
  try {
    await plane.publish('models: {deny: ["old-*"]}');
    const { url, org, token, root } = plane;
    writeFileSync(managed, JSON.stringify({ organisation: { url, org, token, root } }), { mode: 0o600 });
    mkdirSync(folder);
    const agent = await startAgent({ config: '{}', folder, args: ['--managed', managed] });
    const begun = performance.now();
    while (!existsSync(join(agent.dataDir, 'org', 'policy.current'))) {
      if (performance.now() - begun > ENROLS_WITHIN) throw new Error(`the daemon did not enrol:\n${agent.log()}`);
      await pause(50);
    }
    await agent.stop();
  } finally {
    await plane.stop();
  }
}
