// SPDX-License-Identifier: Apache-2.0
// What keeps a device enrolled while the daemon runs: by itself with device management's token, again when asked, after somebody did it at
// a terminal, through outages and locked stores; and that it rotates keys when they are due.

import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { requestReenrolment } from '../../src/control-plane/devices/acts.ts';
import { readDevice } from '../../src/control-plane/devices/list.ts';
import type { ManagedFacts } from '../../src/proxy/sync/enrol/boot.ts';
import { TESTER } from '../fakes/control-plane.ts';
import { connectTo, deviceFolder, targetAt } from './enrol-kit.ts';
import { clock, enrolledAtTerminal, HOUR, kidOf, managedBy, plane, start } from './enrolment-kept-kit.ts';

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

  test('a token, and another one, are taken up without a restart', async (t) => {
    let now: ManagedFacts = managedBy(`ote_${'x'.repeat(43)}`);
    let changed = false;
    const lookAtManaged = async () => {
      if (!changed) return undefined;
      changed = false;
      return { facts: now, inDoubt: false };
    };
    const kept = await start(t, { managed: now, change: { lookAtManaged } });
    await kept.until('in trouble', () => kept.trouble() !== undefined);
    now = managedBy(plane.token);
    changed = true;
    await kept.pass(90_000);
    assert.deepEqual([kept.member() === undefined, kept.trouble()], [false, undefined]);
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

  test('where nobody knows whether it is managed, removing its file is no leaving', async (t) => {
    const kept = await start(t, { inDoubt: true });
    await enrolledAtTerminal(kept.device);
    await kept.until('enrolled', () => kept.member() !== undefined);
    rmSync(join(kept.device.folder, 'enrolment.json'));
    await kept.pass(60_000);
    assert.equal(kept.told.includes('left'), false);
    assert.ok(kept.member() !== undefined);
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
