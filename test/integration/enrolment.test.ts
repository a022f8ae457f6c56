// SPDX-License-Identifier: Apache-2.0
// A device enrols at a real control plane: what it sends, what it writes, and that every step may be the last.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { KeyStore } from '../../src/contract/key-store.ts';
import { requestReenrolment, revokeDevice } from '../../src/control-plane/devices/acts.ts';
import { readDevice } from '../../src/control-plane/devices/list.ts';
import { createToken } from '../../src/control-plane/devices/tokens.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { enrol } from '../../src/proxy/sync/enrol/enrol.ts';
import { type Enrolment, readEnrolment, type Target } from '../../src/proxy/sync/enrol/enrolment-file.ts';
import { readOrganisation } from '../../src/proxy/sync/enrol/membership.ts';
import { rotate } from '../../src/proxy/sync/enrol/rotate.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { codeOf, type DeviceFolder, deviceFolder, partsOf, targetAt, withAsk } from './enrol-kit.ts';

/** Its wall is moved for days: each advance would run all that the server does meanwhile. */
const clock = new FakeClock();
let plane: ControlPlane;
let target: Target;
before(async () => {
  plane = await startControlPlane({ clock });
  target = await targetAt(plane);
});
after(() => plane?.close());
// The server takes so many requests a minute.
beforeEach(() => clock.advance(61_000));

const enrolAt = (
  device: DeviceFolder,
  { token = plane.token, newKeys = false, at = target, own = clock, server = plane.url } = {},
): Promise<Enrolment> =>
  withAsk({ ...at, url: server }, own, (ask) =>
    enrol(partsOf({ folder: device.folder, clock: own }), ask, { target: at, token, newKeys }),
  );

function scene(t: { after(fn: () => void): void }): DeviceFolder {
  const device = deviceFolder();
  t.after(device.remove);
  return device;
}

const found = (device: DeviceFolder) =>
  readOrganisation({ ...partsOf({ folder: device.folder, clock }), managed: undefined, log: silentLog });

const devices = async (): Promise<number> =>
  (await plane.ctx.db.query.selectFrom('device').select('id').execute()).length;

