// SPDX-License-Identifier: Apache-2.0
// Numbers that go backwards: those of a thief who ran ahead are repaired by new keys, also where the device stops half way; a document
// that a cache or another server still has is no news.

import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Log, LogFields } from '../../src/contract/log.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { syncNow } from '../../src/proxy/view-organisation.ts';
import { named } from '../fakes/signed-world.ts';
import { refuse } from '../fakes/sync-server.ts';
import { type Device, openDevice, outcome, publish, type Stage, setStage } from './sync-kit.ts';

const DENY = 'models: { deny: ["gpt-4o"] }\n';
const DENIED = 'OUT_BLOCKED_MODEL models.deny[0]';
const KEYED = 'providers: [{ name: main, type: openai, api_key: "secret:openai" }]\n';

/** The value that stands for the provider's key. */
function keyOf(device: Device): string | undefined {
  const credential = device.policy.providers[0]?.credential;
  if (credential?.kind !== 'keys' || credential.keys[0].secret.kind !== 'text') return undefined;
  return credential.keys[0].secret.value;
}

/** A device that took all that a thief with the keys of both roles had signed. */
async function robbed(t: TestContext): Promise<{ stage: Stage; device: Device }> {
  const stage = await setStage(t);
  stage.server.secrets = await stage.world.secrets(900_000, { values: { openai: 'sk-of-the-thief' } });
  await publish(stage, 900_000, KEYED, { seq: 900_000_000, secrets: 900_000 });
  const device = await openDevice(t, stage);
  await device.org.syncNow();
  assert.equal(keyOf(device), 'sk-of-the-thief');
  return { stage, device };
}

/** What the organisation had before, under new keys. */
async function repair(stage: Stage): Promise<void> {
  await stage.world.rotate('policy');
  await stage.world.rotate('freshness');
  stage.server.secrets = await stage.world.secrets(5, { values: { openai: 'sk-of-the-owner' } });
  await publish(stage, 7, KEYED, { seq: 8, secrets: 5 });
}

function assertRepaired(device: Device): void {
  const { policy, freshSeq, secrets } = device.org.status();
  assert.deepEqual([policy?.version, freshSeq, secrets, keyOf(device)], [7, 8, 5, 'sk-of-the-owner']);
}

test('numbers that a thief ran ahead are repaired by new keys, of versions, documents and secrets', async (t) => {
  const { stage, device } = await robbed(t);
  await repair(stage);
  await device.org.syncNow();
  assertRepaired(device);
  await device.org.close();
  const again = await openDevice(t, stage);
  assertRepaired(again);
});

test('a new freshness key alone: the envelope of the old one is fetched anew, though the bundle stays', async (t) => {
  const { stage, device } = await robbed(t);
  const { world, server } = stage;
  const bundle = await world.bundle(900_001, { config: KEYED });
  server.offer(bundle);
  server.fresh.set(world.ring, await world.fresh({ bundle: named(bundle), secrets: 900_000 }));
  await device.org.syncNow();
  await world.rotate('freshness');
  // A thief who was the server chose the tag as well.
  server.fault('secrets', (request, response) => {
    if (request.headers['if-none-match'] === undefined) return false;
    response.writeHead(304).end();
    return true;
  });
  server.secrets = await world.secrets(5, { values: { openai: 'sk-of-the-owner' } });
  server.fresh.set(world.ring, await world.fresh({ bundle: named(bundle), seq: 8, secrets: 5 }));
  await device.org.syncNow();
  const { policy, secrets } = device.org.status();
  assert.deepEqual([policy?.version, secrets, keyOf(device)], [900_001, 5, 'sk-of-the-owner']);
});

