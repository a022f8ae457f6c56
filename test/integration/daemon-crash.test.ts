// SPDX-License-Identifier: Apache-2.0
// Invariants A1 and A3 on the real daemon: kill -9 under traffic, again and again on one data folder. What a provider received has
// its intent row, what a caller was told has its row, the chain is whole, every call ends once. OUTPOST_KILLS raises the kills.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditRow } from '../../src/contract/audit-row.ts';
import { findRunning } from '../../src/proxy/commands/running.ts';
import { type Agent, OUTPOST, runOutpost, startAgent } from '../fakes/agent.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { gatewayToken } from './daemon-kit.ts';

const KILLS = Math.max(12, Number(process.env['OUTPOST_KILLS'] ?? 12));
const LEVELS = ['standard', 'strict'] as const;
/** Callers side by side; each makes one call after the other. */
const CALLERS = 6;
/** After so long a request at level `standard` may leave before its row is committed (sync-audit 5). Milliseconds. */
const STANDARD_DEADLINE_MS = 250;

const provider = new SimulatedProvider();
before(() => provider.listen());
after(() => provider.close());

interface Call {
  /** Unique; the provider sees it, and the intent row has it as `model`. */
  readonly model: string;
  /** Which caller's how manieth call. */
  readonly caller: string;
  readonly sentAt: number;
  /** `x-outpost-request-id` of the answer's head. */
  request?: string;
  whole: boolean;
  status?: number;
}

