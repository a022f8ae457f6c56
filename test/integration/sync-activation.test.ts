// SPDX-License-Identifier: Apache-2.0
// A device and its control plane: how a policy comes to rule, what is reported of it, and what goes on when anything fails on the way.

import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PolicyStatus } from '../../src/proxy/policy/policy.ts';
import { threadChecks } from '../../src/proxy/sync/check/ask.ts';
import { seededBelow } from '../fakes/random.ts';
import { named, signingPair } from '../fakes/signed-world.ts';
import { refuse } from '../fakes/sync-server.ts';
import {
  ask,
  type Device,
  inlineChecks,
  openDevice,
  outcome,
  publish,
  type Stage,
  setStage,
  until,
} from './sync-kit.ts';

const DENY = 'models: { deny: ["gpt-4o"] }\n';
const DENIED = 'OUT_BLOCKED_MODEL models.deny[0]';

const file = ({ dataDir }: Stage, name: string): string => join(dataDir, 'org', name);

/** Time passes until a change is reported, and then it holds. Not more: the deadline of the report is on the same clock. */
async function reported(stage: Stage, device: Device, holds: () => boolean): Promise<void> {
  stage.clock.advance(3000);
  await until(stage, device, holds);
}

test('a policy comes to rule in a thread of its own, is reported, and rules at once after a restart', async (t) => {
  const stage = await setStage(t);
  const bundle = await publish(stage, 1, DENY);
  const device = await openDevice(t, stage, { checks: threadChecks });
  assert.equal(outcome(device.policy), 'allow no-policy');
  assert.deepEqual(device.conditions, [{ code: 'policy-waiting' }]);
  const activated: PolicyStatus[] = [];
  device.org.store.onChange((policy, status) => {
    assert.equal(outcome(policy), DENIED, 'listeners see what rules');
    activated.push(status);
  });
  const status = await device.org.syncNow();
  assert.deepEqual([status.phase, status.policy?.version, status.policy?.sha256], ['fresh', 1, bundle.sha256]);
  assert.equal(outcome(device.policy), DENIED);
  assert.deepEqual(
    activated.map(({ state, sha256 }) => [state, sha256]),
    [['active', device.policy.sha256]],
  );
  assert.deepEqual(device.conditions, []);
  assert.deepEqual(device.events, [{ event: 'freshness', detail: { from: 'waiting', state: 'fresh' } }]);
  await reported(stage, device, () => stage.server.reports.some(({ active }) => active?.version === 1));
  for (const name of ['policy.current', 'fresh.json', 'state.json']) {
    assert.equal(statSync(file(stage, name)).mode & 0o777, 0o600, name);
  }
  await device.org.close();
  await stage.server.close();
  const again = await openDevice(t, stage, { checks: threadChecks });
  assert.equal(outcome(again.policy), DENIED);
  assert.deepEqual([again.org.status().phase, again.events.length], ['fresh', 0]);
});

test('a document that has not changed is not sent again, and nothing is checked anew', async (t) => {
  const stage = await setStage(t);
  await publish(stage, 1, DENY);
  let checked = 0;
  const counted = {
    ...inlineChecks,
    document: (job: Parameters<typeof inlineChecks.document>[0]) => {
      checked += 1;
      return inlineChecks.document(job);
    },
  };
  const device = await openDevice(t, stage, { checks: counted });
  await device.org.syncNow();
  const before = checked;
  for (let n = 0; n < 3; n++) await device.org.syncNow();
  assert.equal(checked, before);
  const tags = stage.server.requests
    .filter(({ path }) => path.endsWith('/fresh'))
    .map(({ headers }) => headers['if-none-match'] !== undefined);
  assert.deepEqual(tags, [false, true, true, true]);
});

test('a call keeps the policy that it began with', async (t) => {
  const stage = await setStage(t);
  await publish(stage, 1, DENY);
  const device = await openDevice(t, stage);
  await device.org.syncNow();
  const began = device.policy;
  await publish(stage, 2, '{}\n');
  await device.org.syncNow();
  assert.equal(outcome(began), DENIED);
  assert.equal(outcome(device.policy), 'allow -');
});