for (const [what, lose] of [
  ['', []],
  [', its state lost', ['state.json']],
  [', its document lost', ['fresh.json']],
] as const) {
  test(`a stop between the new root and its policy${what}: the thief’s numbers do not come back`, async (t) => {
    const { stage, device } = await robbed(t);
    const { server } = stage;
    await repair(stage);
    server.fault('bundle', (_, response) => {
      refuse(response, 'unavailable');
      return true;
    });
    await device.org.syncNow();
    assert.deepEqual([device.org.status().root, device.org.status().policy?.version], [3, 900_000]);
    await device.org.close();
    for (const name of lose) rmSync(join(stage.dataDir, 'org', name));
    server.fault('bundle', undefined);
    const again = await openDevice(t, stage);
    const isThere = !lose.some((name) => name === 'fresh.json');
    assert.equal(again.org.status().freshSeq, isThere ? 8 : 900_000_000, 'the newest orders hold at once');
    await again.org.syncNow();
    assertRepaired(again);
  });
}

test('a document that was in force before is no news, whoever still serves it', async (t) => {
  const stage = await setStage(t);
  const { world, server } = stage;
  const first = await publish(stage, 1, '{}\n');
  const before = server.fresh.get(world.ring) ?? '';
  const said: string[] = [];
  const note = (event: string, _fields?: LogFields): void => {
    said.push(event);
  };
  const log: Log = { ...silentLog, warn: note, error: note };
  const device = await openDevice(t, stage, { log });
  await device.org.syncNow();
  stage.clock.advance(1_000);
  const second = await publish(stage, 2, DENY);
  await device.org.syncNow();
  const held = device.org.status();
  assert.deepEqual([held.policy?.sha256, held.freshSeq], [second.sha256, 2]);

  const events = device.events.length;
  server.fresh.set(world.ring, before);
  for (let n = 0; n < 3; n++) await device.org.syncNow();
  const { refused, policy, lastContact, freshSeq } = device.org.status();
  assert.deepEqual([refused, policy, freshSeq], [undefined, held.policy, 2]);
  assert.equal(lastContact, held.lastContact, 'nor is it contact: who shows only old ones must not keep it fresh');
  assert.deepEqual([device.conditions, device.events.length, said], [[], events, []]);
  assert.equal(outcome(device.policy), DENIED);
  assert.ok(server.reports.every(({ candidate }) => candidate === null));
  assert.equal(server.count('bundle'), 2, 'what it names was not looked at');

  // A lower number that was signed later: the server has lost what it had signed. That is told.
  stage.clock.advance(60_001);
  server.fresh.set(world.ring, await world.fresh({ bundle: named(first), seq: 1 }));
  await device.org.syncNow();
  assert.match(device.org.status().refused?.errors[0]?.message ?? '', /is older than one that was accepted before/);
  assert.equal(outcome(device.policy), DENIED);
});

/** A device that had version 1, then 2, and was stopped; files of the first are at hand to be put back. */
async function movedOn(t: TestContext) {
  const stage = await setStage(t);
  const org = join(stage.dataDir, 'org');
  const kept = join(stage.dataDir, 'kept');
  await publish(stage, 1, '{}\n');
  const first = await openDevice(t, stage);
  await first.org.syncNow();
  await first.org.close();
  cpSync(org, kept, { recursive: true });
  await publish(stage, 2, DENY);
  const second = await openDevice(t, stage);
  await second.org.syncNow();
  await second.org.close();
  const putBack = (...names: readonly string[]): void => {
    for (const name of names) cpSync(join(kept, name), join(org, name));
  };
  const remove = (name: string): void => rmSync(join(org, name));
  const away = (is: boolean): void =>
    stage.server.fault(
      'fresh',
      is
        ? (_, response) => {
            response.destroy();
            return true;
          }
        : undefined,
    );
  return { stage, putBack, remove, away };
}

/** What of the conditions says that the rules are old. */
const told = ({ conditions }: Device) => conditions.filter(({ code }) => code.startsWith('policy-'));

