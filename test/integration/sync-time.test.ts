// SPDX-License-Identifier: Apache-2.0
// Invariant S3: without its control plane a device goes on with the last policy that was good, and what the policy says of that time comes
// at the right one, whatever happens to the clocks of the machine.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { overrideCode } from '../../src/protocol/override-code.ts';
import { named } from '../fakes/signed-world.ts';
import { type Device, lookNow, openDevice, outcome, publish, type Stage, setStage } from './sync-kit.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
const DENIED = 'OUT_BLOCKED_MODEL models.deny[0]';
const EXPIRED = 'OUT_POLICY_EXPIRED expired';

const config = (onExpired: string): string =>
  `models: { deny: ["gpt-4o"] }\norganisation: { grace_days: 14, on_expired: ${onExpired} }\n`;

function away({ server }: Stage): void {
  server.fault('fresh', (_request, response) => {
    response.destroy();
    return true;
  });
}

async function back({ world, server }: Stage): Promise<void> {
  const { bundle } = JSON.parse(
    Buffer.from(JSON.parse(server.fresh.get(world.ring) ?? '').payload, 'base64url').toString(),
  );
  server.fresh.set(world.ring, await world.fresh({ bundle }));
  server.fault('fresh', undefined);
}

const START = Date.UTC(2030, 0, 1);

/** A stage whose server has the right time, whatever is done to the device's clock. */
interface Apart extends Stage {
  /** Milliseconds that have passed while the device's monotonic clock stood still. */
  slept: number;
}

/** A device that has just heard from its server, which then goes away. */
async function alone(t: TestContext, onExpired = 'block'): Promise<{ readonly stage: Apart; readonly device: Device }> {
  const time = { slept: 0 };
  const stage: Apart = Object.assign(time, await setStage(t, (clock) => START + clock.monotonic() + time.slept));
  await publish(stage, 1, config(onExpired));
  const device = await openDevice(t, stage);
  await lookNow(stage.clock, device);
  away(stage);
  return { stage, device };
}

/** It sleeps, and only the wall clock counts that. */
function sleep(stage: Apart, ms: number): void {
  stage.clock.jumpWall(ms);
  stage.slept += ms;
}

const phase = (device: Device) => device.org.status().phase;

describe('without the server', { concurrency: 2 }, () => {
  test('for thirty days the policy is enforced, until it says otherwise, to the day', async (t) => {
    const { stage, device } = await alone(t);
    const days: string[] = [];
    for (let day = 1; day <= 30; day++) {
      stage.clock.advance(DAY - 1);
      await lookNow(stage.clock, device);
      days.push(`${phase(device)} ${outcome(device.policy)}`);
      stage.clock.advance(1);
      await lookNow(stage.clock, device);
    }
    assert.deepEqual(days, [
      `fresh ${DENIED}`,
      ...Array.from({ length: 14 }, () => `stale ${DENIED}`),
      ...Array.from({ length: 15 }, () => `expired ${EXPIRED}`),
    ]);
    assert.deepEqual(
      device.events.map(({ event, detail }) => `${event} ${detail['state']}`),
      ['freshness fresh', 'freshness stale', 'freshness expired'],
    );
    await back(stage);
    await lookNow(stage.clock, device);
    assert.deepEqual([phase(device), outcome(device.policy)], ['fresh', DENIED]);
  });

  test('a policy may be enforced for ever, or go on recording only', async (t) => {
    for (const [onExpired, then] of [
      ['enforce', DENIED],
      ['metadata-only', 'allow expired'],
    ] as const) {
      const { stage, device } = await alone(t, onExpired);
      stage.clock.advance(40 * DAY);
      await lookNow(stage.clock, device);
      assert.deepEqual([phase(device), outcome(device.policy)], ['expired', then]);
    }
  });

  test('it expires while nobody restarts it, and stays so over a restart', async (t) => {
    const { stage, device } = await alone(t);
    stage.clock.advance(16 * DAY);
    await lookNow(stage.clock, device);
    await device.org.close();
    const again = await openDevice(t, stage);
    assert.deepEqual([phase(again), outcome(again.policy)], ['expired', EXPIRED]);
  });
});

