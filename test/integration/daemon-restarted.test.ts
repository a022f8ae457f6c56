// SPDX-License-Identifier: Apache-2.0
// A daemon that was killed is told of by the next one, for a day, however often that one is stopped in order.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type AgentState, agentState, type HealthItem } from '../../src/contract/local-api.ts';
import { createHealth } from '../../src/proxy/health/registry.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { tellRestarts } from '../../src/proxy/support/tell-restarts.ts';
import { type Agent, startAlone } from '../fakes/agent.ts';
import { FakeClock } from '../fakes/clock.ts';

async function stateOf({ ready, dataDir }: Agent): Promise<AgentState> {
  const token = readFileSync(join(dataDir, 'api-token'), 'utf8').trim();
  const response = await fetch(`${ready.api_url}/v1/state`, { headers: { authorization: `Bearer ${token}` } });
  return agentState.parse(await response.json());
}

const restartedIn = ({ health }: AgentState): HealthItem | undefined =>
  health.find(({ code }) => code === 'daemon-restarted');

test('a daemon that was killed is told of, and counted; one that was stopped is not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-restarted-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const start = async (): Promise<Agent> => {
    const agent = await startAlone({ config: '{}', folder });
    t.after(() => agent.kill('SIGKILL'));
    return agent;
  };

  const first = await start();
  assert.equal(restartedIn(await stateOf(first)), undefined);
  await first.kill('SIGTERM');
  const second = await start();
  assert.equal(restartedIn(await stateOf(second)), undefined, 'stopped in order');
  await second.kill('SIGKILL');
  assert.ok(existsSync(join(second.dataDir, 'run.json')));

  const third = await start();
  const told = restartedIn(await stateOf(third));
  assert.ok(told !== undefined);
  assert.equal(told.args['times'], 1);
  const at = Number(told.args['at']);
  assert.ok(at <= (await stateOf(third)).started_at + 60_000 && at > Date.UTC(2020));
  assert.match(told.text, /ended without being told to before /);
  assert.match(third.log(), /"event":"ended-unexpectedly"/);
  await third.kill('SIGTERM');

  const fourth = await start();
  assert.deepEqual(restartedIn(await stateOf(fourth))?.args, { at, times: 1 }, 'it stays for a day');
  await fourth.kill('SIGKILL');
  const fifth = await start();
  assert.equal(restartedIn(await stateOf(fifth))?.args['times'], 2);
  await fifth.kill('SIGTERM');

  writeFileSync(join(fifth.dataDir, 'restarts.json'), '{"v":1,"found":[1,');
  const sixth = await start();
  assert.equal(restartedIn(await stateOf(sixth)), undefined, 'what cannot be read says nothing');
  await sixth.kill('SIGTERM');
});

test('a second daemon on the same folder takes nothing for an end', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-restarted-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const agent = await startAlone({ config: '{}', folder });
  t.after(() => agent.kill('SIGKILL'));
  await assert.rejects(startAlone({ config: '{}', folder }), /already/);
  assert.ok(existsSync(join(agent.dataDir, 'run.json')));
  assert.equal(existsSync(join(agent.dataDir, 'restarts.json')), false);
  await agent.kill('SIGTERM');
});

test('the warning goes a day after the last time, while the daemon runs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-restarted-'));
  try {
    const clock = new FakeClock();
    const health = createHealth({ clock });
    writeFileSync(join(folder, 'run.json'), '{}');
    const stop = tellRestarts({ dataDir: folder, clock, log: silentLog, health, machineUpMs: clock.now() });
    assert.equal(health.items()[0]?.code, 'daemon-restarted');
    clock.advance(86_399_999);
    assert.equal(health.items().length, 1);
    clock.advance(1);
    assert.equal(health.items().length, 0);
    stop();
    assert.equal(clock.pending, 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
