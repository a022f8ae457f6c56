// SPDX-License-Identifier: Apache-2.0
// The keys of a device that is kept enrolled: locked, in clear, lost, and rotated when they are due.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { KeyStore } from '../../src/contract/key-store.ts';
import { readDevice } from '../../src/control-plane/devices/list.ts';
import { connectTo, deviceFolder } from './enrol-kit.ts';
import { clock, DAY, enrolledAtTerminal, HOUR, kidOf, managedBy, plane, start } from './enrolment-kept-kit.ts';

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

  test('that lie in clear since the store was locked are encrypted as soon as it opens, and are told of until then', async (t) => {
    let open = false;
    const held = new Map<string, Uint8Array>();
    const store: KeyStore = {
      title: 'the test’s store',
      seal: async (name, secret) => open && held.set(name, secret).size > 0,
      open: async (name) => {
        const secret = held.get(name);
        return secret === undefined ? { kind: 'absent' } : { kind: 'secret', secret };
      },
      forget: async () => undefined,
    };
    const kept = await start(t, { managed: managedBy(plane.token), store });
    await kept.until('told', () => kept.inClear.length > 0);
    assert.deepEqual(kept.inClear, ['the test’s store']);
    const kid = kidOf(kept);
    open = true;
    await kept.until('encrypted', () => kept.inClear.length > 1);
    assert.deepEqual(kept.inClear, ['the test’s store', undefined]);
    assert.ok(!kept.device.read('device.json').includes('PRIVATE KEY'));
    const again = await start(t, { managed: managedBy(plane.token), device: kept.device, store });
    assert.deepEqual([kidOf(again), again.member()?.keys.kind], [kid, 'keys']);
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
