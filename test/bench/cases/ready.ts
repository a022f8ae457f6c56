// SPDX-License-Identifier: Apache-2.0
// From the start of the daemon's process to the moment when it serves: sources and executable in turn, on a folder that has been used before.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { median } from '../client.ts';
import { EXECUTABLE, type Program, programs, runProgram } from '../daemon-programs.ts';
import { loadNow } from '../load.ts';
import { cpuMs, stopChild } from '../process.ts';
import type { Bench, Finding } from './types.ts';

const BAR_MS = 700;

export async function readyCase(bench: Bench): Promise<readonly Finding[]> {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-bench-'));
  const figures = new Map(programs().map((program) => [program, { ms: [] as number[], cpu: [] as number[] }]));
  const once = async (program: Program): Promise<{ ms: number; cpu: number }> => {
    const begun = performance.now();
    const { child, pid } = await runProgram(program, join(folder, program.name));
    const found = { ms: performance.now() - begun, cpu: cpuMs(pid) };
    await stopChild(child);
    return found;
  };
  try {
    // The first start makes keys and the compile cache; it is no start of every day.
    for (const program of figures.keys())
      bench.print(`  first start, ${program.name}: ${(await once(program)).ms.toFixed(0)} ms`);
    for (let round = 0; round < (bench.quick ? 3 : 11); round++) {
      for (const [program, { ms, cpu }] of figures) {
        const found = await once(program);
        ms.push(found.ms);
        cpu.push(found.cpu);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const findings = [...figures].map(([{ name }, { ms, cpu }]): Finding => {
    const value = median(ms);
    const all = ms.map((each) => each.toFixed(0)).join(' ');
    bench.print(`  ${name}: ${value.toFixed(0)} ms (${all}), ${median(cpu)} ms CPU; ${loadNow()}`);
    return {
      name: `start to ready, ${name}`,
      value: `${value.toFixed(0)} ms`,
      bar: `<= ${BAR_MS} ms`,
      holds: value <= BAR_MS,
    };
  });
  if (findings.length > 1) return findings;
  const reason = `there is no ${EXECUTABLE}; build it: node build/daemon.mjs`;
  return [
    ...findings,
    { name: 'start to ready, executable', value: undefined, bar: `<= ${BAR_MS} ms`, holds: false, reason },
  ];
}
