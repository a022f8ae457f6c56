// SPDX-License-Identifier: Apache-2.0
// Invariant S2: however an activation is cut off, a device then has either a policy that was validated as a whole, or does what is declared
// for having none. A process kills itself after each single thing that an activation does to the disk, and in the middle of each writing;
// over and over until there were as many kills as OUTPOST_CRASH_LOOPS asks for.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/proxy/clock.ts';
import { SignedWorld } from '../fakes/signed-world.ts';
import type { CrashDevice } from '../fakes/sync-crash-child.ts';
import { SyncServer } from '../fakes/sync-server.ts';
import { type Device, folderFor, openDevice, outcome, publish } from './sync-kit.ts';

const CHILD = fileURLToPath(new URL('../fakes/sync-crash-child.ts', import.meta.url));
/** Of each test. The research asks for 100 (sync-audit 9, S2). */
const KILLS = Number(process.env['OUTPOST_CRASH_LOOPS'] ?? 0);
const NO_POLICY = 'OUT_NO_POLICY no-policy';
const BY_VERSION: Readonly<Record<number, string>> = {
  1: 'OUT_BLOCKED_MODEL models.deny[0]',
  2: 'OUT_BLOCKED_MODEL models.allow',
};
const CONFIGS: Readonly<Record<number, string>> = { 1: 'models: { deny: ["gpt-4o"] }\n', 2: 'models: { allow: [] }\n' };

interface Scene {
  readonly world: SignedWorld;
  readonly server: SyncServer;
  readonly root: string;
}

async function setScene(t: TestContext): Promise<Scene> {
  const world = await SignedWorld.create(() => Date.now());
  const server = await SyncServer.start(world);
  t.after(() => server.close());
  return { world, server, root: folderFor(t) };
}

/** What a run did to the disk. */
interface Lived {
  readonly done: number;
  readonly writings: number;
}

/** Runs the child on a folder; undefined when it killed itself. */
async function run({ world, server, root }: Scene, dataDir: string, nth: number, mode: 'after' | 'torn') {
  const pem = (key: typeof world.signing.key) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const device: CrashDevice = {
    dataDir,
    enrolment: { url: server.url, org: world.org, device: world.device, ring: world.ring, root: world.fingerprint },
    kid: world.signing.kid,
    sign: pem(world.signing.key),
    seal: pem(world.sealing.key),
  };
  const file = join(root, 'device.json');
  writeFileSync(file, JSON.stringify(device), { mode: 0o600 });
  return new Promise<Lived | undefined>((resolve, reject) => {
    execFile(process.execPath, [CHILD, file, String(nth), mode], (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as Lived);
      else if (error.signal === 'SIGKILL') resolve(undefined);
      else reject(new Error(stderr));
    });
  });
}

/** A folder like another one, to be spoilt. */
function copyOf(from: string | undefined, root: string, name: string): string {
  const to = join(root, name);
  if (from === undefined) mkdirSync(to);
  else cpSync(from, to, { recursive: true });
  return to;
}

/** Opens what is left, with nobody to ask. */
function restart(t: TestContext, scene: Scene, dataDir: string, url: string): Promise<Device> {
  const { world, server } = scene;
  const enrolment = { url, org: world.org, device: world.device, ring: world.ring, root: world.fingerprint };
  return openDevice(
    t,
    { clock: systemClock, world, server, dataDir },
    { enrolment, management: { beforeFirstPolicy: 'block', floors: {} } },
  );
}

/** Kills an activation of `to` at every point; `before` is the folder it begins with. */
async function killEverywhere(t: TestContext, scene: Scene, before: string | undefined, to: number) {
  const { server, root } = scene;
  const allowed = before === undefined ? [NO_POLICY, BY_VERSION[to]] : [BY_VERSION[to - 1], BY_VERSION[to]];
  const whole = await run(scene, copyOf(before, root, `whole-${to}`), 0, 'after');
  assert.ok(whole !== undefined && whole.done >= 12, `an activation does ${whole?.done} things to the disk`);
  const points = [
    ...Array.from({ length: whole.done }, (_, at) => ['after', at + 1] as const),
    ...Array.from({ length: whole.writings }, (_, at) => ['torn', at + 1] as const),
  ];
  const seen = new Map<string, number>();
  let lived = 0;
  let runs = 0;
  for (let round = 1; round === 1 || (runs - lived < KILLS && lived <= runs / 2); round++) {
    for (const [mode, nth] of points) {
      runs += 1;
      const dataDir = copyOf(before, root, `${mode}-${to}-${nth}-${round}`);
      // How often the state is written depends on how fast the disk is: a run may be over before its nth operation.
      if ((await run(scene, dataDir, nth, mode)) !== undefined) {
        lived += 1;
        continue;
      }
      const offline = await restart(t, scene, dataDir, 'http://127.0.0.1:9');
      const isOld = offline.org.conditions().some(({ code }) => code === 'policy-rolled-back');
      assert.ok(!isOld, `killed ${mode} ${nth}, round ${round}: nothing on the disk is older than its state says`);
      const found = outcome(offline.policy);
      assert.ok(allowed.includes(found), `killed ${mode} ${nth}, round ${round}: ${found}`);
      seen.set(found, (seen.get(found) ?? 0) + 1);
      await offline.org.close();
      const online = await restart(t, scene, dataDir, server.url);
      await online.org.syncNow();
      assert.equal(outcome(online.policy), BY_VERSION[to], `after ${mode} ${nth}, round ${round}, it recovers`);
      await online.org.close();
      rmSync(dataDir, { recursive: true });
    }
  }
  assert.ok(lived <= runs / 2, `${lived} of ${runs} runs were not killed`);
  assert.deepEqual([...seen.keys()].toSorted(), allowed.toSorted(), 'kills came before and after the turn');
  t.diagnostic(
    `${whole.done} operations, ${whole.writings} writings, ${runs - lived} kills; ${[...seen].map(([what, count]) => `${what}: ${count}`).join(', ')}`,
  );
}

describe('kill -9 at every point', { concurrency: true }, () => {
  test('of the first activation', async (t) => {
    const scene = await setScene(t);
    await publish(scene, 1, CONFIGS[1] ?? '');
    await killEverywhere(t, scene, undefined, 1);
  });

  test('of an activation that takes the place of another', async (t) => {
    const scene = await setScene(t);
    await publish(scene, 1, CONFIGS[1] ?? '');
    const before = copyOf(undefined, scene.root, 'before');
    assert.ok((await run(scene, before, 0, 'after')) !== undefined);
    await publish(scene, 2, CONFIGS[2] ?? '');
    await killEverywhere(t, scene, before, 2);
  });
});
