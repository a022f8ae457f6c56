// SPDX-License-Identifier: Apache-2.0
// A real daemon as a device of a real control plane, from enrolment to leaving: whose rules hold, whose key is sent, what arrives, what an
// order does, and what is left of it all when the control plane is gone.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { AgentState } from '../../src/contract/local-api.ts';
import { revokeDevice } from '../../src/control-plane/devices/acts.ts';
import { listDevices } from '../../src/control-plane/devices/list.ts';
import { endKill, issueKill } from '../../src/control-plane/objects/kills.ts';
import { chainState, verifyStored } from '../../src/control-plane/search/chain-state.ts';
import { searchRows } from '../../src/control-plane/search/search-rows.ts';
import { type Agent, runOutpost, startAlone } from '../fakes/agent.ts';
import { type ControlPlane, TESTER } from '../fakes/control-plane.ts';
import { enrol, publishConfig, startLivePlane, untilState } from '../fakes/enrolled-agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-organisation-'));
const provider = new SimulatedProvider();
let plane: ControlPlane;
let agent: Agent;

const policy = (denied: string): string => `providers:
  - { name: openai, type: openai, base_url: "http://127.0.0.1:${provider.port}/v1", api_key: sk-of-the-organisation }
models: { deny: ["${denied}"] }
organisation: { on_revoked: block, upload: { flush_rows: 1 } }
`;

before(async () => {
  await provider.listen();
  plane = await startLivePlane();
  agent = await startAlone({ config: 'models: { deny: ["own-*"] }\n', folder });
});
after(async () => {
  await agent?.stop();
  await plane?.close();
  await provider.close();
  rmSync(folder, { recursive: true, force: true });
});

async function call(model: string): Promise<{ readonly status: number; readonly code: string | undefined }> {
  const answer = await fetch(`${agent.ready.gateway_url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }] }),
  });
  const { error } = (await answer.json()) as { readonly error?: { readonly code?: string } };
  return { status: answer.status, code: error?.code };
}

const hasOrders =
  (count: number) =>
  ({ organisation }: AgentState): boolean =>
    organisation?.orders.length === count;

async function deviceId(): Promise<string> {
  const { devices } = await listDevices(plane.ctx, plane.org, { state: 'active' });
  assert.equal(devices.length, 1);
  return devices[0]?.id ?? '';
}

const credentialSent = (): string | undefined => {
  const raw = provider.requests.at(-1)?.rawHeaders ?? [];
  return raw[raw.findIndex((name) => name.toLowerCase() === 'authorization') + 1];
};

test('a running daemon takes an enrolment up: the organisation’s rules and sealed key replace those of the file', async () => {
  assert.equal((await call('own-1')).code, 'OUT_BLOCKED_MODEL');
  const version = await publishConfig(plane, policy('forbidden-*'));
  await enrol(plane, agent.dataDir);
  const { organisation, policy: rules } = await untilState(agent, (state) => state.organisation?.version === version);
  assert.equal(organisation?.phase, 'fresh');
  assert.equal(rules.path, undefined);
  assert.equal((await call('forbidden-1')).code, 'OUT_BLOCKED_MODEL');
  assert.equal((await call('own-1')).status, 200);
  assert.equal(credentialSent(), 'Bearer sk-of-the-organisation');
  for (const name of ['policy.current', 'fresh.json', 'state.json', 'enrolment.json']) {
    const text = readFileSync(join(agent.dataDir, 'org', name), 'latin1');
    assert.ok(!text.includes('sk-of-the-organisation'), `${name} holds the key`);
  }
});

test('the rows of its calls arrive, in one whole chain, and the device keeps the receipts', async () => {
  const refused = async () => (await searchRows(plane.ctx, plane.org, { what: 'block' }, { limit: 10 })).rows;
  let rows = await refused();
  // Bounded by the runner's own limit.
  while (rows.length < 2) {
    await untilState(agent, ({ organisation }) => organisation?.upload.rows === 0);
    rows = await refused();
  }
  assert.deepEqual(rows.map(({ model }) => model).toSorted(), ['forbidden-1', 'own-1']);
  const { organisation } = await untilState(agent, (state) => state.organisation?.upload.rows === 0);
  assert.equal(organisation?.upload.last_error, undefined);
  const device = await deviceId();
  const epochs = await chainState(plane.ctx, plane.org, device);
  assert.ok(epochs.length > 0);
  for (const { epoch, seq } of epochs) {
    const check = await verifyStored(plane.ctx, plane.org, device, epoch);
    assert.deepEqual({ rows: check?.rows, broken: check?.broken }, { rows: seq, broken: undefined });
  }
  const kept = JSON.parse(readFileSync(join(agent.dataDir, 'org', 'upload.json'), 'utf8')) as {
    readonly epochs: Readonly<Record<string, { readonly seq: number; readonly receipt: unknown }>>;
  };
  const newest = epochs.at(-1);
  assert.ok((kept.epochs[newest?.epoch ?? '']?.seq ?? 0) > 0);
});

test('a new version takes over while the daemon runs', async () => {
  const version = await publishConfig(plane, policy('newly-*'));
  await untilState(agent, (state) => state.organisation?.version === version);
  assert.equal((await call('forbidden-1')).status, 200);
  assert.equal((await call('newly-1')).code, 'OUT_BLOCKED_MODEL');
});

test('an order stops all AI at once, also after a restart without a control plane, and ends with its end', async () => {
  const until = Date.now() + 3_600_000;
  const { id } = await issueKill(plane.ctx, plane.org, TESTER, { level: 'block-all-ai', reason: 'drill', until });
  await untilState(agent, hasOrders(1));
  assert.equal((await call('gpt-4o')).code, 'OUT_BLOCKED_ORDER');

  // It is obeyed before it is on the disk; a further look ends when it is.
  assert.equal((await runOutpost(['sync', '--data-dir', agent.dataDir])).code, 0);
  await agent.kill('SIGKILL');
  const { port } = new URL(plane.url);
  await plane.server.stop();
  agent = await startAlone({ config: '{}', folder });
  assert.equal((await runOutpost(['sync', '--data-dir', agent.dataDir])).code, 1);
  assert.equal((await call('gpt-4o')).code, 'OUT_BLOCKED_ORDER');

  plane = await startLivePlane({ beside: plane, settings: { listen: { port: Number(port) } } });
  await endKill(plane.ctx, plane.org, TESTER, id);
  assert.equal((await runOutpost(['sync', '--data-dir', agent.dataDir])).code, 0);
  await untilState(agent, hasOrders(0));
  assert.equal((await call('gpt-4o')).status, 200);
});

test('a device that was revoked forgets the keys and calls no more', async () => {
  await revokeDevice(plane.ctx, plane.org, await deviceId(), 'retired', TESTER);
  await untilState(agent, ({ organisation }) => organisation?.phase === 'revoked');
  assert.equal((await call('gpt-4o')).code, 'OUT_DEVICE_REVOKED');
  const status = await runOutpost(['status', '--data-dir', agent.dataDir]);
  assert.equal(status.code, 1);
  assert.match(status.stdout, /this device was revoked/);
});

test('after leaving, the file’s rules hold again', async () => {
  const { code, stderr } = await runOutpost(['enroll', '--leave', '--yes', '--data-dir', agent.dataDir]);
  assert.equal(code, 0, stderr);
  const { policy: rules } = await untilState(agent, ({ organisation }) => organisation === undefined);
  assert.equal(rules.path, agent.configPath);
});
