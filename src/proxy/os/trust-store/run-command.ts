// SPDX-License-Identifier: Apache-2.0
// Owns: running one of the system's own programs to its end. Must not know which or why.
import { execFile } from 'node:child_process';
import type { RunCommand } from './trust-store.ts';

/** `update-ca-certificates` takes seconds on a slow disk; macOS may wait for a password to be typed. */
const TIMEOUT_MS = 120_000;

export const runCommand: RunCommand = (file, args) =>
  new Promise((resolve) => {
    execFile(
      file,
      [...args],
      { timeout: TIMEOUT_MS, maxBuffer: 1 << 20, encoding: 'utf8' },
      (error, _stdout, stderr) => {
        if (error === null) resolve({ status: 0, stderr });
        else resolve({ status: typeof error.code === 'number' ? error.code : undefined, stderr });
      },
    );
  });