test('a bundle with a fault is refused with its place, reported, and not fetched again within the hour', async (t) => {
  const stage = await setStage(t);
  await publish(stage, 1, DENY);
  const device = await openDevice(t, stage);
  await device.org.syncNow();
  const bad = await publish(stage, 2, 'models:\n  deny: 7\n');
  await device.org.syncNow();
  assert.equal(outcome(device.policy), DENIED);
  const { refused } = device.org.status();
  assert.deepEqual(
    [refused?.version, refused?.sha256, refused?.errors[0]?.line, refused?.errors[0]?.column, refused?.errors[0]?.at],
    [2, bad.sha256, 2, 9, 'models.deny'],
  );
  const { status } = device.org.store;
  assert.ok(status.state === 'rejected' && status.path === 'policy version 2');
  await reported(stage, device, () => stage.server.reports.some(({ candidate }) => candidate?.version === 2));
  const nack = stage.server.reports.find(({ candidate }) => candidate?.version === 2);
  assert.deepEqual([nack?.candidate?.errors[0]?.line, nack?.active?.version], [2, 1]);

  for (let n = 0; n < 3; n++) await device.org.syncNow();
  assert.equal(stage.server.count('bundle'), 2);
  // The same bundle in a newer document is the same bundle.
  stage.server.fresh.set(stage.world.ring, await stage.world.fresh({ bundle: named(bad) }));
  await device.org.syncNow();
  assert.equal(stage.server.count('bundle'), 2);
  await device.org.close();
  const again = await openDevice(t, stage);
  await again.org.syncNow();
  assert.equal(stage.server.count('bundle'), 2, 'nor after a restart');
  stage.clock.jumpWall(3_600_001);
  await again.org.syncNow();
  assert.equal(stage.server.count('bundle'), 3);

  await publish(stage, 3, '{}\n');
  await again.org.syncNow();
  assert.deepEqual(
    [outcome(again.policy), again.org.status().refused, again.org.store.status.state],
    ['allow -', undefined, 'active'],
  );
});

test('a document that was refused is asked for, but checked no second time within the hour', async (t) => {
  const stage = await setStage(t);
  await publish(stage, 1, DENY);
  let checked = 0;
  const counted = {
    ...inlineChecks,
    document: (job: Parameters<typeof inlineChecks.document>[0]) => {
      checked += 1;
      return inlineChecks.document(job);
    },
  };
  const device = await openDevice(t, stage, { checks: counted });
  await device.org.syncNow();
  stage.server.fresh.set(stage.world.ring, await stage.world.fresh({}, { by: [signingPair()] }));
  const before = checked;
  for (let n = 0; n < 4; n++) await device.org.syncNow();
  assert.equal(checked, before + 1);
  assert.equal(device.org.status().policy?.version, 1);
});

test('secrets are fetched when their number rises, stand for keys, and never lie in clear on the disk', async (t) => {
  const stage = await setStage(t);
  const config = 'providers: [{ name: main, type: openai, api_key: "secret:openai" }]\n';
  stage.server.secrets = await stage.world.secrets(1, { values: { openai: 'sk-first-value' } });
  const bundle = await publish(stage, 1, config, { secrets: 1 });
  const device = await openDevice(t, stage);
  await device.org.syncNow();
  const key = () => {
    const [provider] = device.policy.providers;
    const credential = provider?.credential;
    return credential?.kind === 'keys' && credential.keys[0].secret.kind === 'text'
      ? credential.keys[0].secret.value
      : undefined;
  };
  assert.equal(key(), 'sk-first-value');
  await device.org.syncNow();
  assert.equal(stage.server.count('secrets'), 1);
  stage.server.secrets = await stage.world.secrets(2, { values: { openai: 'sk-second-value' } });
  stage.server.fresh.set(stage.world.ring, await stage.world.fresh({ bundle: named(bundle), secrets: 2 }));
  await device.org.syncNow();
  assert.equal(key(), 'sk-second-value');
  assert.equal(stage.server.count('bundle'), 1, 'the bundle is at hand');
  assert.ok(stage.server.requests.filter(({ path }) => path === '/v1/secrets').every(({ signed }) => signed));
  const lies = readFileSync(file(stage, 'policy.current')).toString('latin1');
  assert.ok(!lies.includes('second-value') && !lies.includes('c2Vjb25k'));
  await device.org.close();
  const again = await openDevice(t, stage);
  assert.equal(ask(again.policy).action, 'allow');
  const credential = again.policy.providers[0]?.credential;
  assert.ok(credential?.kind === 'keys' && credential.keys[0].secret.kind === 'text');
  assert.equal(credential.keys[0].secret.value, 'sk-second-value');
});