/** What happens to the clocks; then how it stands before anybody asked the server, and after a failure to. */
const CLOCKS: Readonly<Record<string, readonly [happens: (stage: Apart) => void, before: string, after: string]>> = {
  'a summer time that begins': [({ clock }) => clock.jumpWall(HOUR), 'fresh', 'fresh'],
  'a summer time that ends': [({ clock }) => clock.jumpWall(-HOUR), 'fresh', 'fresh'],
  'a time service that steps by an hour and back': [
    ({ clock }) => {
      clock.jumpWall(HOUR);
      clock.jumpWall(-HOUR);
    },
    'fresh',
    'fresh',
  ],
  'a sleep of three days that no clock but the wall’s counts': [(stage) => sleep(stage, 3 * DAY), 'stale', 'stale'],
  'a virtual machine that is resumed after twenty days': [(stage) => sleep(stage, 20 * DAY), 'stale', 'expired'],
  'a clock that is set a year on': [({ clock }) => clock.jumpWall(YEAR), 'stale', 'expired'],
  'a clock that is set a year back': [({ clock }) => clock.jumpWall(-YEAR), 'fresh', 'fresh'],
  'a clock that is set back each day for sixteen days': [
    ({ clock }) => {
      for (let day = 0; day < 16; day++) {
        clock.advance(DAY);
        clock.jumpWall(-DAY);
      }
    },
    'stale',
    'expired',
  ],
};

describe('whatever happens to the clocks', { concurrency: 2 }, () => {
  for (const [name, [happens, before, after]] of Object.entries(CLOCKS)) {
    test(name, async (t) => {
      const { stage, device } = await alone(t);
      happens(stage);
      // A machine that wakes says so; the clocks are looked at then, and nothing has been asked yet.
      device.org.woke();
      assert.equal(phase(device), before);
      await lookNow(stage.clock, device);
      assert.equal(phase(device), after);
      assert.equal(outcome(device.policy), after === 'expired' ? EXPIRED : DENIED);
      stage.clock.advance(1000);
      await back(stage);
      await lookNow(stage.clock, device);
      assert.deepEqual([phase(device), outcome(device.policy)], ['fresh', DENIED], 'one answer mends it');
    });
  }

  test('a clock that is set back over a restart takes nothing back', async (t) => {
    const { stage, device } = await alone(t);
    stage.clock.advance(16 * DAY);
    await device.org.close();
    stage.clock.jumpWall(-16 * DAY);
    const again = await openDevice(t, stage);
    assert.equal(phase(again), 'stale');
    await lookNow(stage.clock, again);
    assert.equal(phase(again), 'expired');
  });

  test('an order ends at its time, also on a clock that is set back all the while', async (t) => {
    const stage = await setStage(t);
    await publish(stage, 1, '{}\n', { kill: [stage.world.order({ level: 'block-all-ai' })] });
    const device = await openDevice(t, stage);
    await lookNow(stage.clock, device);
    away(stage);
    for (let n = 0; n < 59; n++) {
      stage.clock.advance(60_000);
      stage.clock.jumpWall(-60_000);
    }
    assert.match(outcome(device.policy), /OUT_BLOCKED_ORDER/);
    stage.clock.advance(60_000);
    assert.equal(outcome(device.policy), 'allow -');
    assert.deepEqual(
      device.events.map(({ event }) => event),
      ['order', 'freshness', 'order-ended'],
    );
  });
});

const STOPPED = 'OUT_BLOCKED_ORDER order:o-block-all-ai';

/** A device that was just ordered to stop all for an hour; its server stays there. */
async function stopped(t: TestContext): Promise<{ readonly stage: Apart; readonly device: Device }> {
  const time = { slept: 0 };
  const stage: Apart = Object.assign(time, await setStage(t, (clock) => START + clock.monotonic() + time.slept));
  await publish(stage, 1, '{}\n', { kill: [stage.world.order({ level: 'block-all-ai' })] });
  const device = await openDevice(t, stage);
  await lookNow(stage.clock, device);
  assert.equal(outcome(device.policy), STOPPED);
  return { stage, device };
}

/** What is done to the clocks while the device runs, or between two runs of it. Always an hour at least that was none. */
const STEPS: Readonly<Record<string, readonly [whileOff: boolean, happens: (stage: Apart) => void]>> = {
  'is set on by two hours': [false, ({ clock }) => clock.jumpWall(2 * HOUR)],
  'is set on by a year, twenty times': [
    false,
    ({ clock }) => {
      for (let n = 0; n < 20; n++) clock.jumpWall(YEAR);
    },
  ],
  'is set back by two hours': [false, ({ clock }) => clock.jumpWall(-2 * HOUR)],
  'is set on between two runs': [true, ({ clock }) => clock.jumpWall(2 * HOUR)],
  'is set back between two runs': [true, ({ clock }) => clock.jumpWall(-2 * HOUR)],
  'is set on between two runs, and the state is gone': [
    true,
    ({ clock, dataDir }) => {
      clock.jumpWall(2 * HOUR);
      rmSync(join(dataDir, 'org', 'state.json'));
    },
  ],
};

