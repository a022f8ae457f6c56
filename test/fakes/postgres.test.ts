// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, suite, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { findPostgres, type Postgres, startPostgres } from './postgres.ts';

const skip = findPostgres() === undefined ? 'PostgreSQL is not installed' : false;

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('a PostgreSQL that is missing is no error, unless it is required', () => {
  const env = { OUTPOST_PG_BIN: '/nowhere' };
  assert.equal(findPostgres(env), undefined);
  assert.throws(() => findPostgres({ ...env, OUTPOST_REQUIRE_POSTGRES: '1' }), /required.*\/nowhere/);
});

suite('a server', { skip }, () => {
  let server: Postgres;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  test('every database is a fresh and empty one', async () => {
    const [first, second] = await Promise.all([server.createDatabase(), server.createDatabase()]);
    await query(first, 'CREATE TABLE t (a int)');
    await query(second, 'CREATE TABLE t (a int)');
    assert.deepEqual(await query(first, 'SELECT * FROM t'), []);
    assert.deepEqual(await query(await server.createDatabase(), "SELECT * FROM pg_tables WHERE tablename = 't'"), []);
  });

  test('a commit waits for its log, whether or not the disk is asked to sync', async () => {
    const settings = await query(
      server.url,
      `SELECT name, setting FROM pg_settings WHERE name IN
      ('fsync', 'synchronous_commit', 'listen_addresses', 'unix_socket_directories', 'server_encoding') ORDER BY name`,
    );
    assert.deepEqual(
      settings.map(({ name, setting }) => `${name}=${setting}`),
      [
        'fsync=off',
        'listen_addresses=127.0.0.1',
        'server_encoding=UTF8',
        'synchronous_commit=on',
        'unix_socket_directories=',
      ],
    );
  });

  test('nobody gets in without the password, and it stands in no file and no argument', async () => {
    const { password } = new URL(server.url);
    for (const wrong of ['', 'wrong']) {
      const url = Object.assign(new URL(server.url), { password: wrong }).href;
      await assert.rejects(query(url, 'SELECT 1'));
    }
    const [row] = await query(server.url, 'SHOW data_directory');
    const folder = join(String(row?.['data_directory']), '..');
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(folder), ['data']);
    if (process.platform === 'linux') {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        assert.ok(!commandOf(pid).includes(password));
      }
    }
  });

  test('with fsync it syncs; stopped, process, port and folder are gone, whoever is connected', async (t) => {
    const other = await startPostgres({ fsync: true });
    t.after(() => other.stop());
    const client = new Client({ connectionString: other.url });
    const broken = once(client, 'error');
    t.after(() => client.end());
    await client.connect();
    const { rows } = await client.query("SELECT current_setting('fsync') f, current_setting('data_directory') d");
    const [{ f, d }] = rows as [{ f: string; d: string }];
    assert.equal(f, 'on');
    assert.equal(existsSync(d), true);
    await other.stop();
    await broken;
    assert.equal(isAlive(other.pid), false);
    assert.equal(existsSync(join(d, '..')), false);
    const socket = connect(Number(new URL(other.url).port), '127.0.0.1');
    await assert.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' });
  });

  test('a server that is killed is gone, its shared memory too, and stopping it afterwards is no error', async () => {
    const other = await startPostgres();
    const memory = sharedMemoryOf(other.pid);
    assert.equal(memory.length, process.platform === 'linux' ? 1 : 0);
    process.kill(other.pid, 'SIGKILL');
    await other.stop();
    assert.equal(isAlive(other.pid), false);
    assert.deepEqual(sharedMemoryOf(other.pid), []);
  });
});

suite('when the test process dies', { skip }, () => {
  /** Starts a process, the first of its group, which starts a server below the given folder, says so, and does what else it is told. */
  function startVictim(folder: string, ...more: readonly string[]): ChildProcess {
    const kit = JSON.stringify(new URL('./postgres.ts', import.meta.url).href);
    const code = [
      `const { startPostgres } = await import(${kit});`,
      'const server = await startPostgres();',
      'console.log(JSON.stringify({ url: server.url, pid: server.pid }));',
      ...more,
      'process.stdin.resume();',
    ];
    return spawn(process.execPath, ['--input-type=module', '--eval', code.join('\n')], {
      env: { ...process.env, TMPDIR: folder },
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  }

  /** A folder that also another user may enter: as root the server is not run as root. */
  function sharedFolder(t: TestContext): string {
    const folder = mkdtempSync(join(tmpdir(), 'outpost-victim-'));
    chmodSync(folder, 0o755);
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  async function started(victim: ChildProcess): Promise<{ readonly url: string; readonly pid: number }> {
    if (victim.stdout === null) throw new Error('no output');
    for await (const line of createInterface({ input: victim.stdout })) return JSON.parse(line);
    throw new Error('it said nothing');
  }

  /** There is no event for the end of a process that is not ours. */
  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await delay(10);
  }

  test('killed with its whole group, it leaves no server, no connection and no folder', async (t) => {
    const folder = sharedFolder(t);
    const victim = startVictim(folder);
    const { url, pid } = await started(victim);
    assert.equal(isAlive(pid), true);
    assert.equal(readdirSync(folder).length, 1);
    const client = new Client({ connectionString: url });
    const broken = once(client, 'error');
    await client.connect();
    process.kill(-(victim.pid ?? 0), 'SIGKILL');
    await broken;
    await until(() => !isAlive(pid));
    await until(() => readdirSync(folder).length === 0);
    assert.deepEqual(processesOf(folder), []);
  });

  test('killed while the cluster is being made, it leaves nothing either', async (t) => {
    const folder = sharedFolder(t);
    const victim = startVictim(folder);
    await until(() => readdirSync(folder).some((name) => existsSync(join(folder, name, 'data', 'pg_wal'))));
    process.kill(-(victim.pid ?? 0), 'SIGKILL');
    await until(() => readdirSync(folder).length === 0);
    assert.deepEqual(processesOf(folder), []);
  });

  test('ended without a stop, it ends by itself and leaves nothing', async (t) => {
    const folder = sharedFolder(t);
    const victim = startVictim(folder);
    const { pid } = await started(victim);
    victim.stdin?.end();
    assert.deepEqual(await once(victim, 'exit'), [0, null]);
    await until(() => !isAlive(pid) && readdirSync(folder).length === 0);
    assert.deepEqual(processesOf(folder), []);
  });

  test('with nothing else to do it waits for a stop to end', async (t) => {
    const folder = sharedFolder(t);
    const victim = startVictim(folder, 'process.stdin.destroy();', 'await server.stop();', 'process.exit(7);');
    assert.deepEqual(await once(victim, 'exit'), [7, null]);
    assert.deepEqual(readdirSync(folder), []);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Lines of the kernel's list of System V memory: key, id, mode, size, its maker's process id. */
function sharedMemoryOf(pid: number): string[] {
  if (process.platform !== 'linux') return [];
  const lines = readFileSync('/proc/sysvipc/shm', 'utf8').split('\n');
  return lines.filter((line) => line.trim().split(/\s+/)[4] === String(pid));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Ids of processes that have the folder among their arguments; none where there is no /proc. */
function processesOf(folder: string): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && commandOf(name).includes(folder));
}
