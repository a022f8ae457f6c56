// SPDX-License-Identifier: Apache-2.0
// Invariant S4, on the device: an order holds from the moment that its document is there, over a restart and without the server, and ends
// by itself. With it, what else lifts or stops the rules for a time: overrides and revocation.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { overrideCode } from '../../src/protocol/override-code.ts';
import { filePort } from '../../src/proxy/sync/files.ts';
import type { OrganisationOptions } from '../../src/proxy/sync/org-types.ts';
import { named } from '../fakes/signed-world.ts';
import { refuse } from '../fakes/sync-server.ts';
import { type Device, lookNow, openDevice, outcome, publish, type Stage, setStage, until } from './sync-kit.ts';

const DENY = 'models: { deny: ["gpt-4o"] }\n';
const DENIED = 'OUT_BLOCKED_MODEL models.deny[0]';
const HOUR = 3_600_000;

/** A device on which version 1 rules. */
async function ruled(t: TestContext, config = DENY, change: Partial<OrganisationOptions> = {}) {
  const stage = await setStage(t);
  const bundle = await publish(stage, 1, config);
  const device = await openDevice(t, stage, change);
  await lookNow(stage.clock, device);
  return { stage, bundle, device };
}

/** Opens the same device again, with nobody to ask. */
async function restarted(t: TestContext, stage: Stage, device: Device, change: Partial<OrganisationOptions> = {}) {
  await device.org.close();
  const { world } = stage;
  const enrolment = { org: world.org, device: world.device, ring: world.ring, root: world.fingerprint };
  return openDevice(t, stage, { enrolment: { ...enrolment, url: 'http://127.0.0.1:9' }, ...change });
}

const orderEvents = (device: Device) =>
  device.events.filter(({ event }) => event.startsWith('order')).map(({ event, detail }) => `${event} ${detail['id']}`);