function config(level: string): string {
  return `providers: [{ name: openai, type: openai, base_url: "${provider.origin}/v1" }]\naudit: { level: ${level} }\n`;
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-crash-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** One call after the other until the daemon is gone: plain answers, streams, and streams that a kill finds half way. */
async function keepCalling(agent: Agent, caller: string, calls: Call[]): Promise<void> {
  const token = gatewayToken(agent.dataDir);
  for (let n = 0; ; n++) {
    const slow = n % 3 === 2;
    const model = `gpt-4o-${caller}-${n}${slow ? '+gap=15+pieces=10' : ''}`;
    const call: Call = { model, caller, sentAt: performance.now(), whole: false };
    calls.push(call);
    try {
      const answer = await fetch(`${agent.ready.gateway_url}/openai/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer app-key', ...token },
        body: JSON.stringify({ model, stream: n % 3 > 0, messages: [{ role: 'user', content: 'hello' }] }),
      });
      const request = answer.headers.get('x-outpost-request-id');
      if (request !== null) call.request = request;
      call.status = answer.status;
      await answer.arrayBuffer();
      call.whole = true;
    } catch {
      return;
    }
  }
}

/** A start that is killed before it serves: half-made folders and files must not be in the way of the next one. */
async function killStart(folder: string): Promise<void> {
  const ports = ['proxy', 'gateway', 'api'].flatMap((name) => [`--${name}-port`, '0']);
  const [program, first] = OUTPOST;
  const child: ChildProcess = spawn(
    program,
    [...first, 'run', '--config', join(folder, 'outpost.yaml'), '--data-dir', join(folder, 'data'), ...ports],
    { stdio: 'ignore' },
  );
  const exit = once(child, 'exit');
  // Not a synchronisation: the moment of the kill is what is random.
  await sleep(Math.random() * 1_200);
  child.kill('SIGKILL');
  assert.deepEqual(await exit, [null, 'SIGKILL']);
}

/** When each request of this level's callers reached the provider, by model. */
function arrivals(level: string): ReadonlyMap<string, number> {
  return new Map(
    provider.requests.flatMap((request) => {
      const model = /"model":"([^"]+)"/.exec(request.body.toString())?.[1] ?? '';
      return model.startsWith(`gpt-4o-${level}-`) ? [[model, request.arrivedAt] as const] : [];
    }),
  );
}

/** Models of the requests that must have a row. At `standard` one may leave without, but only after the deadline. */
function judgedOf(level: string, calls: readonly Call[]): readonly string[] {
  const sent = new Map(calls.map((call) => [call.model, call.sentAt]));
  return [...arrivals(level)]
    .filter(([model, at]) => level === 'strict' || at - (sent.get(model) ?? 0) < STANDARD_DEADLINE_MS)
    .map(([model]) => model);
}

/** At least so many; more on a machine so busy that hardly a request can be judged. */
async function killRounds(folder: string, level: string, rounds: number): Promise<Call[]> {
  const calls: Call[] = [];
  const enough = (): boolean => judgedOf(level, calls).length >= rounds / 2;
  for (let round = 0; round < rounds || (round < 10 * rounds && !enough()); round++) {
    const agent = await startAgent({ folder, config: config(level) });
    try {
      const callers = Array.from({ length: CALLERS }, (_, n) => keepCalling(agent, `${level}-${round}-${n}`, calls));
      // Every other kill also hits calls of which the first has arrived; the rest hit whatever there is.
      if (round % 2 === 1) await provider.waitFor((seen) => seen.body.includes(`gpt-4o-${level}-${round}-`));
      await sleep(50 + Math.random() * 350);
      await agent.kill('SIGKILL');
      await Promise.all(callers);
    } finally {
      await agent.kill('SIGKILL');
    }
    if (round % 3 === 1) await killStart(folder);
  }
  return calls;
}

async function exported(dataDir: string): Promise<readonly AuditRow[]> {
  const { code, stdout, stderr } = await runOutpost(['audit', 'export', '--data-dir', dataDir]);
  assert.equal(code, 0, stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditRow);
}

describe('kill -9 of the daemon under traffic', { concurrency: true }, () => {
  for (const level of LEVELS) {
    const rounds = Math.ceil(KILLS / LEVELS.length);
    test(`level ${level}, ${rounds} kills: what left the machine is in the log`, async (t) => {
      const folder = temporaryFolder(t);
      const calls = await killRounds(folder, level, rounds);
      // The next start names the calls that the last kill cut off.
      const last = await startAgent({ folder, config: config(level) });
      await last.kill('SIGTERM');

      // At `strict` a disk that is slower than a second stops a call (503); nothing else may go wrong.
      const statuses = new Set(calls.flatMap(({ status }) => status ?? []));
      assert.deepEqual(statuses.difference(new Set(level === 'strict' ? [200, 503] : [200])), new Set());

      const rows = await exported(last.dataDir);
      const intents = new Map<string, AuditRow>();
      const models = new Map<string, string>();
      const ends = new Map<string, string[]>();
      for (const row of rows) {
        const { body } = row;
        if (body.kind === 'intent') {
          assert.ok(!intents.has(body.request), 'no row is stored twice');
          intents.set(body.request, row);
          models.set(body.model ?? '', body.request);
        }
        if (body.kind === 'outcome' || body.kind === 'orphan')
          ends.set(body.request, [...(ends.get(body.request) ?? []), body.kind]);
      }

      // A3: every arrival has its row.
      const judged = judgedOf(level, calls);
      const arrived = arrivals(level).size;
      assert.ok(judged.length >= rounds / 2, `too few requests to judge: ${judged.length} of ${arrived}`);
      assert.deepEqual(
        judged.filter((model) => !models.has(model)),
        [],
        'requests that reached the provider without an intent row',
      );

      // A1: what the caller was told exists (again, unless the log had said it would be late).
      const told = calls.filter((call) => call.request !== undefined && judged.includes(call.model));
      assert.deepEqual(
        told.filter((call) => !intents.has(call.request ?? '')),
        [],
      );

      // Each call ends once: with its outcome, or with the orphan row of the next start.
      const count = { outcome: 0, orphan: 0 };
      for (const request of intents.keys()) {
        const [end, ...more] = ends.get(request) ?? [];
        assert.ok(end === 'outcome' || end === 'orphan', `${request} has no end`);
        assert.deepEqual(more, [], `${request} ends more than once`);
        count[end] += 1;
      }
      assert.ok(count.orphan > 0, 'kills cut calls off');

      // Rows are stored in order: once a caller's next call is in the log, the end of its last one is, too.
      for (const [index, call] of calls.entries()) {
        const next = calls.slice(index + 1).find(({ caller }) => caller === call.caller);
        const nextIntent = models.get(next?.model ?? '');
        if (!call.whole || call.status !== 200 || call.request === undefined || nextIntent === undefined) continue;
        if (intents.has(call.request)) assert.deepEqual(ends.get(call.request), ['outcome'], call.model);
      }

      const verified = await runOutpost(['audit', 'verify', '--data-dir', last.dataDir]);
      assert.equal(verified.code, 0, verified.stdout);
      assert.match(verified.stdout, /^The chain is whole/);
      assert.doesNotMatch(verified.stdout, /explains/, 'no row is missing, explained or not');
      t.diagnostic(
        `${calls.length} calls, ${arrived} arrived, ${judged.length} judged, ${intents.size} intents, ${count.outcome} outcomes, ${count.orphan} orphans`,
      );
    });
  }
});

describe('one daemon per data folder', () => {
  test('a second one is told so and changes nothing; after a kill the folder is free at once', async (t) => {
    const folder = temporaryFolder(t);
    const first = await startAgent({ folder, config: config('standard') });
    t.after(() => first.kill('SIGKILL'));
    const readyFile = join(folder, 'second.json');
    const ports = ['proxy', 'gateway', 'api'].flatMap((name) => [`--${name}-port`, '0']);
    const second = await runOutpost([
      'run',
      ...['--config', first.configPath, '--data-dir', first.dataDir, '--ready-file', readyFile, ...ports],
    ]);
    assert.ok(second.code !== 0 && second.code !== null, 'a clean refusal, not a signal');
    assert.match(second.stderr, new RegExp(`another outpostd.*${first.ready.pid}`));
    assert.doesNotMatch(second.stderr, /\n\s+at /, 'no stack trace');
    assert.equal(second.stdout, '');
    assert.equal(existsSync(readyFile), false);
    assert.equal(findRunning(first.dataDir)?.pid, first.ready.pid, 'the first one is still found');
    assert.notEqual((await runOutpost(['status', '--data-dir', first.dataDir])).code, 3);

    await first.kill('SIGKILL');
    assert.equal((await runOutpost(['status', '--data-dir', first.dataDir])).code, 3, 'a dead daemon is not running');
    const next = await startAgent({ folder, config: config('standard') });
    t.after(() => next.kill('SIGKILL'));
    assert.notEqual(next.ready.pid, first.ready.pid);
    assert.notEqual((await runOutpost(['status', '--data-dir', next.dataDir])).code, 3);
    await next.kill('SIGTERM');
    assert.equal(existsSync(join(next.dataDir, 'run.json')), false);
  });
});
