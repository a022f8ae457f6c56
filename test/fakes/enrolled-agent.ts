// SPDX-License-Identifier: Apache-2.0
// The real daemon as a device of a real control plane that has published its policy, with its keys as sealed secrets. Knows no test.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseDocument, visit } from 'yaml';
import type { Ready } from '../../src/contract/data-files.ts';
import { type AgentState, agentState } from '../../src/contract/local-api.ts';
import { setSecret } from '../../src/control-plane/objects/secrets.ts';
import { rootFingerprint } from '../../src/control-plane/orgs/root-store.ts';
import { saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { publish } from '../../src/control-plane/policies/publish.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { callApi } from '../../src/proxy/commands/running.ts';
import { type Agent, type AgentOptions, runOutpost, startAlone, UPSTREAM_CA } from './agent.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane, TESTER } from './control-plane.ts';

/** Keys that a stand-alone file may hold and a bundle may not. */
const KEYS = new Set(['api_key', 'key', 'access_key_id', 'secret_access_key', 'session_token']);
const NO_SECRETS = /^(?:client|none|secret:.*|\$\{.*\})$/;

export interface Publishable {
  readonly config: string;
  readonly secrets: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
}

/** What an administrator would make of a device's own configuration: its keys become named secrets, the files that it names come along. */
export function publishable(config: string): Publishable {
  const document = parseDocument(config);
  const secrets: Record<string, string> = {};
  const files: Record<string, string> = {};
  const secret = (value: string): string => {
    const name = `key-${Object.keys(secrets).length + 1}`;
    secrets[name] = value;
    return `secret:${name}`;
  };
  visit(document, {
    Pair(_, { key, value }) {
      const name = String((key as { readonly value?: unknown }).value);
      const scalar = value as { value?: unknown } | null;
      if (typeof scalar?.value !== 'string') return;
      if (KEYS.has(name) && !NO_SECRETS.test(scalar.value)) scalar.value = secret(scalar.value);
      if (name === 'service_account') scalar.value = secret(readFileSync(String(scalar.value)).toString('base64'));
    },
  });
  const named = document.getIn(['upstream', 'ca_files']);
  for (const item of (named as { readonly items: readonly { value: unknown }[] } | undefined)?.items ?? []) {
    const path = String(item.value);
    const name = basename(path);
    files[name] = readFileSync(path, 'utf8');
    item.value = name;
  }
  return { config: document.toString(), secrets, files };
}

/** A control plane on the system's clock, whose devices ask every 5 seconds at least. */
export function startLivePlane(options: Omit<ControlPlaneOptions, 'clock'> = {}): Promise<ControlPlane> {
  return startControlPlane({ ...options, clock: systemClock, orgSettings: { next_poll_s: 5, spread_s: 0 } });
}

/** Publishes to all devices at once; resolves to the version. */
export async function publishConfig({ ctx, org }: ControlPlane, given: string): Promise<number> {
  const { config, secrets, files } = publishable(given);
  for (const [name, value] of Object.entries(secrets)) await setSecret(ctx, org, TESTER, name, value);
  const version = await saveDraft(ctx, org, TESTER, { config, files, note: 'test' });
  await publish(ctx, org, TESTER, version, { stage: 100 });
  return version;
}

/** Makes the device of this folder a member, as a person at a terminal would. */
export async function enrol(plane: ControlPlane, dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const tokenFile = join(dataDir, '..', 'token');
  writeFileSync(tokenFile, plane.token, { mode: 0o600 });
  const root = await rootFingerprint(plane.ctx, plane.org);
  const where = ['--org', plane.org, '--root', root, '--token-file', tokenFile, '--data-dir', dataDir];
  const { code, stderr } = await runOutpost(['enroll', plane.url, ...where]);
  if (code !== 0) throw new Error(`outpost enroll ended with ${code}: ${stderr}`);
}

export async function stateOf(agent: { readonly dataDir: string; readonly ready: Ready }): Promise<AgentState> {
  return agentState.parse(await callApi(agent.dataDir, agent.ready, 'GET', '/v1/state'));
}

/** Resolves once the daemon's state is as wanted; asks again and again. Rejects after 30 seconds. */
export async function untilState(
  agent: { readonly dataDir: string; readonly ready: Ready },
  wanted: (state: AgentState) => boolean,
): Promise<AgentState> {
  const end = systemClock.monotonic() + 30_000;
  for (;;) {
    const state = await stateOf(agent);
    if (wanted(state)) return state;
    if (systemClock.monotonic() > end) throw new Error(`the state never came: ${JSON.stringify(state.organisation)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The organisation of a folder. Its control plane is stopped but while it publishes; it comes back at the same address. */
interface Home {
  readonly plane: ControlPlane;
  readonly folder: string;
  published: { readonly config: string; readonly version: number } | undefined;
}

/** By folder: a test may start the device of one again. */
const homes = new Map<string, Home>();
process.once('exit', () => {
  for (const { plane } of homes.values()) rmSync(plane.folder, { recursive: true, force: true });
});

async function atHome<T>({ plane }: Home, use: (back: ControlPlane) => Promise<T>): Promise<T> {
  const back = await startLivePlane({ beside: plane, settings: { listen: { port: Number(new URL(plane.url).port) } } });
  try {
    return await use(back);
  } finally {
    await back.close();
  }
}

async function publishAt(plane: ControlPlane, home: Home, given: string): Promise<number> {
  const config = given.replaceAll('{CA}', join(home.folder, UPSTREAM_CA));
  if (home.published?.config === config) return home.published.version;
  const version = await publishConfig(plane, config);
  home.published = { config, version };
  return version;
}

async function untilActive(agent: Agent, { published }: Home): Promise<void> {
  const { organisation } = await stateOf(agent);
  if (organisation?.version === published?.version) return;
  // By itself it would look after up to two minutes, or when its interval is over.
  const { code, stderr } = await runOutpost(['sync', '--data-dir', agent.dataDir]);
  if (code !== 0) throw new Error(`outpost sync ended with ${code}: ${stderr}`);
  await untilState(agent, ({ organisation: now }) => now?.version === published?.version);
}

/** A device that has the policy and whose control plane has stopped. */
export async function startInOrganisation(options: AgentOptions): Promise<Agent> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'outpost-enrolled-'));
  if (options.upstreamCa !== undefined) writeFileSync(join(folder, UPSTREAM_CA), options.upstreamCa);
  const known = homes.get(folder);
  const home = known ?? { plane: await startLivePlane(), folder, published: undefined };
  const start = async (): Promise<Agent> => {
    const agent = await startAlone({ ...options, config: '{}', folder });
    try {
      await untilActive(agent, home);
    } catch (error) {
      await agent.kill('SIGKILL');
      throw error;
    }
    return agent;
  };
  let agent: Agent;
  if (known === undefined) {
    homes.set(folder, home);
    const { plane } = home;
    try {
      await publishAt(plane, home, options.config);
      await enrol(plane, join(folder, 'data'));
      agent = await start();
    } finally {
      await plane.server.stop();
    }
  } else {
    // It starts from its disk, with nobody to ask, but for a policy that it has not seen.
    const isNew = home.published?.config !== options.config.replaceAll('{CA}', join(folder, UPSTREAM_CA));
    const come = async (plane: ControlPlane): Promise<Agent> => {
      await publishAt(plane, home, options.config);
      return await start();
    };
    agent = isNew ? await atHome(home, come) : await start();
  }
  return {
    ...agent,
    async reconfigure(config) {
      await atHome(home, async (plane) => {
        await publishAt(plane, home, config);
        await untilActive(agent, home);
      });
    },
    async stop() {
      await agent.stop();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
