// SPDX-License-Identifier: Apache-2.0
// What processes cost while nothing happens: memory, CPU and how often they are woken, from procfs.

import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { cpuMs } from './process.ts';

export interface Idle {
  readonly processes: number;
  /** Summed over the processes, MB; shared pages are counted once (PSS). */
  readonly pssMb: number;
  /** Milliseconds of CPU a second. */
  readonly cpu: number;
  /** Times a second that a thread gave its processor back and was woken again. */
  readonly wakeUps: number;
}

/** A process and all that it started, without `except` and what that started. */
export function treeOf(pid: number, except?: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // Gone meanwhile.
    }
  }
  const found = [pid];
  for (const each of found) found.push(...(children.get(each) ?? []).filter((child) => child !== except));
  return found;
}

function switches(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
      sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    } catch {
      // The thread has ended.
    }
  }
  return sum;
}

/** Memory of processes, MB: each shared page counts once. */
export function pssMb(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    try {
      return (
        sum + Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1_024
      );
    } catch {
      return sum;
    }
  }, 0);
}

/** Looks at the processes for this long. None of them may end meanwhile. */
export async function watchIdle(pids: readonly number[], seconds: number): Promise<Idle> {
  const now = () => ({
    at: performance.now(),
    cpu: pids.reduce((sum, each) => sum + cpuMs(each), 0),
    switches: pids.reduce((sum, each) => sum + switches(each), 0),
  });
  const before = now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const after = now();
  const passed = (after.at - before.at) / 1_000;
  return {
    processes: pids.length,
    pssMb: pssMb(pids),
    cpu: (after.cpu - before.cpu) / passed,
    wakeUps: (after.switches - before.switches) / passed,
  };
}

export function idleText({ processes, pssMb: memory, cpu, wakeUps }: Idle): string {
  return `${memory.toFixed(0)} MB in ${processes} processes, ${cpu.toFixed(2)} ms CPU a second, ${wakeUps.toFixed(1)} wake-ups a second`;
}
