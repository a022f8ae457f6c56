// SPDX-License-Identifier: Apache-2.0
// An enrolled device on a control plane in memory: real HTTP, real files, real keys; time by the test. Checks run in this thread unless a
// test asks for the real one, which costs half a second each.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { EventBody } from '../../src/contract/audit-row.ts';
import type { Clock } from '../../src/contract/clock.ts';
import type { Log } from '../../src/contract/log.ts';
import type { FreshPayload } from '../../src/contract/sync/objects.ts';
import { silentLog } from '../../src/proxy/log.ts';
import type { Policy, Verdict } from '../../src/proxy/policy/policy.ts';
import type { Checks } from '../../src/proxy/sync/check/ask.ts';
import { check } from '../../src/proxy/sync/check/check.ts';
import type { ActivationAnswer, CheckJob, DocumentAnswer, StartAnswer } from '../../src/proxy/sync/check/messages.ts';
import type { Detail } from '../../src/proxy/sync/machine.ts';
import type { Organisation, OrganisationOptions } from '../../src/proxy/sync/org-types.ts';
import { openOrganisation } from '../../src/proxy/sync/organisation.ts';
import type { OrgCondition } from '../../src/proxy/sync/status.ts';
import { FakeClock } from '../fakes/clock.ts';
import type { FakeDevice } from '../fakes/device.ts';
import { named, type PublishedBundle, SignedWorld } from '../fakes/signed-world.ts';
import { SyncServer } from '../fakes/sync-server.ts';

/** The check without a thread. */
export const inlineChecks: Checks = {
  document: (job) => check({ kind: 'document', ...job } as CheckJob) as Promise<DocumentAnswer>,
  activation: (job) => check({ kind: 'activation', ...job } as CheckJob) as Promise<ActivationAnswer>,
  start: (job) => check({ kind: 'start', ...job } as CheckJob) as Promise<StartAnswer>,
};

export const BUILD = Date.UTC(2026, 0, 1);

export interface Said {
  readonly event: EventBody['event'];
  readonly detail: Detail;
}

/** By their folder: hooks run in the order of their making, and a device that still writes must not lose its folder. */
const opened = new Map<string, Organisation[]>();

/** A temporary folder that goes with the test, after the devices in it. */
export function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-sync-'));
  t.after(async () => {
    for (const org of opened.get(folder) ?? []) await org.close();
    opened.delete(folder);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export interface Stage {
  readonly clock: FakeClock;
  readonly world: SignedWorld;
  readonly server: SyncServer;
  readonly dataDir: string;
}

/** An organisation and its server, on one clock. @param now the server's own, where it is another */
export async function setStage(t: TestContext, now?: (clock: FakeClock) => number): Promise<Stage> {
  const clock = new FakeClock();
  const world = await SignedWorld.create(() => now?.(clock) ?? clock.now());
  const server = await SyncServer.start(world);
  t.after(() => server.close());
  return { clock, world, server, dataDir: folderFor(t) };
}

/** Publishes a version to the ring of the world. */
export async function publish(
  { world, server }: Pick<Stage, 'world' | 'server'>,
  version: number,
  config: string,
  change: Partial<FreshPayload> = {},
): Promise<PublishedBundle> {
  const bundle = await world.bundle(version, { config });
  server.offer(bundle);
  server.fresh.set(world.ring, await world.fresh({ bundle: named(bundle), ...change }));
  return bundle;
}

export interface Device {
  readonly org: Organisation;
  /** Rows for the audit log, in order. */
  readonly events: Said[];
  readonly policy: Policy;
  readonly conditions: readonly OrgCondition[];
}

/** Opens the device that lies in the stage's folder. Closed with the test. */
export async function openDevice(
  t: TestContext,
  { clock, world, server, dataDir }: Omit<Stage, 'clock'> & { readonly clock: Clock },
  change: Partial<OrganisationOptions> & { readonly log?: Log } = {},
): Promise<Device> {
  const events: Said[] = [];
  let conditions: readonly OrgCondition[] = [];
  const { kid, key } = world.signing;
  const org = await openOrganisation({
    dataDir,
    enrolment: { url: server.url, org: world.org, device: world.device, ring: world.ring, root: world.fingerprint },
    keys: () => ({ kid, sign: key, seal: [world.sealing.key] }),
    management: { beforeFirstPolicy: 'pass', floors: {} },
    roots: async () => [],
    surroundings: () => ({
      facts: { name: 'laptop', os: { platform: 'linux', version: '6', arch: 'x64' }, agent: '1.2.3' },
      queue: { epoch: null, seq: 0, rows: 0, bytes: 0, oldest: null, quarantined: 0 },
      warnings: [],
    }),
    env: {},
    version: '1.2.3',
    clock,
    log: silentLog,
    random: () => 0.5,
    onEvent: (event, detail) => events.push({ event, detail }),
    onConditions: (all) => {
      conditions = all;
    },
    buildDate: BUILD,
    checks: inlineChecks,
    ...change,
  });
  t.after(() => org.close());
  opened.set(dataDir, [...(opened.get(dataDir) ?? []), org]);
  return {
    org,
    events,
    get policy() {
      return org.store.current;
    },
    get conditions() {
      return conditions;
    },
  };
}

/** What the policy says to a call of a model at OpenAI. */
export function ask(policy: Policy, model = 'gpt-4o', host = 'api.openai.com'): Verdict {
  return policy.decide({ host, provider: policy.providerForHost(host), model, modelKnown: true, owner: undefined });
}

/** `allow`, or the code of the refusal, and the rule. */
export function outcome(policy: Policy, model?: string): string {
  const verdict = ask(policy, model);
  return `${verdict.action === 'allow' ? 'allow' : verdict.code} ${verdict.rule ?? '-'}`;
}

/** Resolves once it holds; looks whenever the server has answered or the device has changed. */
export function until({ server }: Pick<Stage, 'server'>, device: Device, holds: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    if (holds()) resolve();
  };
  const off = device.org.onChange(look);
  server.onAnswered = look;
  look();
  return promise.finally(off);
}

/** A look at the control plane on a clock that stands still but for it. */
export async function lookNow(clock: FakeClock, device: Device): Promise<void> {
  let over = false;
  const looked = device.org.syncNow().finally(() => {
    over = true;
  });
  // A round that an earlier advance began ends first; the next one is then due at once, by this clock.
  while (!over) await clock.advanceAsync(0);
  await looked;
}

/** The engine of a device of a real control plane; the next one on its folder finds what this one left. */
export async function engineOf(
  t: TestContext,
  { url, ring, id, keys, facts, org }: Pick<FakeDevice, 'url' | 'ring' | 'id' | 'keys' | 'facts' | 'org'>,
  { root, dataDir, clock }: { readonly root: string; readonly dataDir: string; readonly clock: Clock },
): Promise<Organisation> {
  const engine = await openOrganisation({
    dataDir,
    enrolment: { url, org, device: id, ring, root },
    keys: () => ({ kid: keys.kid, sign: keys.sign, seal: [keys.seal] }),
    management: { beforeFirstPolicy: 'pass', floors: {} },
    roots: async () => [],
    surroundings: () => ({
      facts,
      queue: { epoch: null, seq: 0, rows: 0, bytes: 0, oldest: null, quarantined: 0 },
      warnings: [],
    }),
    env: {},
    version: '1.0.0',
    clock,
    log: silentLog,
    random: () => 0.5,
    onEvent: () => undefined,
    onConditions: () => undefined,
    buildDate: BUILD,
    checks: inlineChecks,
  });
  t.after(() => engine.close());
  return engine;
}