describe('an order', { concurrency: 2 }, () => {
  test('that a nudge announces is obeyed at once, and over a restart without the server, to its end', async (t) => {
    const { stage, bundle, device } = await ruled(t);
    await until(stage, device, () => device.org.status().connected);
    const kill = [stage.world.order({ level: 'block-all-ai' })];
    const document = await stage.world.fresh({ bundle: named(bundle), kill });
    stage.server.fresh.set(stage.world.ring, document);
    const obeyed = until(stage, device, () => device.org.status().orders.length === 1);
    stage.server.nudge(2);
    // No spread: the timer is due as soon as it is set.
    const turning = { over: false };
    void obeyed.then(() => {
      turning.over = true;
    });
    while (!turning.over) await stage.clock.advanceAsync(0);
    assert.equal(outcome(device.policy), 'OUT_BLOCKED_ORDER order:o-block-all-ai');
    assert.deepEqual(orderEvents(device), ['order o-block-all-ai']);
    const verdict = device.policy.decide({
      host: 'api.openai.com',
      provider: undefined,
      model: 'x',
      modelKnown: true,
      owner: undefined,
    });
    assert.ok(verdict.action === 'block' && verdict.message === 'a drill');
    assert.deepEqual(device.conditions, [
      { code: 'order', id: 'o-block-all-ai', level: 'block-all-ai', reason: 'a drill' },
    ]);

    const offline = await restarted(t, stage, device);
    assert.equal(outcome(offline.policy), 'OUT_BLOCKED_ORDER order:o-block-all-ai');
    stage.clock.advance(HOUR - 1);
    assert.equal(outcome(offline.policy), 'OUT_BLOCKED_ORDER order:o-block-all-ai');
    stage.clock.advance(1);
    assert.equal(outcome(offline.policy), DENIED);
    assert.deepEqual(orderEvents(offline), ['order-ended o-block-all-ai']);
    const later = await restarted(t, stage, offline);
    assert.equal(outcome(later.policy), DENIED, 'nor does it come back');
  });

  test('is obeyed also where the bundle of its document cannot rule', async (t) => {
    const { stage, device } = await ruled(t);
    await publish(stage, 2, 'nonsense: 1\n', { kill: [stage.world.order({ level: 'block-all-ai' })] });
    await lookNow(stage.clock, device);
    assert.equal(device.org.status().policy?.version, 1);
    assert.match(outcome(device.policy), /^OUT_BLOCKED_ORDER/);
    const offline = await restarted(t, stage, device);
    assert.match(outcome(offline.policy), /^OUT_BLOCKED_ORDER/);
  });

  test('is obeyed also before there is a policy', async (t) => {
    const stage = await setStage(t);
    stage.server.fresh.set(
      stage.world.ring,
      await stage.world.fresh({ kill: [stage.world.order({ level: 'block-all-ai' })] }),
    );
    const device = await openDevice(t, stage);
    await lookNow(stage.clock, device);
    assert.deepEqual(
      [device.org.status().phase, outcome(device.policy)],
      ['waiting', 'OUT_BLOCKED_ORDER order:o-block-all-ai'],
    );
  });

  test('against a provider stops that one; a later document takes it back', async (t) => {
    const { stage, bundle, device } = await ruled(t, 'providers: [{ name: main, type: openai }]\n');
    const kill = [stage.world.order({ level: 'block-provider', target: 'main' })];
    stage.server.fresh.set(stage.world.ring, await stage.world.fresh({ bundle: named(bundle), kill }));
    await lookNow(stage.clock, device);
    assert.equal(outcome(device.policy), 'OUT_BLOCKED_ORDER order:o-block-provider');
    stage.server.fresh.set(stage.world.ring, await stage.world.fresh({ bundle: named(bundle) }));
    await lookNow(stage.clock, device);
    assert.equal(outcome(device.policy), 'allow -');
    assert.deepEqual(orderEvents(device), ['order o-block-provider', 'order-ended o-block-provider']);
  });

  test('to stop intercepting needs the root’s leave, and is not obeyed where device management says so', async (t) => {
    for (const [floors, action] of [
      [{}, 'tunnel'],
      [{ no_bypass: true }, 'govern'],
    ] as const) {
      const { stage, bundle, device } = await ruled(t, DENY, { management: { beforeFirstPolicy: 'pass', floors } });
      const kill = [await stage.world.bypass()];
      stage.server.fresh.set(stage.world.ring, await stage.world.fresh({ bundle: named(bundle), kill }));
      await lookNow(stage.clock, device);
      assert.equal(device.policy.decideHost('api.openai.com').action, action);
      const offline = await restarted(t, stage, device, { management: { beforeFirstPolicy: 'pass', floors } });
      assert.equal(offline.policy.decideHost('api.openai.com').action, action);
      stage.clock.advance(HOUR);
      assert.equal(offline.policy.decideHost('api.openai.com').action, 'govern');
    }
  });

  test('to update the program warns, and nothing else', async (t) => {
    const { stage, bundle, device } = await ruled(t);
    stage.server.fresh.set(stage.world.ring, await stage.world.fresh({ bundle: named(bundle), min_agent: '1.10.0' }));
    await lookNow(stage.clock, device);
    assert.deepEqual(device.conditions, [{ code: 'agent-outdated', wanted: '1.10.0' }]);
    assert.equal(outcome(device.policy), DENIED);
  });
});

/** A device that has the key of override codes. */
async function withSecrets(t: TestContext, config = DENY, change: Partial<OrganisationOptions> = {}) {
  const stage = await setStage(t);
  stage.server.secrets = await stage.world.secrets(1, { values: { key: 'sk-of-the-organisation' } });
  await publish(stage, 1, config, { secrets: 1 });
  const device = await openDevice(t, stage, change);
  await lookNow(stage.clock, device);
  return { stage, device };
}