describe('enrolment', () => {
  test('makes a device of this machine, and leaves private files that a new process finds', async (t) => {
    const device = scene(t);
    const enrolment = await enrolAt(device);
    const row = await readDevice(plane.ctx, 'acme', enrolment.device);
    assert.deepEqual([row?.device.kid, row?.device.name, row?.device.state], [enrolment.kid, 'laptop-1', 'active']);
    for (const name of ['device.json', 'enrolment.json']) {
      assert.equal(statSync(join(device.folder, name)).mode & 0o777, 0o600, name);
      assert.ok(!device.read(name).includes(plane.token), 'the token is nowhere on disk');
    }
    assert.equal(statSync(device.folder).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(device.folder).sort(), ['device.json', 'enrolment.json']);
    const organisation = await found(device);
    assert.ok(organisation.mode === 'organisation' && organisation.member?.keys.kind === 'keys');
    assert.deepEqual(organisation.member.enrolment, enrolment);
    assert.deepEqual(organisation.target, target);
    const { keys } = organisation.member.keys;
    assert.deepEqual([keys.current.kid, keys.current.at, keys.enrolling], [enrolment.kid, enrolment.at, undefined]);
  });

  test('a machine without either is on its own', async (t) => {
    assert.deepEqual(await found(scene(t)), { mode: 'stand-alone', detail: undefined });
  });

  test('after a lost answer the same keys are shown again, and no second device comes of it', async (t) => {
    const device = scene(t);
    const before = await devices();
    const one = { note: 'one', maxUses: 1, expires: clock.now() + 1_000_000 };
    const { token } = await createToken(plane.ctx, 'acme', one, TESTER);
    // The server did it; the answer does not arrive.
    const parts = partsOf({ folder: device.folder, clock });
    const wish = { target, token, newKeys: false };
    const lost = withAsk(target, clock, (ask) =>
      enrol(
        parts,
        async (asked) => {
          const reply = await ask(asked);
          return asked.path === 'v1/enroll' ? { kind: 'none', why: 'ECONNRESET' } : reply;
        },
        wish,
      ),
    );
    assert.equal(await codeOf(lost), 'unreachable');
    assert.deepEqual(readdirSync(device.folder), ['device.json']);
    assert.deepEqual((await found(device)).mode, 'stand-alone');
    const enrolment = await enrolAt(device, { token });
    assert.equal(await devices(), before + 1);
    assert.equal((await readDevice(plane.ctx, 'acme', enrolment.device))?.device.kid, enrolment.kid);
    assert.equal(await codeOf(enrolAt(scene(t), { token })), 'token', 'the token was used once');
  });

  test('an enrolment file that was lost or damaged comes back as the same device', async (t) => {
    const device = scene(t);
    const enrolment = await enrolAt(device);
    for (const text of ['{', '{"v":1}', JSON.stringify({ ...enrolment, device: 'x' })]) {
      writeFileSync(join(device.folder, 'enrolment.json'), text);
      const organisation = await found(device);
      assert.ok(organisation.mode === 'stand-alone' && organisation.detail !== undefined, text);
      const again = await enrolAt(device);
      assert.deepEqual([again.device, again.kid], [enrolment.device, enrolment.kid]);
    }
  });

  test('keys that a store does not open are not replaced, unless somebody says so', async (t) => {
    const device = scene(t);
    let open = true;
    const kept = new Map<string, Uint8Array>();
    const store: KeyStore = {
      title: 'the test’s store',
      seal: async (name, secret) => kept.set(name, secret).size > 0,
      open: async (name) => {
        const secret = open ? kept.get(name) : undefined;
        return secret === undefined ? { kind: 'unavailable', detail: 'locked' } : { kind: 'secret', secret };
      },
      forget: async () => undefined,
    };
    const work = (newKeys: boolean) =>
      withAsk(target, clock, (ask) =>
        enrol(partsOf({ folder: device.folder, clock, store }), ask, { target, token: plane.token, newKeys }),
      );
    const first = await work(false);
    const written = device.read('device.json');
    open = false;
    assert.equal(await codeOf(work(false)), 'locked');
    assert.equal(device.read('device.json'), written);
    open = true;
    assert.equal((await work(false)).kid, first.kid);
    open = false;
    assert.notEqual((await work(true)).kid, first.kid);
  });

  test('a clock that is years off does not keep a device out', async (t) => {
    for (const years of [-9, 9]) {
      const own = new FakeClock(clock.now() + years * 365 * 86_400_000);
      const enrolment = await enrolAt(scene(t), { own });
      assert.equal(enrolment.at, clock.now());
    }
  });

  test('a used-up, expired, foreign or made-up token is refused, and the keys wait for a better one', async (t) => {
    const device = scene(t);
    const wish = { note: 'old', maxUses: 1, expires: clock.now() + 10 };
    const { token: expired } = await createToken(plane.ctx, 'acme', wish, TESTER);
    clock.advance(20);
    const { token: foreign } = await plane.addOrg('other');
    for (const token of [expired, foreign, `ote_${'x'.repeat(43)}`]) {
      assert.equal(await codeOf(enrolAt(device, { token })), 'token');
    }
    assert.ok(!existsSync(join(device.folder, 'enrolment.json')));
    const shown = device.read('device.json');
    const enrolment = await enrolAt(device);
    assert.ok(shown.includes(enrolment.kid));
  });

  test('another organisation’s server, or an organisation that it does not have', async (t) => {
    const device = scene(t);
    assert.equal(await codeOf(enrolAt(device, { at: { ...target, org: 'nobody' } })), 'org');
    await plane.addOrg('second');
    assert.equal(await codeOf(enrolAt(device, { at: { ...target, org: 'second' } })), 'root');
    assert.ok(!existsSync(device.folder), 'no keys were made for it');
  });

  test('what belongs to the organisation before goes when device management names another one', async (t) => {
    const device = scene(t);
    await enrolAt(device);
    for (const name of ['policy.current', 'state.json', 'upload.json']) writeFileSync(join(device.folder, name), 'x');
    const { token, org } = await plane.addOrg('third');
    const third = await targetAt({ ...plane, org });
    const before = device.read('device.json');
    const enrolment = await enrolAt(device, { at: third, token });
    assert.deepEqual(readdirSync(device.folder).sort(), ['device.json', 'enrolment.json']);
    assert.equal(enrolment.org, 'third');
    assert.ok(!before.includes(enrolment.kid), 'nobody is shown the keys of another organisation');
  });
});

