// SPDX-License-Identifier: Apache-2.0
// What keeps a device enrolled while the daemon runs: by itself with device management's token, again when asked, after somebody did it at
// a terminal, through outages and locked stores; and that it rotates keys when they are due.

import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test';
import type { KeyStore } from '../../src/contract/key-store.ts';
import { requestReenrolment } from '../../src/control-plane/devices/acts.ts';
import { readDevice } from '../../src/control-plane/devices/list.ts';
import { silentLog } from '../../src/proxy/log.ts';
import {
  type KeptEnrolment,
  keepEnrolled,
  type ManagedFacts,
  type Membership,
  readOrganisation,
  type Trouble,
} from '../../src/proxy/sync/enrol/boot.ts';
import { enrol } from '../../src/proxy/sync/enrol/enrol.ts';
import type { Enrolment, Target } from '../../src/proxy/sync/enrol/enrolment-file.ts';
import type { KeepParts } from '../../src/proxy/sync/enrol/keep-enrolled.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type ControlPlane, startControlPlane, TESTER } from '../fakes/control-plane.ts';
import { connectTo, type DeviceFolder, deviceFolder, partsOf, targetAt, withAsk } from './enrol-kit.ts';

/** Between two looks at the folder. Milliseconds. */
const LOOK = 2_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
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

const managedBy = (token: string | undefined, at = target): ManagedFacts => ({
  settings: { organisation: { url: at.url, org: at.org, root: at.root, ...(token !== undefined && { token }) } },
  roots: [],
});

interface Kept extends Pick<KeptEnrolment, 'reenrol' | 'rotateIfDue' | 'close'> {
  readonly device: DeviceFolder;
  readonly member: () => Membership | undefined;
  readonly trouble: () => Trouble | undefined;
  /** Everything that was told, in order. */
  readonly told: readonly (Membership | Trouble | 'left' | 'well')[];
  /** Turns the clock until `holds`, a look at a time. */
  until(what: string, holds: () => boolean, step?: number): Promise<void>;
  /** Turns the clock so far, some looks at a time. */
  pass(ms: number): Promise<void>;
}

interface Start {
  readonly managed?: ManagedFacts | undefined;
  readonly device?: DeviceFolder;
  readonly store?: KeyStore;
  readonly change?: Partial<KeepParts>;
}

/** As the daemon does at its start; a clock of its own, so that turning it does not turn the server's. */
async function start(t: TestContext, { managed, device = deviceFolder(), store, change }: Start): Promise<Kept> {
  const own = new FakeClock(clock.now());
  const parts = { ...partsOf({ folder: device.folder, clock: own, store }), managed, log: silentLog };
  const found = await readOrganisation(parts);
  const told: (Membership | Trouble | 'left' | 'well')[] = [];
  const keeper = keepEnrolled({
    ...parts,
    folder: device.folder,
    found,
    connect: (at) => connectTo(at, own),
    trustedNow: () => own.now(),
    random: () => 0.5,
    ...change,
  });
  keeper.onEnrolled((member) => told.push(member));
  keeper.onTrouble((trouble) => told.push(trouble ?? 'well'));
  keeper.onLeft(() => told.push('left'));
  t.after(async () => {
    await keeper.close();
    device.remove();
  });
  const kept: Kept = {
    device,
    told,
    member: () => keeper.member,
    trouble: () => keeper.trouble,
    reenrol: (kid) => keeper.reenrol(kid),
    rotateIfDue: () => keeper.rotateIfDue(),
    close: () => keeper.close(),
    async pass(ms) {
      for (let passed = 0; passed < ms; passed += 15 * LOOK) {
        own.advance(15 * LOOK);
        await keeper.rotateIfDue();
      }
    },
    async until(what, holds, step = LOOK) {
      for (let looks = 0; !holds(); looks += 1) {
        assert.ok(looks < 5_000, `${what}; told ${JSON.stringify(told).slice(0, 500)}`);
        own.advance(step);
        // Waits for its turn, and so for all that the look has begun.
        await keeper.rotateIfDue();
      }
    },
  };
  return kept;
}

