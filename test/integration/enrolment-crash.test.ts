// SPDX-License-Identifier: Apache-2.0
// A device whose power goes between any two operations on its disk: it is never two devices, never without the keys that the server knows,
// and the next try finishes what was begun.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silentLog } from '../../src/proxy/log.ts';
import { enrol } from '../../src/proxy/sync/enrol/enrol.ts';
import { type Enrolment, readEnrolment, type Target } from '../../src/proxy/sync/enrol/enrolment-file.ts';
import { type Organisation, readOrganisation } from '../../src/proxy/sync/enrol/membership.ts';
import { rotate } from '../../src/proxy/sync/enrol/rotate.ts';
import { type FilePort, filePort } from '../../src/proxy/sync/files.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane } from '../fakes/control-plane.ts';
import type { CrashTask } from '../fakes/enrol-crash-child.ts';
import { type DeviceFolder, deviceFolder, partsOf, portThat, targetAt, withAsk } from './enrol-kit.ts';

const CHILD = fileURLToPath(new URL('../fakes/enrol-crash-child.ts', import.meta.url));
const clock = new FakeClock();
let plane: ControlPlane;
let target: Target;
before(async () => {
  plane = await startControlPlane({ clock });
  target = await targetAt(plane);
});
after(() => plane?.close());
beforeEach(() => clock.advance(61_000));

type What = CrashTask['what'];

async function act(what: What, device: DeviceFolder, port: FilePort = filePort): Promise<Enrolment> {
  // The server takes so many requests a minute.
  clock.advance(10_000);
  const parts = partsOf({ folder: device.folder, clock, port });
  return await withAsk(target, clock, async (ask) => {
    if (what !== 'rotate') return enrol(parts, ask, { target, token: plane.token, newKeys: what === 'reenrol' });
    const read = await readEnrolment(parts.files);
    assert.ok(read.kind === 'enrolment');
    return (await rotate(parts, ask, read.enrolment)).enrolment;
  });
}

/** As a daemon that starts finds it. */
const found = (device: DeviceFolder): Promise<Organisation> =>
  readOrganisation({ ...partsOf({ folder: device.folder, clock }), managed: undefined, log: silentLog });

/** Names of the keys of all devices that the server takes. */
async function known(): Promise<ReadonlySet<string | null>> {
  const rows = await plane.ctx.db.query
    .selectFrom('device')
    .select(['kid', 'old_kid'])
    .where('state', '=', 'active')
    .execute();
  return new Set(rows.flatMap(({ kid, old_kid }) => [kid, old_kid]));
}

const devices = async (): Promise<number> =>
  (await plane.ctx.db.query.selectFrom('device').select('id').execute()).length;

/** Whatever came before: the keys at hand are none, or ones that the server knows. */
async function assertSound(device: DeviceFolder, what: What, where: string): Promise<void> {
  const organisation = await found(device);
  if (organisation.mode === 'stand-alone') {
    assert.deepEqual([what, organisation.detail], ['enrol', undefined], where);
    return;
  }
  const { member } = organisation;
  assert.ok(member?.keys.kind === 'keys', `${where}: ${JSON.stringify(member?.keys)}`);
  assert.equal(member.keys.keys.current.kid, member.enrolment.kid, where);
  assert.ok((await known()).has(member.enrolment.kid), `${where}: the server knows the keys in use`);
}

async function prepared(t: TestContext, what: What): Promise<DeviceFolder> {
  const device = deviceFolder();
  t.after(device.remove);
  if (what !== 'enrol') await act('enrol', device);
  return device;
}

/** More than any of them does. */
const MOST_OPERATIONS = 40;

for (const what of ['enrol', 'reenrol', 'rotate'] as const) {
  test(`${what}: the power goes after each operation on files`, async (t) => {
    let complete = false;
    for (let operations = 0; !complete; operations += 1) {
      assert.ok(operations < MOST_OPERATIONS);
      const where = `after ${operations} operations`;
      const device = await prepared(t, what);
      const before = await devices();
      let done = 0;
      const port = portThat(filePort, async (work) => {
        if (done === operations) throw new Error('no power');
        done += 1;
        await work();
      });
      const cut = await act(what, device, port).then(
        () => 'complete',
        () => 'cut off',
      );
      complete = cut === 'complete';
      await assertSound(device, what, where);
      const organisation = await found(device);
      const settled = organisation.mode === 'organisation' && organisation.member !== undefined;
      // A daemon asks again only for what it does not see done.
      if (what !== 'enrol' || !settled) await act(what, device);
      await assertSound(device, what, `${where}, and once more`);
      const made = (await devices()) - before;
      // One that was asked for new keys twice may have become another device twice.
      assert.ok(
        what === 'reenrol' ? made >= 1 && made <= 2 : made === (what === 'enrol' ? 1 : 0),
        `${where}: ${made} devices`,
      );
    }
  });
}

describe('a process that is killed', () => {
  for (const [what, operations] of [
    ['enrol', 4],
    ['enrol', 7],
    ['reenrol', 8],
    ['rotate', 4],
    ['rotate', 8],
  ] as const) {
    test(`${what}, after ${operations} operations on files`, async (t) => {
      const device = await prepared(t, what);
      const task: CrashTask = { what, folder: device.folder, target, token: plane.token, operations };
      const child = spawn(process.execPath, [CHILD, JSON.stringify(task)], { stdio: 'inherit' });
      assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
      await assertSound(device, what, 'after the kill');
      await act(what, device);
      await assertSound(device, what, 'and once more');
    });
  }
});
