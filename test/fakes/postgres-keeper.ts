// SPDX-License-Identifier: Apache-2.0
// The process that keeps a throw-away PostgreSQL: makes the cluster, runs the server, and when its own standard input ends (its parent
// stopped or died, even by SIGKILL) ends the server and removes the folder. Says where the server is in one line of JSON on standard
// output. Argument: KeeperOptions as JSON. Knows nothing of tests.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface KeeperOptions {
  /** Folder of PostgreSQL's programs. */
  readonly bin: string;
  readonly fsync: boolean;
}

export interface Kept {
  readonly url: string;
  /** Of the server. */
  readonly pid: number;
}

const USER = 'outpost';
/** Another process may take the port between our look and the server's start. */
const PORTS_TO_TRY = 10;
/** Characters of the server's log that are kept, to say why it did not start. */
const TAIL = 4000;

const { bin, fsync } = JSON.parse(process.argv[2] ?? '') as KeeperOptions;

/** PostgreSQL refuses to run as root: then as the user of its package, or as nobody. */
function otherUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = ['-u', '-g'].map((flag) =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })),
      );
      if (uid !== undefined && gid !== undefined && uid > 0) return { uid, gid };
    } catch {
      // There is no such user.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody');
}

const user = otherUser();
const folder = mkdtempSync(join(tmpdir(), 'outpost-postgres-'));
const data = join(folder, 'data');
let running: ChildProcess | undefined;
let leaving = false;

/** Ends what runs: to initdb SIGQUIT means to clean up, to the server to stop at once. */
function leave(): void {
  leaving = true;
  running?.kill('SIGQUIT');
}

/** Starts a program; `log` is the end of what it has said, `exited` resolves to its exit code. */
function start(program: string, args: readonly string[]) {
  const child = spawn(join(bin, program), args, {
    cwd: folder,
    // What it says is read here and must not be translated.
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...user,
  });
  running = child;
  const state = { log: '' };
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    state.log = (state.log + piece).slice(-TAIL);
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { child, state, exited };
}

async function makeCluster(password: string): Promise<void> {
  const file = join(folder, 'password');
  writeFileSync(file, password, { mode: 0o600 });
  if (user !== undefined) chownSync(file, user.uid, user.gid);
  const initdb = start('initdb', [
    `--pgdata=${data}`,
    `--username=${USER}`,
    '--auth=scram-sha-256',
    `--pwfile=${file}`,
    '--encoding=UTF8',
    '--locale=C',
    // What a test makes after this is synced if it is to be; an empty cluster need not be.
    '--no-sync',
  ]);
  const code = await initdb.exited;
  rmSync(file);
  if (code !== 0 && !leaving) throw new Error(`initdb: ${initdb.state.log}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when the server answers; undefined when its port was taken from under it. */
async function startServer(port: number) {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    fsync: fsync ? 'on' : 'off',
    full_page_writes: fsync ? 'on' : 'off',
    synchronous_commit: 'on',
    shared_buffers: '32MB',
    // In files of the folder: nothing stays in memory if the server is killed.
    dynamic_shared_memory_type: 'mmap',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = start('postgres', ['-D', data, ...args]);
  const ready = new Promise<'ready'>((resolve) => {
    const look = (): void => {
      if (!server.state.log.includes('ready to accept connections')) return;
      server.child.stderr.off('data', look);
      resolve('ready');
    };
    server.child.stderr.on('data', look);
  });
  if ((await Promise.race([ready, server.exited])) === 'ready') return server;
  if (leaving || /could not bind|could not create any TCP\/IP sockets/.test(server.state.log)) return undefined;
  throw new Error(`postgres: ${server.state.log}`);
}

/** A server that was killed leaves its file postmaster.pid, and outside the folder the memory whose key and id are in its 7th line. */
function removeSharedMemory(): void {
  try {
    const [, id = ''] = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[6]?.trim().split(/\s+/) ?? [];
    execFileSync('ipcrm', ['-m', id], { stdio: 'ignore' });
  } catch {
    // It ended well, or this system has no such memory.
  }
}

async function keep(): Promise<void> {
  const password = randomBytes(24).toString('base64url');
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  chmodSync(folder, 0o700);
  await makeCluster(password);
  for (let tries = 0; tries < PORTS_TO_TRY && !leaving; tries++) {
    const port = await freePort();
    if (leaving) return;
    const server = await startServer(port);
    if (server === undefined) continue;
    const url = `postgres://${USER}:${password}@127.0.0.1:${port}/postgres`;
    const kept: Kept = { url, pid: server.child.pid ?? 0 };
    process.stdout.write(`${JSON.stringify(kept)}\n`);
    await server.exited;
    removeSharedMemory();
    return;
  }
  if (!leaving) throw new Error(`no port was free in ${PORTS_TO_TRY} attempts`);
}

process.stdin.resume().once('close', leave);
// Whoever should hear it may be gone; that is what standard input is for.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, leave);
try {
  await keep();
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(error instanceof Error ? error.message : String(error));
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
process.stdin.destroy();