const kidOf = (kept: Kept): string | undefined => kept.member()?.enrolment.kid;

async function enrolledAtTerminal(device: DeviceFolder, newKeys = false): Promise<Enrolment> {
  return await withAsk(target, clock, (ask) =>
    enrol(partsOf({ folder: device.folder, clock }), ask, { target, token: plane.token, newKeys }),
  );
}

describe('a managed device', () => {
  test('enrols by itself, and is the same device after a restart', async (t) => {
    const device = deviceFolder();
    const managed = managedBy(plane.token);
    const first = await start(t, { managed, device });
    await first.until('enrolled', () => first.member() !== undefined);
    assert.equal(first.trouble(), undefined);
    assert.equal(first.told.length, 1);
    const row = await readDevice(plane.ctx, 'acme', first.member()?.enrolment.device ?? '');
    assert.equal(row?.device.kid, kidOf(first));
    await first.close();
    const second = await start(t, { managed, device });
    assert.deepEqual(second.member()?.enrolment, first.member()?.enrolment);
    await second.rotateIfDue();
    assert.deepEqual(second.told, []);
  });

  test('waits for a server that is away, and says what is wrong meanwhile', async (t) => {
    let away = true;
    const kept = await start(t, {
      managed: managedBy(plane.token),
      change: {
        connect: (at) => {
          const http = connectTo(at, clock);
          return {
            close: http.close,
            ask: (asked) => (away ? Promise.resolve({ kind: 'none', why: 'ECONNREFUSED' }) : http.ask(asked)),
          };
        },
      },
    });
    await kept.until('in trouble', () => kept.trouble() !== undefined);
    assert.deepEqual([kept.trouble()?.code, kept.member()], ['unreachable', undefined]);
    away = false;
    await kept.until('enrolled', () => kept.member() !== undefined);
    assert.equal(kept.trouble(), undefined);
    assert.equal(kept.told.at(-1), 'well');
  });

  test('a token that is refused is not tried again and again', async (t) => {
    let asked = 0;
    const kept = await start(t, {
      managed: managedBy(`ote_${'x'.repeat(43)}`),
      change: {
        connect: (at) => {
          const http = connectTo(at, clock);
          return {
            close: http.close,
            ask: (what) => {
              asked += what.path === 'v1/enroll' ? 1 : 0;
              return http.ask(what);
            },
          };
        },
      },
    });
    await kept.until('in trouble', () => kept.trouble() !== undefined);
    assert.equal(kept.trouble()?.code, 'token');
    await kept.pass(HOUR / 2);
    assert.equal(asked, 1);
    await kept.pass(2 * HOUR);
    assert.ok(asked >= 2, 'an administrator may have mended it');
  });

  test('without a token it says what to do, and takes up what a person does', async (t) => {
    const kept = await start(t, { managed: managedBy(undefined) });
    await kept.until('in trouble', () => kept.trouble() !== undefined);
    assert.equal(kept.trouble()?.code, 'no-token');
    assert.match(kept.trouble()?.text ?? '', /outpost enroll/);
    const enrolment = await enrolledAtTerminal(kept.device);
    await kept.until('enrolled', () => kept.member() !== undefined);
    assert.deepEqual([kidOf(kept), kept.trouble()], [enrolment.kid, undefined]);
  });

  test('removing or damaging its file does not free it: it comes back as the same device', async (t) => {
    const kept = await start(t, { managed: managedBy(plane.token) });
    await kept.until('enrolled', () => kept.member() !== undefined);
    const { device } = kept.member()?.enrolment ?? {};
    const path = join(kept.device.folder, 'enrolment.json');
    for (const harm of [() => rmSync(path), () => writeFileSync(path, '{'), () => chmodSync(path, 0o644)]) {
      harm();
      await kept.until('back', () => {
        try {
          return JSON.parse(kept.device.read('enrolment.json')).device === device;
        } catch {
          return false;
        }
      });
      await kept.until('seen', () => kept.trouble() === undefined);
    }
    assert.ok(!kept.told.includes('left'));
    assert.equal(kept.member()?.enrolment.device, device);
  });

  test('asked to enrol again it makes new keys, but not for the sake of keys that it has no more', async (t) => {
    const kept = await start(t, { managed: managedBy(plane.token) });
    await kept.until('enrolled', () => kept.member() !== undefined);
    const first = kept.member()?.enrolment;
    await requestReenrolment(plane.ctx, 'acme', first?.device ?? '', TESTER);
    kept.reenrol(first?.kid ?? '');
    await kept.until('enrolled anew', () => kept.member()?.enrolment.kid !== first?.kid);
    const second = kept.member()?.enrolment;
    assert.notEqual(second?.device, first?.device);
    // A refusal of the old keys that was under way.
    kept.reenrol(first?.kid ?? '');
    await kept.pass(2 * HOUR);
    assert.equal(kidOf(kept), second?.kid);
  });

  test('a server that asks for it all the time gets one enrolment an hour', async (t) => {
    const kept = await start(t, { managed: managedBy(plane.token) });
    await kept.until('enrolled', () => kept.member() !== undefined);
    kept.reenrol(kidOf(kept) ?? '');
    await kept.until('enrolled anew', () => kept.told.length === 2);
    kept.reenrol(kidOf(kept) ?? '');
    await kept.pass(0.9 * HOUR);
    assert.equal(kept.told.length, 2);
    await kept.until('enrolled anew', () => kept.told.length === 3);
  });

  test('another organisation: it goes over to that one', async (t) => {
    const device = deviceFolder();
    await enrolledAtTerminal(device);
    const { token, org } = await plane.addOrg('over-there');
    const kept = await start(t, { managed: managedBy(token, await targetAt({ ...plane, org })), device });
    assert.equal(kept.member(), undefined, 'it does not go on as a device of the one before');
    await kept.until('enrolled', () => kept.member() !== undefined);
    assert.equal(kept.member()?.enrolment.org, 'over-there');
  });
});

