// SPDX-License-Identifier: Apache-2.0
// Starts the real daemon as a child process and waits until it serves. For the demonstration.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Ready } from '../../src/proxy/commands/data-files.ts';

const CLI = fileURLToPath(new URL('../../src/proxy/outpost.mjs', import.meta.url));

export interface DaemonProcess {
  readonly ready: Ready;
  readonly dataDir: string;
  /** Settles when the process has ended, with what it last said. */
  readonly ended: Promise<string>;
  /** The output of `outpost ARGS --data-dir …`. Rejects with its complaint. */
  outpost(...args: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 20_000;
/** The daemon stops in under 2 s; then it is killed. */
const STOP_LIMIT_MS = 1_900;

export async function startDaemonProcess(
  configPath: string,
  dataDir: string,
  ports: readonly string[] = ['--proxy-port', '0', '--gateway-port', '0', '--api-port', '0'],
): Promise<DaemonProcess> {
  const readyFile = join(dataDir, 'ready.json');
  rmSync(readyFile, { force: true });
  const options = ['--config', configPath, '--data-dir', dataDir, '--ready-file', readyFile, ...ports];
  // Its own process group: a Ctrl-C in the terminal reaches us alone, and we stop it in order.
  const child = spawn(process.execPath, [CLI, 'run', ...options], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', () => {
      process.off('exit', kill);
      resolve(said.trim());
    });
  });
  const ready = await waitReady(child, readyFile, () => said);
  return {
    ready,
    dataDir,
    ended,
    outpost: (...args) => outpost([...args, '--data-dir', dataDir]),
    async stop() {
      child.kill('SIGTERM');
      const late = new AbortController();
      const limit = pause(STOP_LIMIT_MS, undefined, { signal: late.signal }).then(kill, () => undefined);
      await ended;
      late.abort();
      await limit;
    },
  };
}

async function waitReady(child: ChildProcess, readyFile: string, said: () => string): Promise<Ready> {
  const deadline = performance.now() + START_LIMIT_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(said().trim());
    if (existsSync(readyFile)) return JSON.parse(readFileSync(readyFile, 'utf8')) as Ready;
    await pause(25);
  }
  child.kill('SIGKILL');
  throw new Error(`not ready within ${START_LIMIT_MS / 1000} s\n${said()}`.trim());
}

function outpost(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [CLI, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(stderr.trim() === '' ? error.message : stderr.trim()));
    });
  });
}
