// SPDX-License-Identifier: Apache-2.0
// Owns: running one of the system's own programs with a text on its standard input, for a limited time. Must not know which or why.

import { execFile } from 'node:child_process';

export interface ProgramResult {
  /** Exit status; undefined: it could not be started, or its time ran out. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Where a secret goes: arguments are seen by everybody on the machine. */
  readonly input?: string;
  /** Milliseconds; then the program is killed. */
  readonly timeoutMs: number;
}

/** Runs a program without a shell. Never rejects. */
export type RunProgram = (file: string, args: readonly string[], options: ProgramOptions) => Promise<ProgramResult>;

export const runProgram: RunProgram = (file, args, { input = '', timeoutMs }) =>
  new Promise((resolve) => {
    const limits = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 1 << 20, encoding: 'utf8' } as const;
    const child = execFile(file, [...args], { ...limits, windowsHide: true }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
      resolve({ status, stdout, stderr });
    });
    // A program that ends without reading it.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
