// SPDX-License-Identifier: Apache-2.0
// The real daemon as a child process. For the demonstration.

import { join } from 'node:path';
import type { Ready } from '../../src/contract/data-files.ts';
import { runProgram, type Serving, startProgram } from './project-process.ts';

const OUTPOST = 'proxy/outpost.mjs';

export interface DaemonProcess extends Serving<Ready> {
  readonly dataDir: string;
  /** The output of `outpost ARGS --data-dir …`. Rejects with its complaint. */
  outpost(...args: readonly string[]): Promise<string>;
}

/** `outpost ARGS` for the device of this folder, whether its daemon runs or not. */
export function runOutpost(dataDir: string, args: readonly string[], input?: string): Promise<string> {
  return runProgram(OUTPOST, [...args, '--data-dir', dataDir], input);
}

/** Resolves when it serves, on free ports. */
export async function startDaemonProcess(configPath: string, dataDir: string): Promise<DaemonProcess> {
  const ports = ['--proxy-port', '0', '--gateway-port', '0', '--api-port', '0'];
  const args = ['run', '--config', configPath, '--data-dir', dataDir, ...ports];
  const serving = await startProgram<Ready>(OUTPOST, args, join(dataDir, 'ready.json'));
  return { ...serving, dataDir, outpost: (...words) => runOutpost(dataDir, words) };
}
