// SPDX-License-Identifier: Apache-2.0
// Both places that a daemon can come from, held to one contract with the real daemon: the tray's own child, and a service whose manager is
// a script of ours.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createChildHost } from '../../src/main/child-host.ts';
import { createRunner } from '../../src/main/command-runner.ts';
import { programEnv } from '../../src/main/daemon-env.ts';
import type { DaemonHost } from '../../src/main/daemon-host.ts';
import { findDaemon } from '../../src/main/find-daemon.ts';
import type { End } from '../../src/main/life/life.ts';
import { readPlace } from '../../src/main/run-file.ts';
import { createServiceHost } from '../../src/main/service-host.ts';
import { systemClock } from '../../src/proxy/clock.ts';

const OUTPOST = fileURLToPath(new URL('../../src/proxy/outpost.mjs', import.meta.url));
const PORTS = ['--proxy-port', '0', '--gateway-port', '0', '--api-port', '0'];
const uid = process.getuid?.();

interface Scene {
  readonly dataDir: string;
  readonly host: DaemonHost;
  readonly ends: readonly End[];
}

/** @param before done before the folder goes: hooks run in the order of their registration */
function folderFor(t: TestContext, before: (folder: string) => Promise<void> = async () => undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-host-'));
  t.after(async () => {
    await before(folder);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

function scene(t: TestContext, make: (folder: string, dataDir: string, env: NodeJS.ProcessEnv) => DaemonHost): Scene {
  const folder = folderFor(t, async () => {
    await host.stop();
    // What a service manager started: nobody but this test ends it.
    const pid = readPlace(dataDir, uid)?.pid;
    if (pid === undefined) return;
    process.kill(pid, 'SIGTERM');
    await until(() => !isAlive(pid), 'the daemon of the service ends');
  });
  const dataDir = join(folder, 'data');
  const env = programEnv({ ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder });
  const host = make(folder, dataDir, env);
  const ends: End[] = [];
  host.onEnd((end) => ends.push(end));
  return { dataDir, host, ends };
}

const HOSTS = {
  child: (t: TestContext): Scene =>
    scene(t, (_, dataDir, env) =>
      createChildHost({
        outpost: [process.execPath, OUTPOST],
        args: ['--data-dir', dataDir, ...PORTS],
        env,
        clock: systemClock,
      }),
    ),
  service: (t: TestContext): Scene =>
    scene(t, (folder, dataDir, env) => {
      // As systemctl: returns at once, starts nothing that runs already, and what it starts outlives it.
      const manager = join(folder, 'manager.sh');
      const command = [process.execPath, OUTPOST, 'run', '--data-dir', dataDir, ...PORTS].map((part) => `'${part}'`);
      writeFileSync(
        manager,
        `#!/bin/sh\ntest -e ${dataDir}/run.json && exit 0\nsetsid ${command.join(' ')} >${folder}/log 2>&1 </dev/null &\n`,
        { mode: 0o700 },
      );
      const service = { places: [manager], start: ['/bin/sh', manager, 'start'] as const };
      return createServiceHost({
        service: { ...service, start: [...service.start] },
        run: createRunner(systemClock),
        env,
      });
    }),
} as const;

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const limit = performance.now() + 60_000;
  while (!(await condition())) {
    assert.ok(performance.now() < limit, `${what}: it never came`);
    await pause(50);
  }
}

const answers = async (dataDir: string): Promise<boolean> =>
  (await findDaemon(readPlace(dataDir, uid), systemClock)) !== undefined;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that ended and that nobody has waited for yet still has its number.
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

for (const [kind, open] of Object.entries(HOSTS)) {
  test(`${kind}: is there to be started, starts a daemon that answers, and a second start changes nothing`, async (t) => {
    const { dataDir, host, ends } = open(t);
    assert.equal(host.installed(), true);
    assert.equal(await answers(dataDir), false);
    host.start();
    await until(() => answers(dataDir), 'it answers');
    const pid = readPlace(dataDir, uid)?.pid;
    host.start();
    await until(() => answers(dataDir), 'it still answers');
    assert.equal(readPlace(dataDir, uid)?.pid, pid);
    assert.deepEqual(ends, []);
  });

  test(`${kind}: after a kill a start gives a daemon again`, async (t) => {
    const { dataDir, host } = open(t);
    host.start();
    await until(() => answers(dataDir), 'it answers');
    const pid = readPlace(dataDir, uid)?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    await until(async () => !(isAlive(pid) || host.pid() === pid || (await answers(dataDir))), 'it is gone');
    // What a service manager does by itself, and what a killed daemon leaves.
    if (kind === 'service') rmSync(join(dataDir, 'run.json'));
    host.start();
    await until(() => answers(dataDir), 'another answers');
    assert.notEqual(readPlace(dataDir, uid)?.pid, pid);
  });

  test(`${kind}: stop ends what the tray started itself, and never a service`, async (t) => {
    const { dataDir, host, ends } = open(t);
    host.start();
    await until(() => answers(dataDir), 'it answers');
    const pid = readPlace(dataDir, uid)?.pid ?? 0;
    assert.equal(host.pid(), kind === 'child' ? pid : undefined);
    await host.stop();
    await host.stop();
    assert.equal(isAlive(pid), kind === 'service');
    assert.equal(await answers(dataDir), kind === 'service');
    assert.deepEqual(ends, [], 'an end that was asked for is not told');
  });
}

test('child: an end that nobody asked for is told with its signal', async (t) => {
  const { dataDir, host, ends } = HOSTS.child(t);
  host.start();
  await until(() => answers(dataDir), 'it answers');
  process.kill(host.pid() ?? 0, 'SIGKILL');
  await until(() => ends.length > 0, 'the end is told');
  assert.deepEqual(ends, [{ kind: 'signal', signal: 'SIGKILL' }]);
  assert.equal(host.pid(), undefined);
});

test('child: one that finds the folder in use ends, and leaves the other alone', async (t) => {
  const first = HOSTS.child(t);
  first.host.start();
  await until(() => answers(first.dataDir), 'it answers');
  const args = ['--data-dir', first.dataDir, ...PORTS];
  const second = createChildHost({ outpost: [process.execPath, OUTPOST], args, env: process.env, clock: systemClock });
  t.after(() => second.stop());
  const ends: End[] = [];
  second.onEnd((end) => ends.push(end));
  second.start();
  await until(() => ends.length > 0, 'the end is told');
  assert.deepEqual(ends, [{ kind: 'folder-taken' }]);
  assert.equal(await answers(first.dataDir), true);
});

test('child: one that finds its port in use says so', async (t) => {
  const first = HOSTS.child(t);
  first.host.start();
  await until(() => answers(first.dataDir), 'it answers');
  const port = new URL(readPlace(first.dataDir, uid)?.origin ?? '').port;
  const folder = folderFor(t);
  const second = createChildHost({
    outpost: [process.execPath, OUTPOST],
    args: ['--data-dir', join(folder, 'data'), ...PORTS.slice(0, 4), '--api-port', port],
    env: programEnv({ ...process.env, HOME: folder, XDG_CONFIG_HOME: folder }),
    clock: systemClock,
  });
  t.after(() => second.stop());
  const ends: End[] = [];
  second.onEnd((end) => ends.push(end));
  second.start();
  await until(() => ends.length > 0, 'the end is told');
  assert.deepEqual(ends, [{ kind: 'port-taken' }]);
});

test('a program that is not there, or fails, is told as not started', async (t) => {
  const folder = folderFor(t);
  const ends: End[] = [];
  const child = createChildHost({ outpost: [join(folder, 'none')], args: [], env: {}, clock: systemClock });
  child.onEnd((end) => ends.push(end));
  assert.equal(child.installed(), false);
  child.start();
  await until(() => ends.length === 1, 'the child');
  await child.stop();
  const run = createRunner(systemClock);
  for (const start of [['/bin/false'], [join(folder, 'none')]] as const) {
    const service = createServiceHost({ service: { places: [folder], start: [...start] }, run, env: {} });
    assert.equal(service.installed(), false, 'a folder is no unit');
    service.onEnd((end) => ends.push(end));
    service.start();
  }
  await until(() => ends.length === 3, 'the services');
  assert.deepEqual(new Set(ends.map(({ kind }) => kind)), new Set(['not-started']));
});

test('programs get nothing of the tray’s own runtime', () => {
  const env = {
    PATH: '/bin',
    HOME: '/h',
    HTTPS_PROXY: 'http://p',
    ELECTRON_RUN_AS_NODE: '1',
    NODE_OPTIONS: '--inspect',
    Node_Path: '/x',
  };
  assert.deepEqual(programEnv(env), { PATH: '/bin', HOME: '/h', HTTPS_PROXY: 'http://p' });
});
