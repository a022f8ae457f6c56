// SPDX-License-Identifier: Apache-2.0
// Runs the project's own programs: a command to its end, or a server that serves until it is stopped. For the demonstration.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const START_LIMIT_MS = 30_000;
/** Each server stops in under 2 s; then it is killed. */
const STOP_LIMIT_MS = 1_900;

export interface Serving<Ready> {
  readonly ready: Ready;
  /** Settles when the process has ended, with what it last said. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

/** Program and first arguments for `proxy/outpost.mjs` and the like. OUTPOST_TEST_EXECUTABLE names what is tested in its place. */
function programOf(entry: string): readonly [program: string, args: readonly string[]] {
  const executable = process.env.OUTPOST_TEST_EXECUTABLE;
  if (executable !== undefined && entry === 'proxy/outpost.mjs') return [executable, []];
  return [process.execPath, [fileURLToPath(new URL(`../../src/${entry}`, import.meta.url))]];
}

/** What is started does not outlive this process, however that ends. Returns what takes this back. */
function killAtExit(child: ChildProcess): () => void {
  const kill = () => void child.kill('SIGKILL');
  // Before the folders that it works in are removed.
  process.prependOnceListener('exit', kill);
  return () => process.off('exit', kill);
}

/** The standard output of a program of ours (`proxy/outpost.mjs`). Rejects with its complaint. */
export function runProgram(entry: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const [program, first] = programOf(entry);
    const child = spawn(program, [...first, ...args], { stdio: 'pipe' });
    const forget = killAtExit(child);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      forget();
      if (code === 0) resolve(stdout);
      else
        reject(new Error([stderr, stdout, `${entry} ended with ${code}`].find((text) => text.trim() !== '')?.trim()));
    });
    // One that reads nothing has ended before this arrives.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** Starts a server of ours; resolves when it has written its ready file. Rejects with what it said. */
export async function startProgram<Ready>(
  entry: string,
  args: readonly string[],
  readyFile: string,
): Promise<Serving<Ready>> {
  rmSync(readyFile, { force: true });
  // Its own process group: a Ctrl-C in the terminal reaches us alone, and we stop it in order.
  const [program, first] = programOf(entry);
  const child = spawn(program, [...first, ...args, '--ready-file', readyFile], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const forget = killAtExit(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', () => {
      forget();
      resolve(said.trim());
    });
  });
  const ready = await waitReady<Ready>(child, readyFile, () => said);
  return {
    ready,
    ended,
    async stop() {
      child.kill('SIGTERM');
      const late = new AbortController();
      const limit = pause(STOP_LIMIT_MS, undefined, { signal: late.signal }).then(
        () => child.kill('SIGKILL'),
        () => undefined,
      );
      await ended;
      late.abort();
      await limit;
    },
  };
}

async function waitReady<Ready>(child: ChildProcess, readyFile: string, said: () => string): Promise<Ready> {
  const deadline = performance.now() + START_LIMIT_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(said().trim());
    if (existsSync(readyFile)) return JSON.parse(readFileSync(readyFile, 'utf8')) as Ready;
    await pause(25);
  }
  child.kill('SIGKILL');
  throw new Error(`not ready within ${START_LIMIT_MS / 1000} s\n${said()}`.trim());
}