describe('a device that nobody manages', () => {
  test('notices an enrolment at a terminal, new keys, and that it left', async (t) => {
    const kept = await start(t, {});
    await kept.rotateIfDue();
    assert.deepEqual(kept.told, []);
    const enrolment = await enrolledAtTerminal(kept.device);
    await kept.until('enrolled', () => kept.member() !== undefined);
    assert.equal(kidOf(kept), enrolment.kid);
    const again = await enrolledAtTerminal(kept.device, true);
    await kept.until('enrolled anew', () => kept.member()?.enrolment.kid === again.kid);
    rmSync(join(kept.device.folder, 'enrolment.json'));
    await kept.until('left', () => kept.member() === undefined);
    assert.equal(kept.told.at(-1), 'left');
  });

  test('a damaged file is no leaving', async (t) => {
    const kept = await start(t, {});
    await enrolledAtTerminal(kept.device);
    await kept.until('enrolled', () => kept.member() !== undefined);
    writeFileSync(join(kept.device.folder, 'enrolment.json'), '{');
    await kept.until('in trouble', () => kept.trouble() !== undefined);
    assert.deepEqual([kept.trouble()?.code, kept.told.includes('left')], ['missing', false]);
    assert.ok(kept.member() !== undefined);
  });

  test('asked to enrol again it can only say so', async (t) => {
    const kept = await start(t, {});
    await enrolledAtTerminal(kept.device);
    await kept.until('enrolled', () => kept.member() !== undefined);
    kept.reenrol(kidOf(kept) ?? '');
    await kept.until('in trouble', () => kept.trouble() !== undefined);
    assert.equal(kept.trouble()?.code, 'reenroll');
    assert.match(kept.trouble()?.text ?? '', /outpost enroll --new-keys/);
  });
});

