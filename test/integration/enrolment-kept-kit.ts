// SPDX-License-Identifier: Apache-2.0
// What the tests of a kept enrolment share: a control plane, and a device that is kept enrolled on a clock of its own. Knows no test.

import assert from 'node:assert/strict';
import { after, before, beforeEach, type TestContext } from 'node:test';
import type { KeyStore } from '../../src/contract/key-store.ts';
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
import { type ControlPlane, startControlPlane } from '../fakes/control-plane.ts';
import { connectTo, type DeviceFolder, deviceFolder, partsOf, targetAt, withAsk } from './enrol-kit.ts';

/** Between two looks at the folder. Milliseconds. */
export const LOOK = 2_000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const clock = new FakeClock();
export let plane: ControlPlane;
export let target: Target;
before(async () => {
  plane = await startControlPlane({ clock });
  target = await targetAt(plane);
});
after(() => plane?.close());
// The server takes so many requests a minute.
beforeEach(() => clock.advance(61_000));

export const managedBy = (token: string | undefined, at = target): ManagedFacts => ({
  settings: { organisation: { url: at.url, org: at.org, root: at.root, ...(token !== undefined && { token }) } },
  roots: [],
});

export interface Kept extends Pick<KeptEnrolment, 'reenrol' | 'rotateIfDue' | 'close'> {
  readonly device: DeviceFolder;
  readonly member: () => Membership | undefined;
  readonly trouble: () => Trouble | undefined;
  /** Everything that was told, in order. */
  readonly told: readonly (Membership | Trouble | 'left' | 'well')[];
  readonly inClear: readonly (string | undefined)[];
  /** Turns the clock until `holds`, a look at a time. */
  until(what: string, holds: () => boolean, step?: number): Promise<void>;
  /** Turns the clock so far, some looks at a time. */
  pass(ms: number): Promise<void>;
}

interface Start {
  readonly managed?: ManagedFacts | undefined;
  readonly inDoubt?: boolean;
  readonly device?: DeviceFolder;
  readonly store?: KeyStore;
  readonly change?: Partial<KeepParts>;
}

/** As the daemon does at its start; a clock of its own, so that turning it does not turn the server's. */
export async function start(
  t: TestContext,
  { managed, inDoubt = false, device = deviceFolder(), store, change }: Start,
): Promise<Kept> {
  const own = new FakeClock(clock.now());
  const parts = { ...partsOf({ folder: device.folder, clock: own, store }), log: silentLog };
  const found = await readOrganisation({ ...parts, managed });
  const told: (Membership | Trouble | 'left' | 'well')[] = [];
  const keeper = keepEnrolled({
    ...parts,
    folder: device.folder,
    managed: { facts: managed, inDoubt },
    lookAtManaged: async () => undefined,
    found,
    connect: (at) => connectTo(at, own),
    trustedNow: () => own.now(),
    random: () => 0.5,
    ...change,
  });
  keeper.onEnrolled((member) => told.push(member));
  keeper.onTrouble((trouble) => told.push(trouble ?? 'well'));
  const inClear: (string | undefined)[] = [];
  keeper.onInClear((title) => inClear.push(title));
  keeper.onLeft(() => told.push('left'));
  t.after(async () => {
    await keeper.close();
    device.remove();
  });
  const kept: Kept = {
    device,
    told,
    inClear,
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

export const kidOf = (kept: Kept): string | undefined => kept.member()?.enrolment.kid;

export async function enrolledAtTerminal(device: DeviceFolder, newKeys = false): Promise<Enrolment> {
  return await withAsk(target, clock, (ask) =>
    enrol(partsOf({ folder: device.folder, clock }), ask, { target, token: plane.token, newKeys }),
  );
}
