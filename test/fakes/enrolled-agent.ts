// SPDX-License-Identifier: Apache-2.0
// The real daemon as a device of a real control plane that has published its policy, with its keys as sealed secrets. Knows no test.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseDocument, visit } from 'yaml';
import { type AgentState, agentState } from '../../src/contract/local-api.ts';
import { setSecret } from '../../src/control-plane/objects/secrets.ts';
import { rootFingerprint } from '../../src/control-plane/orgs/root-store.ts';
import { saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { publish } from '../../src/control-plane/policies/publish.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import type { Ready } from '../../src/proxy/commands/data-files.ts';
import { callApi } from '../../src/proxy/commands/running.ts';
import { type Agent, type AgentOptions, runOutpost, startAlone } from './agent.ts';
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
  // A folder that was used before belongs to an organisation that is gone.
  if (existsSync(join(dataDir, 'org', 'enrolment.json'))) {
    await runOutpost(['enroll', '--leave', '--yes', '--data-dir', dataDir]);
  }
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

/** A device that has the policy and whose control plane is gone. */
export async function startInOrganisation(options: AgentOptions): Promise<Agent> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'outpost-enrolled-'));
  const plane = await startLivePlane();
  try {
    const caFile = join(folder, 'upstream.pem');
    if (options.upstreamCa !== undefined) writeFileSync(caFile, options.upstreamCa);
    const version = await publishConfig(plane, options.config.replaceAll('{CA}', caFile));
    await enrol(plane, join(folder, 'data'));
    const agent = await startAlone({ ...options, config: '{}', folder });
    await untilState(agent, ({ organisation }) => organisation?.version === version);
    return {
      ...agent,
      async stop() {
        await agent.stop();
        if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
      },
    };
  } finally {
    await plane.close();
  }
}
