// SPDX-License-Identifier: Apache-2.0
// Runs `outpost-admin`: as a process of its own, or in this one with a clock and streams of the test.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../src/contract/clock.ts';
import { main } from '../../src/control-plane/cli/main.ts';

const ENTRY = fileURLToPath(new URL('../../src/control-plane/outpost-admin.mjs', import.meta.url));

export interface AdminResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON. */
  json<T = Record<string, unknown>>(): T;
}

export interface AdminInput {
  readonly stdin?: string;
  readonly env?: NodeJS.ProcessEnv;
}

function resultOf(code: number | null, stdout: string, stderr: string): AdminResult {
  return {
    code,
    stdout,
    stderr,
    json: <T>() => {
      if (stdout === '') throw new Error(`no output; code ${code}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
  };
}

/** The real command. */
export async function runAdmin(
  args: readonly string[],
  { stdin = '', env = {} }: AdminInput = {},
): Promise<AdminResult> {
  const child = spawn(process.execPath, [ENTRY, ...args], { env: { ...process.env, ...env } });
  // A command that reads nothing may have ended.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return resultOf(await ended, stdout, stderr);
}

/** The same without a process. */
export async function adminHere(
  args: readonly string[],
  { clock, stdin = '', env = {}, isTTY = false }: AdminInput & { readonly clock: Clock; readonly isTTY?: boolean },
): Promise<AdminResult> {
  const [stdout, stderr] = [Object.assign(new PassThrough(), { isTTY }), new PassThrough()];
  const said = Promise.all([text(stdout), text(stderr)]);
  async function* input(): AsyncGenerator<Buffer> {
    yield Buffer.from(stdin);
  }
  const io = { stdin: input(), stdout, stderr, env, clock, random: randomBytes, osUser: 'tester' };
  const code = await main(args, io);
  stdout.end();
  stderr.end();
  const [out, err] = await said;
  return resultOf(code, out, err);
}
