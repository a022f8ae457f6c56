// SPDX-License-Identifier: Apache-2.0
// Invariants A5 and A7 on the real daemon: a log that does not answer and a disk that is full. Traffic does what `audit` in the
// file says, callers are told in their own dialect, the log says what it lost, and service resumes by itself.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { listQueueFiles } from '../../src/proxy/audit/folder.ts';
import { type Agent, runOutpost, startAgent } from '../fakes/agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { fillDisk, smallDisk } from '../fakes/small-disk.ts';
import { bodiesOf, callGateway, chat, requestIdOf, stateOf, untilState } from './daemon-kit.ts';

const CHAT = '/openai/v1/chat/completions';
const MESSAGES = '/claude/v1/messages';

const provider = new SimulatedProvider();
before(() => provider.listen());
after(() => provider.close());

async function startWith(t: TestContext, audit: string, folder?: string): Promise<Agent> {
  const agent = await startAgent({
    config: `providers:
  - { name: openai, type: openai, base_url: "${provider.origin}/v1" }
  - { name: claude, type: anthropic, base_url: "${provider.origin}" }

audit: ${audit}
`,
    ...(folder === undefined ? {} : { folder }),
  });
  t.after(() => agent.stop());
  return agent;
}

async function answerTo(agent: Agent, path: string, body: unknown): Promise<string> {
  const call = callGateway(agent, path, body);
  await call.ended;
  return call.text();
}

/** Another program in a write transaction on the log: the writer waits for it as it would for a disk that does not answer. */
function stallLog(t: TestContext, agent: Agent): { end(): void } {
  const file = listQueueFiles(join(agent.dataDir, 'audit')).at(-1);
  assert.ok(file !== undefined);
  const db = new Database(file.path);
  t.after(() => db.close());
  db.exec('BEGIN IMMEDIATE');
  return { end: () => void db.exec('ROLLBACK') };
}

test('a stalled log at `standard`: streams go on, calls leave after the deadline, no row is lost', async (t) => {
  const agent = await startWith(t, '{ level: standard }');
  const running = callGateway(agent, CHAT, chat('gpt-4o+gap=20+pieces=20', true));
  await running.until(/"content":/);

  const stall = stallLog(t, agent);
  const late = await answerTo(agent, CHAT, chat('gpt-4o-late'));
  assert.match(late, /^HTTP\/1\.1 200 /);
  await running.ended;
  assert.match(running.text(), /\[DONE\]/);
  assert.equal((await stateOf(agent)).audit.state, 'degraded');
  stall.end();

  const healthy = await untilState(agent, 'the log recovers', ({ audit }) => audit.state === 'healthy', 5_000);
  assert.deepEqual(
    healthy.health.filter(({ code }) => code.startsWith('audit-')),
    [],
  );
  await untilState(agent, 'all rows are stored', ({ audit }) => audit.pending === 0);
  const bodies = await bodiesOf(agent);
  const request = requestIdOf(late);
  assert.ok(bodies.some((body) => body.kind === 'intent' && body.request === request));
  const outcomes = bodies.filter((body) => body.kind === 'outcome');
  assert.equal(outcomes.find((body) => body.request === request)?.late, true, 'the log says that it came late');
  assert.equal(outcomes.find((body) => body.request === requestIdOf(running.text()))?.result, 'complete');
  assert.deepEqual(
    bodies.filter(({ kind }) => kind === 'gap'),
    [],
  );
});