test('where the secrets cannot be opened any more the rules hold without them', async (t) => {
  const stage = await setStage(t);
  const config = `${DENY}providers: [{ name: main, type: openai, api_key: "secret:openai" }]\n`;
  stage.server.secrets = await stage.world.secrets(1, { values: { openai: 'sk-1' } });
  await publish(stage, 1, config, { secrets: 1 });
  const device = await openDevice(t, stage);
  await device.org.syncNow();
  await device.org.close();
  const { kid, key } = stage.world.signing;
  const again = await openDevice(t, stage, { keys: () => ({ kid, sign: key, seal: [] }) });
  assert.equal(outcome(again.policy), DENIED);
  assert.equal(again.policy.providers[0]?.credential.kind, 'client');
});

test('a change of root is followed one by one, and the policy of the new keys rules', async (t) => {
  const stage = await setStage(t);
  await publish(stage, 1, DENY);
  const device = await openDevice(t, stage);
  await device.org.syncNow();
  await stage.world.rotate('policy');
  await stage.world.rotate('freshness');
  await publish(stage, 2, '{}\n');
  const status = await device.org.syncNow();
  assert.deepEqual([status.policy?.version, status.root], [2, 3]);
  assert.equal(stage.server.count('root'), 3);
  await device.org.close();
  const again = await openDevice(t, stage);
  assert.deepEqual([again.org.status().policy?.version, again.org.status().root], [2, 3]);
});

test('a disk that takes nothing leaves the running policy, and the next round tries again', async (t) => {
  const stage = await setStage(t);
  await publish(stage, 1, DENY);
  const { filePort } = await import('../../src/proxy/sync/files.ts');
  let full = false;
  const files = {
    ...filePort,
    write: async (path: string, bytes: Uint8Array) => {
      if (full && path.endsWith('policy.next')) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      await filePort.write(path, bytes);
    },
  };
  const device = await openDevice(t, stage, { files });
  await device.org.syncNow();
  full = true;
  await publish(stage, 2, '{}\n');
  await device.org.syncNow();
  assert.deepEqual([outcome(device.policy), device.org.status().refused], [DENIED, undefined]);
  full = false;
  await device.org.syncNow();
  assert.equal(outcome(device.policy), 'allow -');
});

test('a device whose clock is wrong signs for the server’s time after one refusal', async (t) => {
  const start = Date.UTC(2030, 0, 1);
  const stage = await setStage(t, (clock) => start + clock.monotonic());
  const { server } = stage;
  await publish(stage, 1, DENY);
  stage.clock.jumpWall(-7 * 86_400_000);
  const device = await openDevice(t, stage);
  await device.org.syncNow();
  assert.equal(device.org.status().policy?.version, 1);
  assert.equal(device.org.status().clockDeltaMs, 7 * 86_400_000);
  const fresh = server.requests.filter(({ path }) => path.endsWith('/fresh'));
  assert.equal(fresh.length, 2);
  await device.org.syncNow();
  assert.equal(server.requests.filter(({ path }) => path.endsWith('/fresh')).length, 3, 'it is right from then on');
});

test('a key that the server does not know: public objects go on unsigned, and people are told', async (t) => {
  const stage = await setStage(t);
  await publish(stage, 1, DENY);
  const device = await openDevice(t, stage);
  await device.org.syncNow();
  stage.server.fault('fresh', (request, response) => {
    if (request.headers['signature'] === undefined) return false;
    refuse(response, 'reenroll');
    return true;
  });
  await device.org.syncNow();
  assert.ok(device.conditions.some(({ code }) => code === 'reenrol-needed'));
  await publish(stage, 2, '{}\n');
  await device.org.syncNow();
  assert.equal(outcome(device.policy), 'allow -');
});