describe('an override code', { concurrency: 2 }, () => {
  test('lifts the rules for its minutes, once, also over a restart without the server', async (t) => {
    const { stage, device } = await withSecrets(t);
    const code = overrideCode(stage.world.overrideKey, stage.clock.now(), 30);
    const result = device.org.override(code);
    assert.ok(result.ok && result.until === stage.clock.now() + 30 * 60_000);
    assert.equal(outcome(device.policy), `allow override:${result.id}`);
    assert.deepEqual(device.org.override(code), { ok: false, why: 'wrong' }, 'no second time');
    const offline = await restarted(t, stage, device);
    assert.equal(outcome(offline.policy), `allow override:${result.id}`);
    stage.clock.advance(30 * 60_000);
    assert.equal(outcome(offline.policy), DENIED);
    assert.deepEqual(offline.org.override(code), { ok: false, why: 'wrong' }, 'nor after a restart');
    const said = [...device.events, ...offline.events].map(({ event }) => event);
    assert.deepEqual(
      said.filter((event) => event.startsWith('override')),
      ['override', 'override-refused', 'override-ended', 'override-refused'],
    );
  });

  test('is tried five times in a quarter of an hour, and no more', async (t) => {
    const { stage, device } = await withSecrets(t);
    const good = overrideCode(stage.world.overrideKey, stage.clock.now(), 15);
    const bad = good === '00000000' ? '00000001' : '00000000';
    for (let n = 0; n < 5; n++) assert.deepEqual(device.org.override(bad), { ok: false, why: 'wrong' });
    assert.deepEqual(device.org.override(good), { ok: false, why: 'too-many' });
    const again = await restarted(t, stage, device);
    assert.deepEqual(again.org.override(good), { ok: false, why: 'too-many' });
    stage.clock.advance(15 * 60_000);
    assert.ok(again.org.override(good).ok);
  });

  test('does not count where policy or device management forbid it, or there is no key', async (t) => {
    const none = { ok: false, why: 'not-allowed' };
    const byPolicy = await withSecrets(t, `${DENY}organisation: { offline_override: false }\n`);
    const code = overrideCode(byPolicy.stage.world.overrideKey, byPolicy.stage.clock.now(), 15);
    assert.deepEqual(byPolicy.device.org.override(code), none);
    const management = { beforeFirstPolicy: 'pass' as const, floors: { no_override: true } };
    const managed = await withSecrets(t, DENY, { management });
    assert.deepEqual(managed.device.org.override('12345678'), none);
    const { device } = await ruled(t);
    assert.deepEqual(device.org.override('12345678'), { ok: false, why: 'no-key' });
  });

  test('lifts no order', async (t) => {
    const { stage, device } = await withSecrets(t);
    const { bundle } = JSON.parse(
      Buffer.from(JSON.parse(stage.server.fresh.get(stage.world.ring) ?? '').payload, 'base64url').toString(),
    );
    const kill = [stage.world.order({ level: 'block-all-ai' })];
    stage.server.fresh.set(stage.world.ring, await stage.world.fresh({ bundle, secrets: 1, kill }));
    await lookNow(stage.clock, device);
    assert.ok(device.org.override(overrideCode(stage.world.overrideKey, stage.clock.now(), 15)).ok);
    assert.match(outcome(device.policy), /^OUT_BLOCKED_ORDER/);
  });
});

const WITH_KEY = `${DENY}providers: [{ name: main, type: openai, api_key: "secret:key" }]\n`;

/** Waits for what a revocation does to the disk. */
async function forgotten(stage: Stage, device: Device): Promise<void> {
  await until(stage, device, () => device.policy.providers[0]?.credential.kind === 'client');
}

