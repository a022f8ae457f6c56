// SPDX-License-Identifier: Apache-2.0
// Owns: by what the control plane knows this installation again after it has enrolled anew. Must not know what follows from that.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { darwinMachine } from './darwin.ts';
import { linuxMachine } from './linux.ts';
import { win32Machine } from './win32.ts';

/** What a program of the system prints; empty: it could not be run. */
export type ReadProgram = (file: string, args: readonly string[]) => string;

/** Milliseconds. Both programs take some tens. */
const TIMEOUT_MS = 2_000;

const readProgram: ReadProgram = (file, args) => {
  try {
    const limits = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 1 << 20, windowsHide: true } as const;
    return execFileSync(file, [...args], { ...limits, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
};

/** Asked once: it stays, and the thread waits for it. */
let known: { readonly machine: string | undefined } | undefined;

/**
 * The machine and, shortened to a mark, where the data of this agent lies on it: each user of a machine has an agent of their own.
 * Undefined: the machine cannot be told from others.
 */
export function machineId(platform: NodeJS.Platform, dataDir: string): string | undefined {
  known ??= { machine: machineOf(platform, readProgram, (path) => readFileSync(path, 'utf8')) };
  return known.machine === undefined ? undefined : withPlace(known.machine, resolve(dataDir));
}

export function machineOf(
  platform: NodeJS.Platform,
  read: ReadProgram,
  readFile: (path: string) => string,
): string | undefined {
  if (platform === 'darwin') return darwinMachine(read);
  if (platform === 'win32') return win32Machine(read);
  return linuxMachine(readFile);
}

/** A path may have a name in it: only its hash with the machine leaves this machine. */
export function withPlace(machine: string, dataDir: string): string {
  return `${machine}/${createHash('sha256').update(`${machine}\n${dataDir}`).digest('hex').slice(0, 8)}`;
}