test('a device that is moved looks at its new ring, and obeys that from then on', async (t) => {
  const stage = await setStage(t);
  const { world, server, clock } = stage;
  await publish(stage, 2, DENY);
  const next = await world.bundle(3, { config: '{}\n' });
  server.offer(next);
  server.fresh.set('r1', await world.fresh({ ring: 'r1', seq: 1, bundle: named(next) }));
  const device = await openDevice(t, stage);
  await device.org.syncNow();
  server.answer = { ...server.answer, ring: 'r1', user: { name: 'Ann', until: clock.now() + 1 } };
  await reported(stage, device, () => device.org.status().ring === 'r1');
  await device.org.syncNow();
  assert.deepEqual([device.org.status().policy?.version, device.org.status().user?.name], [3, 'Ann']);
  await device.org.close();
  const again = await openDevice(t, stage);
  assert.equal(again.org.status().ring, 'r1');
});

test('a server that shows an older version to a moved device is obeyed in orders, not in that', async (t) => {
  const stage = await setStage(t);
  const { world, server } = stage;
  await publish(stage, 5, DENY);
  const older = await world.bundle(4, { config: '{}\n' });
  server.offer(older);
  const kill = [world.order({ level: 'block-all-ai' })];
  server.fresh.set('r1', await world.fresh({ ring: 'r1', seq: 1, bundle: named(older), kill }));
  const device = await openDevice(t, stage);
  await device.org.syncNow();
  server.answer = { ...server.answer, ring: 'r1' };
  await reported(stage, device, () => device.org.status().ring === 'r1');
  await device.org.syncNow();
  assert.equal(device.org.status().policy?.version, 5);
  assert.equal(outcome(device.policy), 'OUT_BLOCKED_ORDER order:o-block-all-ai');
  assert.match(device.org.status().refused?.errors[0]?.message ?? '', /older/);
});

test('device management’s floors hold whatever is published', async (t) => {
  const stage = await setStage(t);
  await publish(stage, 1, 'hosts: [{ host: api.openai.com, action: tunnel }]\naudit: { level: relaxed }\n');
  const floors = { block_hosts: ['api.openai.com'], deny_models: ['evil-*'], audit: { level: 'strict' as const } };
  const device = await openDevice(t, stage, { management: { beforeFirstPolicy: 'pass', floors } });
  assert.equal(
    device.policy.decideHost('api.openai.com').rule,
    'managed.block_hosts[0]',
    'before the first policy too',
  );
  await device.org.syncNow();
  assert.equal(device.policy.decideHost('api.openai.com').action, 'block');
  assert.equal(device.policy.settings.audit.level, 'strict');
});

test('a folder with any byte altered never makes another policy rule', async (t) => {
  const stage = await setStage(t);
  await publish(stage, 1, 'models: { deny: ["gpt-4o", "first"] }\n');
  const first = await openDevice(t, stage);
  await first.org.syncNow();
  await publish(stage, 2, 'models: { deny: ["gpt-4o"] }\n');
  await first.org.syncNow();
  await first.org.close();
  await stage.server.close();
  const below = seededBelow(77);
  const names = ['policy.current', 'policy.previous', 'fresh.json', 'state.json'] as const;
  const whole = new Map(names.map((name) => [name, readFileSync(file(stage, name))]));
  const versions = new Set<number | undefined>();
  for (let n = 0; n < 120; n++) {
    const name = names[n % names.length] ?? 'fresh.json';
    for (const [each, bytes] of whole) {
      const copy = Buffer.from(bytes);
      const at = below(copy.length);
      if (each === name) copy.writeUInt8(copy.readUInt8(at) ^ (1 << below(8)), at);
      writeFileSync(file(stage, each), copy, { mode: 0o600 });
    }
    const device = await openDevice(t, stage);
    versions.add(device.org.status().policy?.version);
    assert.equal(outcome(device.policy), DENIED, `${name}, turn ${n}`);
    await device.org.close();
  }
  assert.deepEqual([...versions].sort(), [1, 2], 'the generation before takes over');
});