test('a stalled log at `strict`: nothing leaves, the caller is told in its dialect, and service resumes', async (t) => {
  const agent = await startWith(t, '{ level: strict, on_full: block }');
  assert.match(await answerTo(agent, CHAT, chat('gpt-4o')), /^HTTP\/1\.1 200 /);
  const arrived = provider.requests.length;

  const stall = stallLog(t, agent);
  const [openai, anthropic] = await Promise.all([
    answerTo(agent, CHAT, chat('gpt-4o-stopped')),
    answerTo(agent, MESSAGES, { ...chat('claude-stopped', true), max_tokens: 9 }),
  ]);
  assert.match(openai, /^HTTP\/1\.1 503 [\s\S]*"error":\{"message":[\s\S]*OUT_AUDIT_UNAVAILABLE/);
  assert.match(anthropic, /^HTTP\/1\.1 503 [\s\S]*"type":"error"[\s\S]*could not be recorded/);
  assert.equal(provider.requests.length, arrived, 'not one byte reached the provider');
  stall.end();

  await untilState(agent, 'the log recovers', ({ audit }) => audit.state === 'healthy', 5_000);
  assert.match(await answerTo(agent, CHAT, chat('gpt-4o-after')), /^HTTP\/1\.1 200 /);
});

/** Calls until `holds`; returns the answers. */
async function callUntil(agent: Agent, what: string, holds: () => Promise<boolean>): Promise<readonly string[]> {
  const answers: string[] = [];
  while (!(await holds())) {
    assert.ok(answers.length < 2_000, what);
    const more = Array.from({ length: 8 }, () => answerTo(agent, CHAT, chat('gpt-4o-full')));
    answers.push(...(await Promise.all(more)));
  }
  return answers;
}

for (const [audit, status] of [
  ['{ level: standard, on_full: degrade }', 200],
  ['{ level: strict, on_full: block }', 503],
] as const) {
  test(`a full disk, ${audit}: calls get ${status}, then service resumes within 5 s of space returning`, async (t) => {
    const disk = smallDisk(t, 24);
    if (disk === undefined) return;
    const agent = await startWith(t, audit, disk);
    assert.match(await answerTo(agent, CHAT, chat('gpt-4o-before')), /^HTTP\/1\.1 200 /);

    fillDisk(disk);
    await callUntil(agent, 'the log finds no room', async () => (await stateOf(agent)).audit.state === 'full');
    // The ballast is what the log has given back to itself; without it rows are lost.
    fillDisk(disk);
    const full = await callUntil(agent, 'rows are lost', async () => (await stateOf(agent)).audit.dropped > 0);
    const arrived = provider.requests.length;
    const openai = await answerTo(agent, CHAT, chat('gpt-4o-full'));
    const anthropic = await answerTo(agent, MESSAGES, { ...chat('claude-full'), max_tokens: 9 });
    for (const answer of [...full, openai, anthropic]) assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    if (status === 503) {
      assert.match(openai, /"error":\{"message":[\s\S]*OUT_AUDIT_UNAVAILABLE/);
      assert.match(anthropic, /"type":"error"[\s\S]*could not be recorded/);
    }
    assert.equal(provider.requests.length - arrived, status === 503 ? 0 : 2);
    const state = await untilState(agent, 'rows are settled', ({ audit: { pending } }) => pending === 0);
    assert.equal(state.audit.state, 'full');
    assert.ok(state.health.some(({ code }) => code === 'audit-full'));

    rmSync(join(disk, 'filler'));
    await untilState(agent, 'the log recovers', ({ audit: { state: now } }) => now === 'healthy', 5_000);
    const afterwards = await answerTo(agent, CHAT, chat('gpt-4o-after'));
    assert.match(afterwards, /^HTTP\/1\.1 200 /);
    await agent.kill('SIGTERM');

    const bodies = await bodiesOf(agent);
    assert.ok(bodies.some((body) => body.kind === 'intent' && body.request === requestIdOf(afterwards)));
    assert.ok(bodies.some((body) => body.kind === 'event' && body.event === 'audit-recovered'));
    const lost = bodies.reduce(
      (sum, body) => sum + (body.kind === 'gap' && body.reason === 'disk-full' ? (body.count ?? 0) : 0),
      0,
    );
    assert.equal(lost, state.audit.dropped, 'the gap rows count what was lost');
    const verified = await runOutpost(['audit', 'verify', '--data-dir', agent.dataDir]);
    assert.equal(verified.code, 0, verified.stdout);
  });
}