describe('keys', () => {
  test('that a store does not give are waited for, and never replaced', async (t) => {
    let open = true;
    const kept_ = new Map<string, Uint8Array>();
    const store: KeyStore = {
      title: 'the test’s store',
      seal: async (name, secret) => kept_.set(name, secret).size > 0,
      open: async (name) => {
        const secret = kept_.get(name);
        if (!open) return { kind: 'unavailable', detail: 'the test’s store is locked' };
        return secret === undefined ? { kind: 'absent' } : { kind: 'secret', secret };
      },
      forget: async () => undefined,
    };
    const device = deviceFolder();
    const managed = managedBy(plane.token);
    const first = await start(t, { managed, device, store });
    await first.until('enrolled', () => first.member() !== undefined);
    await first.close();
    const written = device.read('device.json');
    open = false;
    const nobody = () => assert.fail('nothing is asked of the server');
    const second = await start(t, { managed, device, store, change: { connect: nobody } });
    await second.until('in trouble', () => second.trouble() !== undefined);
    assert.deepEqual([second.trouble()?.code, second.member()?.keys.kind], ['locked', 'locked']);
    assert.match(second.trouble()?.text ?? '', /the test’s store is locked/);
    await second.pass(2 * HOUR);
    assert.equal(device.read('device.json'), written);
    assert.equal(kidOf(second), kidOf(first), 'what the organisation has sent goes on');
    open = true;
    await second.until('unlocked', () => second.member()?.keys.kind === 'keys');
    assert.equal(kidOf(second), kidOf(first));
  });

  test('that are gone are made anew where there is a token, and missed where there is none', async (t) => {
    for (const [managed, wanted] of [
      [managedBy(plane.token), undefined],
      [undefined, 'lost'],
    ] as const) {
      const device = deviceFolder();
      const first = await enrolledAtTerminal(device);
      rmSync(join(device.folder, 'device.json'));
      const kept = await start(t, { managed, device });
      await kept.until('settled', () => kept.member()?.keys.kind === 'keys' || kept.trouble() !== undefined);
      assert.equal(kept.trouble()?.code, wanted);
      assert.equal(kidOf(kept) === first.kid, wanted !== undefined);
    }
  });

  test('are rotated after ninety days of trusted time, once, and others are told', async (t) => {
    const device = deviceFolder();
    const first = await enrolledAtTerminal(device);
    let trusted = first.at + 90 * DAY - 1;
    const kept = await start(t, { managed: managedBy(plane.token), device, change: { trustedNow: () => trusted } });
    await kept.rotateIfDue();
    assert.equal(kidOf(kept), first.kid);
    trusted += 1;
    await Promise.all([kept.rotateIfDue(), kept.rotateIfDue()]);
    assert.notEqual(kidOf(kept), first.kid);
    assert.equal(kept.told.length, 1);
    const row = await readDevice(plane.ctx, 'acme', first.device);
    assert.deepEqual([row?.device.kid, row?.device.old_kid], [kidOf(kept), first.kid]);
  });

  test('whose rotation fails stay in use, and it is tried again an hour later', async (t) => {
    const device = deviceFolder();
    const first = await enrolledAtTerminal(device);
    let fails = true;
    const kept = await start(t, {
      device,
      change: {
        trustedNow: () => first.at + 91 * DAY,
        connect: (at) => {
          const http = connectTo(at, clock);
          return {
            close: http.close,
            ask: (asked) => (fails ? Promise.resolve({ kind: 'none', why: 'ETIMEDOUT' }) : http.ask(asked)),
          };
        },
      },
    });
    await kept.rotateIfDue();
    assert.equal(kidOf(kept), first.kid);
    fails = false;
    await kept.rotateIfDue();
    assert.equal(kidOf(kept), first.kid, 'not at once');
    await kept.until('rotated', () => kidOf(kept) !== first.kid, HOUR);
  });
});

test('closing breaks off what is under way', async (t) => {
  const { promise: asking, resolve } = Promise.withResolvers<void>();
  const kept = await start(t, {
    managed: managedBy(plane.token),
    change: {
      connect: () => {
        const { promise, resolve: answer } = Promise.withResolvers<{ kind: 'none'; why: string }>();
        return {
          close: () => answer({ kind: 'none', why: 'closed' }),
          ask: () => {
            resolve();
            return promise;
          },
        };
      },
    },
  });
  await asking;
  await kept.close();
  assert.equal(kept.trouble(), undefined);
});