test('an old policy that was put back rules for want of another, is not fresh, is told, and the newest is fetched at once', async (t) => {
  const { stage, putBack, remove, away } = await movedOn(t);
  putBack('policy.current', 'fresh.json');
  remove('policy.previous');
  away(true);
  const device = await openDevice(t, stage);
  const { phase, policy, nextPoll } = device.org.status();
  assert.deepEqual([outcome(device.policy), phase, policy?.version], ['allow -', 'stale', 1]);
  assert.equal(nextPoll, stage.clock.now(), 'asked for at once');
  const older = { what: 'bundle', floor: 2, got: 1 };
  assert.deepEqual(told(device), [{ code: 'policy-rolled-back', ...older }]);
  assert.deepEqual(device.events, [{ event: 'rolled-back', detail: older }]);
  await device.org.syncNow();
  assert.deepEqual([outcome(device.policy), device.org.status().phase], ['allow -', 'stale']);
  assert.equal(told(device).length, 1, 'it stays so until it is mended');
  away(false);
  await device.org.syncNow();
  assert.deepEqual([outcome(device.policy), device.org.status().phase, told(device)], [DENIED, 'fresh', []]);
  assert.equal(device.events.filter(({ event }) => event === 'rolled-back').length, 1);
});

test('an old policy that was put back does not rule where the newest lies beside it', async (t) => {
  const { stage, putBack, away } = await movedOn(t);
  const org = join(stage.dataDir, 'org');
  cpSync(join(org, 'policy.current'), join(org, 'policy.previous'));
  putBack('policy.current');
  away(true);
  const device = await openDevice(t, stage);
  assert.deepEqual([outcome(device.policy), device.org.status().phase, told(device)], [DENIED, 'fresh', []]);
  // What has ruled is the one that stays when the next comes.
  away(false);
  await publish(stage, 3, '{}\n');
  await device.org.syncNow();
  await device.org.close();
  rmSync(join(org, 'policy.current'));
  away(true);
  const again = await openDevice(t, stage);
  assert.deepEqual([outcome(again.policy), again.org.status().phase], [DENIED, 'stale']);
});

test('an old document that was put back is not fresh, and lifts nothing that the newest no longer lifts', async (t) => {
  const stage = await setStage(t);
  const { world, server, dataDir } = stage;
  const bundle = await publish(stage, 1, DENY, { kill: [await world.bypass()] });
  const first = await openDevice(t, stage);
  await first.org.syncNow();
  assert.equal(first.policy.decideHost('api.openai.com').action, 'tunnel');
  const fresh = join(dataDir, 'org', 'fresh.json');
  const kept = readFileSync(fresh);
  stage.clock.advance(1000);
  server.fresh.set(world.ring, await world.fresh({ bundle: named(bundle) }));
  await first.org.syncNow();
  assert.equal(first.policy.decideHost('api.openai.com').action, 'govern');
  await first.org.close();
  writeFileSync(fresh, kept, { mode: 0o600 });
  server.fault('fresh', (_, response) => {
    response.destroy();
    return true;
  });
  const device = await openDevice(t, stage);
  assert.equal(device.policy.decideHost('api.openai.com').action, 'govern');
  assert.deepEqual([outcome(device.policy), device.org.status().phase], [DENIED, 'stale']);
  assert.deepEqual(told(device), [{ code: 'policy-rolled-back', what: 'seq', floor: 2, got: 1 }]);
  server.fault('fresh', undefined);
  await device.org.syncNow();
  assert.deepEqual([device.org.status().phase, told(device)], ['fresh', []]);
});

test('whether the control plane was heard is told by the look, not by what the clocks say', async (t) => {
  const stage = await setStage(t, (clock) => Date.UTC(2030, 0, 1) + clock.monotonic());
  await publish(stage, 1, '{}\n');
  const device = await openDevice(t, stage);
  await device.org.syncNow();
  // The clock runs ahead, and the next document takes that back.
  stage.clock.jumpWall(3_600_000);
  stage.clock.advance(1000);
  await device.org.syncNow();
  const before = device.org.status().lastContact ?? 0;
  stage.clock.advance(1000);
  await publish(stage, 2, DENY);
  assert.deepEqual(await syncNow(device.org, undefined), { reached: true, version: 2 });
  assert.ok((device.org.status().lastContact ?? 0) < before);
  assert.equal((await syncNow(device.org, undefined)).reached, true, 'in the same moment too');
  stage.server.fault('fresh', (_, response) => {
    response.destroy();
    return true;
  });
  assert.deepEqual(await syncNow(device.org, undefined), { reached: false, version: 2 });
});
