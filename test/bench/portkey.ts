// SPDX-License-Identifier: Apache-2.0
// @portkey-ai/gateway as it is installed today, for comparison: installed into a scratch folder, on a free port, gone afterwards.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopChild } from './process.ts';

export interface Portkey {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Installed anew each time: a script in a folder that others can write would be theirs. Overrides: with newer servers every stream is a 500 (gateways.md 1.2). */
function installPortkey(folder: string): string {
  const script = join(folder, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js');
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({
      private: true,
      dependencies: { '@portkey-ai/gateway': '1.15.2' },
      overrides: { '@hono/node-server': '1.13.5' },
    }),
  );
  execFileSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'ignore', timeout: 240_000 });
  return script;
}

/** A sentence instead: why it cannot be run here. */
export async function startPortkey(): Promise<Portkey | string> {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-bench-portkey-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  let script: string;
  try {
    script = installPortkey(folder);
  } catch (error) {
    remove();
    return `it could not be installed: ${error instanceof Error ? error.message.split('\n', 1)[0] : error}`;
  }
  const port = await freePort();
  const child = spawn(process.execPath, [script, '--headless', `--port=${port}`], { stdio: 'ignore' });
  const stop = async (): Promise<void> => {
    await stopChild(child);
    remove();
  };
  try {
    await until(() => reachable(port));
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, pid: child.pid ?? 0, stop };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

function reachable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('portkey did not start');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
