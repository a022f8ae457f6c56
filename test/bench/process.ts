// SPDX-License-Identifier: Apache-2.0
// The bench's own processes: started on loopback, told apart by pid, measured through procfs, ended by pid.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Linux reports CPU time in clock ticks; USER_HZ is 100 on every architecture that Node runs on. */
const MS_PER_TICK = 10;

export interface Started<Ready> {
  readonly pid: number;
  readonly ready: Ready;
  stop(): Promise<void>;
}

/** Starts one of the bench's scripts; it says its ready value as its first IPC message. */
export async function startScript<Ready>(
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Started<Ready>> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${script} ended with ${code}`);
  });
  ended.catch(() => undefined);
  const [ready] = (await Promise.race([once(child, 'message'), ended])) as [Ready];
  return { pid: child.pid as number, ready, stop: () => stopChild(child) };
}

export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), 3_000);
  await exit;
  clearTimeout(hard);
}

/** User and system CPU of a process with all its threads, milliseconds (10 ms steps: measure over seconds). */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** Resident memory, MiB. */
export function rssMb(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? 0) / 1024;
}
