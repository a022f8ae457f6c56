// SPDX-License-Identifier: Apache-2.0
// The daemon as the bench can start it: from the sources, and as the executable of a package where one was built (`node build/daemon.mjs`).

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { API_TOKEN_FILE } from '../../src/contract/data-files.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const EXECUTABLE = process.env['OUTPOST_TEST_EXECUTABLE'] ?? join(ROOT, 'dist', 'daemon', 'outpost');

export interface Program {
  readonly name: 'sources' | 'executable';
  readonly command: string;
  readonly args: readonly string[];
}

/** The executable last; it is left out where it was not built. */
export function programs(): readonly Program[] {
  const sources = {
    name: 'sources',
    command: process.execPath,
    args: [join(ROOT, 'src', 'proxy', 'outpost.mjs')],
  } as const;
  return existsSync(EXECUTABLE) ? [sources, { name: 'executable', command: EXECUTABLE, args: [] } as const] : [sources];
}

export interface RunningProgram {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly dataDir: string;
  readonly tokenFile: string;
}

/** Resolves when it says that it serves (its first line). The folder is made, and kept. */
export async function runProgram(program: Program, folder: string): Promise<RunningProgram> {
  const dataDir = join(folder, 'data');
  const config = join(folder, 'outpost.yaml');
  mkdirSync(folder, { recursive: true });
  if (!existsSync(config)) writeFileSync(config, '{}\n');
  const ports = ['--proxy-port', '0', '--gateway-port', '0', '--api-port', '0'];
  const child = spawn(program.command, [...program.args, 'run', '--config', config, '--data-dir', dataDir, ...ports], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString('utf8');
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${program.name} ended with ${code}\n${words}`);
  });
  ended.catch(() => undefined);
  await Promise.race([once(child.stdout, 'data'), ended]);
  child.stdout.resume();
  return { child, pid: child.pid ?? 0, dataDir, tokenFile: join(dataDir, API_TOKEN_FILE) };
}
