// SPDX-License-Identifier: Apache-2.0
// What a running daemon tells of its log: real calls through the gateway, a failover among them, then usage, pages and a call in full by
// the local API, each as its schema says.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { API_TOKEN_FILE } from '../../src/contract/data-files.ts';
import { callDetail, callsPage, usageReport } from '../../src/contract/local-history.ts';
import { type Bench, startBench } from './failover-chain-kit.ts';

const PRICE = { input: 1_000, output: 0 };
let bench: Bench;
before(async () => {
  bench = await startBench(
    { well: {}, falls: { types: ['openai', 'openai'] } },
    {
      models: { deny: ['forbidden*'] },
      models_data: [{ model: 'm-well', price: PRICE }],
      routing: { retry: { transient: 0, overload: 0 } },
    },
  );
});
after(() => bench?.stop());

async function get(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const token = readFileSync(join(bench.agent.dataDir, API_TOKEN_FILE), 'utf8').trim();
  const answer = await fetch(`${bench.agent.ready.api_url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  return { status: answer.status, body: await answer.json() };
}

const idOf = (answer: { readonly headers: NodeJS.Dict<unknown> }): string =>
  String(answer.headers['x-outpost-request-id']);

test('usage, calls and one call in full tell what has happened', async () => {
  const [first] = bench.of('falls');
  first.misbehave('status=500');
  const well = await bench.ask('well');
  const fallen = await bench.ask('falls');
  const refused = await bench.ask('well', { model: 'forbidden-1' });
  assert.deepEqual([well.status, fallen.status, refused.status], [200, 200, 400]);
  for (const answer of [well, fallen, refused]) await bench.rowsFor(answer);

  const usage = usageReport.parse((await get('/v1/usage')).body);
  const ofDays = usage.days.reduce((sum, { calls }) => sum + calls, 0);
  assert.deepEqual([usage.total.calls, usage.total.blocked, ofDays], [2, 1, 2]);
  assert.ok(usage.total.input_tokens > 0 && usage.total.output_tokens > 0);
  const models = new Map(usage.models.map((model) => [model.name, model]));
  const priced = models.get('m-well');
  assert.equal(priced?.cost_usd, ((priced?.input_tokens ?? 0) * PRICE.input) / 1e6);
  assert.ok((priced?.cost_usd ?? 0) > 0);
  assert.deepEqual([models.get('m-falls')?.unpriced, models.get('forbidden-1')?.blocked], [1, 1]);
  assert.ok((usage.since ?? Number.POSITIVE_INFINITY) <= usage.at);

  const page = callsPage.parse((await get('/v1/calls')).body);
  assert.deepEqual(
    page.calls.map(({ id, decision, result }) => [id, decision, result]),
    [
      [idOf(refused), 'blocked', 'refused'],
      [idOf(fallen), 'allowed', 'complete'],
      [idOf(well), 'allowed', 'complete'],
    ],
  );
  assert.equal(page.next, undefined);
  const found = callsPage.parse((await get('/v1/calls?text=FALLS-2&decision=allowed')).body);
  assert.deepEqual(found.calls, [page.calls[1]]);

  const detail = callDetail.parse((await get(`/v1/calls/${idOf(fallen)}`)).body);
  assert.deepEqual(detail.call, page.calls[1]);
  assert.deepEqual(
    detail.attempts.map(({ attempt, provider, result, failure }) => [attempt, provider, result, failure]),
    [
      [1, 'falls-1', 'failed', 'transient'],
      [2, 'falls-2', 'complete', undefined],
    ],
  );
  assert.deepEqual([detail.fallback_from, detail.decision.reason], ['falls-1', 'No rule forbids it; “falls” decided.']);
  assert.equal(detail.rows.length, 5);
  const byDecision = callDetail.parse((await get(`/v1/calls/${detail.decision.id}`)).body);
  assert.deepEqual(byDecision, detail);

  const blocked = callDetail.parse((await get(`/v1/calls/${idOf(refused)}`)).body);
  assert.deepEqual(
    [blocked.decision.reason, blocked.decision.rule, blocked.attempts.length],
    ['Your organisation does not allow this model.', 'models.deny[0]', 0],
  );
  assert.equal((await get('/v1/calls/req_unknown')).status, 404);
});

test('a call under way is on the list as running, with its attempt', async () => {
  const [, answers] = bench.of('falls');
  answers.misbehave('hang=head');
  const call = bench.raw('falls', { model: 'm-falls-hangs', addressed: 1 });
  const running = async (): Promise<string | undefined> =>
    callsPage.parse((await get('/v1/calls?text=m-falls-hangs')).body).calls[0]?.id;
  let id: string | undefined;
  for (const end = performance.now() + 20_000; id === undefined; id = await running()) {
    assert.ok(performance.now() < end, 'it is not on the list');
  }
  const { attempts, call: line } = callDetail.parse((await get(`/v1/calls/${id}`)).body);
  assert.deepEqual([line.result, attempts[0]?.result, attempts[0]?.provider], ['running', 'running', 'falls-2']);
  call.socket.destroy();
});