describe('a revoked device', { concurrency: 2 }, () => {
  test('forgets the organisation’s secrets on disk and in memory, and is blocked, also after a restart', async (t) => {
    const { stage, device } = await withSecrets(t, WITH_KEY);
    const stored = () => readFileSync(join(stage.dataDir, 'org', 'policy.current')).toString('latin1');
    assert.match(stored(), /"secrets":"ey/);
    stage.server.fault('fresh', (_request, response) => {
      refuse(response, 'revoked');
      return true;
    });
    const gone = forgotten(stage, device);
    await lookNow(stage.clock, device);
    assert.equal(outcome(device.policy), 'OUT_DEVICE_REVOKED revoked');
    await gone;
    assert.match(stored(), /"secrets":null/);
    assert.equal(outcome(device.policy), 'OUT_DEVICE_REVOKED revoked');
    assert.deepEqual(device.org.override('12345678'), { ok: false, why: 'not-allowed' });
    assert.deepEqual(device.conditions, [{ code: 'device-revoked' }]);
    const asked = stage.server.requests.length;
    stage.clock.advance(24 * HOUR);
    assert.equal((await device.org.syncNow()).phase, 'revoked');
    assert.equal(stage.server.requests.length, asked, 'it asks no more');
    const again = await restarted(t, stage, device);
    assert.equal(outcome(again.policy), 'OUT_DEVICE_REVOKED revoked');
    assert.equal(again.policy.providers[0]?.credential.kind, 'client');
  });

  test('that the policy lets pass goes on with the caller’s own credential, recorded', async (t) => {
    const { stage, device } = await withSecrets(t, `${WITH_KEY}organisation: { on_revoked: pass }\n`);
    const mark = createHash('sha256').update(stage.world.device).digest('hex').slice(0, 16);
    stage.server.fresh.set(stage.world.ring, await stage.world.fresh({ revoked: [mark] }));
    const gone = forgotten(stage, device);
    await lookNow(stage.clock, device);
    await gone;
    assert.equal(outcome(device.policy), 'allow revoked');
    assert.deepEqual(
      device.events.map(({ event }) => event),
      ['freshness', 'revoked'],
    );
    const again = await restarted(t, stage, device);
    assert.deepEqual([outcome(again.policy), again.policy.providers[0]?.credential.kind], ['allow revoked', 'client']);
  });

  test('that could not clean its disk does so at the next start', async (t) => {
    const files = {
      ...filePort,
      write: (path: string, bytes: Uint8Array) =>
        path.endsWith('policy.current.new') ? Promise.reject(new Error('full')) : filePort.write(path, bytes),
    };
    const { stage, device } = await withSecrets(t, WITH_KEY, { files });
    const stored = () => readFileSync(join(stage.dataDir, 'org', 'policy.current')).toString('latin1');
    device.org.refused('revoked');
    await device.org.close();
    assert.match(stored(), /"secrets":"ey/);
    const again = await restarted(t, stage, device);
    assert.equal(again.policy.providers[0]?.credential.kind, 'client', 'nothing is opened meanwhile');
    await again.org.close();
    assert.match(stored(), /"secrets":null/);
  });

  test('is told so by whoever else speaks with the server', async (t) => {
    const { device } = await ruled(t);
    device.org.refused('revoked');
    assert.equal(outcome(device.policy), 'OUT_DEVICE_REVOKED revoked');
  });

  test('leaves nobody waiting who asked for another look', async (t) => {
    const { stage, device } = await ruled(t);
    stage.server.fault('fresh', (_request, response) => {
      refuse(response, 'revoked');
      return true;
    });
    const both = [lookNow(stage.clock, device), lookNow(stage.clock, device)];
    await Promise.all(both);
    assert.equal(device.org.status().phase, 'revoked');
  });

  test('that is on nobody’s list goes on', async (t) => {
    const { stage, bundle, device } = await ruled(t);
    stage.server.fresh.set(
      stage.world.ring,
      await stage.world.fresh({ bundle: named(bundle), revoked: ['0123456789abcdef'] }),
    );
    await lookNow(stage.clock, device);
    assert.equal(outcome(device.policy), DENIED);
  });
});
