// SPDX-License-Identifier: Apache-2.0
// Both places that a daemon can come from, held to one contract with the real daemon: the tray's own child, and a service whose manager is
// a script of ours.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../src/contract/clock.ts';
import { createChildHost } from '../../src/main/child-host.ts';
import { createRunner } from '../../src/main/command-runner.ts';
import { programEnv } from '../../src/main/daemon-env.ts';
import type { DaemonHost } from '../../src/main/daemon-host.ts';
import { findDaemon } from '../../src/main/find-daemon.ts';
import type { End } from '../../src/main/life/life.ts';
import { readPlace } from '../../src/main/run-file.ts';
import { createServiceHost } from '../../src/main/service-host.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { FakeClock } from '../fakes/clock.ts';

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

test('a program that cannot even be tried is told as not started, and the next start is tried as any', async (t) => {
  const folder = folderFor(t);
  const plain = join(folder, 'plain');
  writeFileSync(plain, '');
  const ends: End[] = [];
  const child = createChildHost({ outpost: [join(plain, 'x')], args: [], env: {}, clock: systemClock });
  child.onEnd((end) => ends.push(end));
  child.start();
  child.start();
  assert.deepEqual(ends, [{ kind: 'not-started' }, { kind: 'not-started' }]);
  assert.equal(child.pid(), undefined);
});

test('service: without a manager nothing is installed, whatever files lie there; one that refuses is still there', async (t) => {
  const folder = folderFor(t);
  const unit = join(folder, 'outpostd.service');
  writeFileSync(unit, '');
  const says = (text: string): [string, ...string[]] => ['/bin/sh', '-c', `echo '${text}' >&2; exit 1`];
  const starts: readonly (readonly [[string, ...string[]], boolean])[] = [
    [[join(folder, 'systemctl')], false],
    [says('System has not been booted with systemd as init system (PID 1).'), false],
    [says('Failed to connect to user scope bus via local transport: No such file or directory'), false],
    [says('Job for outpostd.service failed.'), true],
  ];
  for (const [start, stays] of starts) {
    const service = createServiceHost({
      service: { places: [unit], start },
      run: createRunner(systemClock),
      env: { PATH: '/bin' },
    });
    const ends: End[] = [];
    service.onEnd((end) => ends.push(end));
    assert.equal(service.installed(), true);
    service.start();
    await until(() => ends.length > 0, 'the end is told');
    assert.deepEqual([ends, service.installed()], [[{ kind: 'not-started' }], stays], start.join(' '));
  }
});

/** Takes its time to end when it is asked to. */
function slowChild(t: TestContext, body: string, clock: Clock) {
  const folder = folderFor(t);
  const script = join(folder, 'slow.sh');
  writeFileSync(script, `#!/bin/bash\n${body}\n`, { mode: 0o700 });
  return { folder, host: createChildHost({ outpost: [script], args: [], env: { PATH: '/bin' }, clock }) };
}

test('child: a start that waits for the end of the one before is called off by a stop', async (t) => {
  const body = 'trap \'sleep 0.3; exit 0\' TERM\necho >>"$0.up"\nwhile :; do sleep 0.05; done';
  const { folder, host } = slowChild(t, body, systemClock);
  const up = join(folder, 'slow.sh.up');
  host.start();
  await until(() => existsSync(up), 'it is up');
  const first = host.stop();
  host.start();
  await host.stop();
  await first;
  await nextTurn();
  assert.equal(host.pid(), undefined, 'nothing is left behind');
  host.start();
  await until(() => readFileSync(up, 'utf8').length === 2, 'and it can be started again');
  void host.stop();
  host.start();
  await until(() => readFileSync(up, 'utf8').length === 3, 'a start that nobody called off follows the end');
  await host.stop();
});

test('child: what it started may hold its log open; its stop ends all the same', async (t) => {
  const clock = new FakeClock();
  const { folder, host } = slowChild(t, 'trap \'\' TERM\nsleep 1000 &\necho $! >"$0.pid"\nwait; wait; wait', clock);
  const note = join(folder, 'slow.sh.pid');
  host.start();
  await until(() => existsSync(note) && readFileSync(note, 'utf8') !== '', 'it is up');
  const pid = Number(readFileSync(note, 'utf8'));
  t.after(() => process.kill(pid, 'SIGKILL'));
  const own = host.pid() ?? 0;
  const stopped = host.stop();
  await clock.advanceAsync(5_000);
  await until(() => !isAlive(own), 'it is killed');
  await clock.advanceAsync(2_000);
  await stopped;
  assert.equal(host.pid(), undefined);
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