describe('an order that forbids', { concurrency: 2 }, () => {
  for (const [name, [whileOff, happens]] of Object.entries(STEPS)) {
    test(`holds for its hour where the clock ${name}`, async (t) => {
      const { stage, device } = await stopped(t);
      let now = device;
      stage.clock.advance(10 * 60_000);
      if (whileOff) await device.org.close();
      happens(stage);
      if (whileOff) {
        away(stage);
        now = await openDevice(t, stage);
      }
      now.org.woke();
      assert.equal(outcome(now.policy), STOPPED);
      await lookNow(stage.clock, now);
      assert.equal(outcome(now.policy), STOPPED, 'nor does an answer end it that has nothing new');
      // What was measured while the device ran counts, unless that is lost.
      const isLost = name.endsWith('is gone');
      stage.clock.advance((isLost ? 60 : 50) * 60_000 - 1);
      assert.equal(outcome(now.policy), STOPPED);
      stage.clock.advance(1);
      assert.equal(outcome(now.policy), 'allow -');
      assert.equal(now.events.filter(({ event }) => event === 'order-ended').length, 1);
    });
  }

  test('holds over a sleep until the server says what time it is', async (t) => {
    const { stage, device } = await stopped(t);
    sleep(stage, 2 * HOUR);
    device.org.woke();
    assert.equal(outcome(device.policy), STOPPED);
    const { bundle } = JSON.parse(
      Buffer.from(JSON.parse(stage.server.fresh.get(stage.world.ring) ?? '').payload, 'base64url').toString(),
    );
    // The same order, in a document of now.
    const kill = [{ ...stage.world.order({ level: 'block-all-ai' }), until: START + HOUR }];
    stage.server.fresh.set(stage.world.ring, await stage.world.fresh({ bundle, kill }));
    await lookNow(stage.clock, device);
    assert.equal(outcome(device.policy), 'allow -');
  });
});

describe('what lifts the rules', { concurrency: 2 }, () => {
  for (const [name, happens] of [
    ['set back all the while', ({ clock }: Apart) => clock.jumpWall(-60_000)],
    ['left alone', () => undefined],
  ] as const) {
    test(`ends at its time on a clock that is ${name}: a bypass`, async (t) => {
      const { stage, device } = await alone(t);
      const bundle = await publish(stage, 2, '{}\n');
      const kill = [await stage.world.bypass()];
      stage.server.fresh.set(stage.world.ring, await stage.world.fresh({ bundle: named(bundle), kill }));
      stage.server.fault('fresh', undefined);
      await lookNow(stage.clock, device);
      away(stage);
      const action = () => device.policy.decideHost('api.openai.com').action;
      for (let n = 0; n < 60; n++) {
        assert.equal(action(), 'tunnel');
        stage.clock.advance(60_000);
        happens(stage);
      }
      assert.equal(action(), 'govern');
    });
  }

  test('ends early on a clock that is set on, and does not come back with it', async (t) => {
    const { stage, device } = await alone(t);
    const kill = [await stage.world.bypass()];
    const bundle = await publish(stage, 2, '{}\n');
    stage.server.fresh.set(stage.world.ring, await stage.world.fresh({ bundle: named(bundle), kill }));
    stage.server.fault('fresh', undefined);
    await lookNow(stage.clock, device);
    const action = () => device.policy.decideHost('api.openai.com').action;
    assert.equal(action(), 'tunnel');
    stage.clock.jumpWall(2 * HOUR);
    device.org.woke();
    assert.equal(action(), 'govern');
    stage.clock.jumpWall(-2 * HOUR);
    await lookNow(stage.clock, device);
    assert.equal(action(), 'govern');
  });

  test('an override that was typed on a clock set on lasts no longer when the server corrects it', async (t) => {
    const { stage, device } = await alone(t);
    const { world, server, clock } = stage;
    server.secrets = await world.secrets(1, { values: {} });
    const bundle = await publish(stage, 2, config('block'), { secrets: 1 });
    server.fault('fresh', undefined);
    await lookNow(clock, device);
    const code = overrideCode(world.overrideKey, START, 15);
    clock.jumpWall(25 * 60_000);
    assert.ok(device.org.override(code).ok);
    clock.advance(60_000);
    server.fresh.set(world.ring, await world.fresh({ bundle: named(bundle), secrets: 1 }));
    await lookNow(clock, device);
    assert.match(outcome(device.policy), /^allow override:/);
    clock.advance(14 * 60_000 - 1);
    assert.match(outcome(device.policy), /^allow override:/);
    clock.advance(1);
    assert.equal(outcome(device.policy), DENIED);
  });
});