describe('keys and what the server makes of them', () => {
  test('asked to enrol again, a device makes new keys and is another device; secrets still open with the old ones', async (t) => {
    const device = scene(t);
    const first = await enrolAt(device);
    await requestReenrolment(plane.ctx, 'acme', first.device, TESTER);
    const second = await enrolAt(device, { newKeys: true });
    assert.notEqual(second.device, first.device);
    assert.notEqual(second.kid, first.kid);
    const organisation = await found(device);
    assert.ok(organisation.mode === 'organisation' && organisation.member?.keys.kind === 'keys');
    const { keys } = organisation.member.keys;
    assert.deepEqual([keys.current.kid, keys.old?.kid], [second.kid, first.kid]);
  });

  test('keys that the server knows and no longer wants are replaced on the way', async (t) => {
    const device = scene(t);
    const first = await enrolAt(device);
    await requestReenrolment(plane.ctx, 'acme', first.device, TESTER);
    renameSync(join(device.folder, 'enrolment.json'), join(device.folder, 'gone'));
    const second = await enrolAt(device);
    assert.notEqual(second.kid, first.kid);
  });

  test('a revoked device does not come back by asking again', async (t) => {
    const device = scene(t);
    const first = await enrolAt(device);
    await revokeDevice(plane.ctx, 'acme', first.device, 'lost', TESTER);
    renameSync(join(device.folder, 'enrolment.json'), join(device.folder, 'gone'));
    assert.equal(await codeOf(enrolAt(device)), 'revoked');
  });

  const rotated = async (device: DeviceFolder) => {
    const read = await readEnrolment(partsOf({ folder: device.folder, clock }).files);
    assert.ok(read.kind === 'enrolment');
    return withAsk(target, clock, (ask) => rotate(partsOf({ folder: device.folder, clock }), ask, read.enrolment));
  };

  test('rotation: the server takes the new keys, and the old ones for a week more', async (t) => {
    const device = scene(t);
    const first = await enrolAt(device);
    const { keys, enrolment } = await rotated(device);
    const row = (await readDevice(plane.ctx, 'acme', first.device))?.device;
    assert.deepEqual([row?.kid, row?.old_kid], [enrolment.kid, first.kid]);
    assert.deepEqual([keys.current?.kid, keys.old?.kid, keys.old?.at], [enrolment.kid, first.kid, row?.old_until]);
    assert.equal(keys.rotating, undefined);
    const organisation = await found(device);
    assert.ok(organisation.mode === 'organisation' && organisation.member?.keys.kind === 'keys');
    assert.equal(organisation.member.enrolment.kid, enrolment.kid);
    const again = await rotated(device);
    assert.notEqual(again.enrolment.kid, enrolment.kid, 'and the next time others');
  });

  for (const [when, wait] of [
    ['at once', 0],
    ['after the old ones have had their week', 8 * 86_400_000],
  ] as const) {
    test(`rotation: the answer is lost, and asked for again ${when}`, async (t) => {
      const device = scene(t);
      const first = await enrolAt(device);
      const parts = partsOf({ folder: device.folder, clock });
      const lost = withAsk(target, clock, (ask) =>
        rotate(
          parts,
          async (asked) => {
            const reply = await ask(asked);
            return asked.path === 'v1/rotate' ? { kind: 'none', why: 'ECONNRESET' } : reply;
          },
          first,
        ),
      );
      assert.equal(await codeOf(lost), 'unreachable');
      const { keys: before } = await keysOf(device);
      clock.jumpWall(wait);
      const { enrolment } = await rotated(device);
      assert.equal(enrolment.kid, before.rotating?.kid);
      assert.equal((await readDevice(plane.ctx, 'acme', first.device))?.device.kid, enrolment.kid);
    });
  }

  test('rotation of a device that the server no longer knows says so', async (t) => {
    const device = scene(t);
    const first = await enrolAt(device);
    await requestReenrolment(plane.ctx, 'acme', first.device, TESTER);
    assert.equal(await codeOf(rotated(device)), 'reenroll');
  });

  async function keysOf(device: DeviceFolder) {
    const read = await partsOf({ folder: device.folder, clock }).keyFile.read();
    assert.ok(read.kind === 'keys');
    return read;
  }
});

describe('a hostile disk', () => {
  test('keys or an enrolment that others can open or have put there are not used', async (t) => {
    const changes: readonly ((path: string) => void)[] = [
      (path) => chmodSync(path, 0o644),
      (path) => {
        renameSync(path, `${path}.moved`);
        symlinkSync(`${path}.moved`, path);
      },
    ];
    for (const change of changes) {
      const device = scene(t);
      const first = await enrolAt(device);
      change(join(device.folder, 'device.json'));
      const lost = await found(device);
      assert.ok(lost.mode === 'organisation' && lost.member?.keys.kind === 'lost');
      assert.equal(lost.member.enrolment.device, first.device);
      // They may be known to others.
      assert.notEqual((await enrolAt(device, { newKeys: true })).kid, first.kid);
      change(join(device.folder, 'enrolment.json'));
      assert.equal((await found(device)).mode, 'stand-alone');
    }
  });

  test('keys of another enrolment are noticed', async (t) => {
    const [one, other] = [scene(t), scene(t)];
    await enrolAt(one);
    await enrolAt(other);
    renameSync(join(other.folder, 'device.json'), join(one.folder, 'device.json'));
    const organisation = await found(one);
    assert.ok(organisation.mode === 'organisation' && organisation.member?.keys.kind === 'lost');
    assert.match(organisation.member.keys.detail, /another enrolment/);
  });

  test('a folder that cannot be written: nothing was asked for before the keys were safe', async (t) => {
    const device = scene(t);
    const before = await devices();
    writeFileSync(device.folder, 'a file where the folder should be');
    assert.equal(await codeOf(enrolAt(device)), 'disk');
    assert.equal(await devices(), before);
  });
});
