// SPDX-License-Identifier: Apache-2.0
// What is said of a call afterwards is what happened: to the caller in headers, in the log, and on the status page. On a running daemon.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { agentState } from '../../src/contract/local-api.ts';
import { send } from '../fakes/provider/client.ts';
import { gatewayToken, untilState } from './daemon-kit.ts';
import { type Bench, startBench } from './failover-chain-kit.ts';

const OUT = { routing: { breaker: { failures: 1, open_ms: 600_000, max_open_ms: 600_000, jitter: 0 } } };

let bench: Bench;
before(async () => {
  bench = await startBench(
    {
      out: { providers: [OUT, OUT] },
      given: {
        route: {
          groups: [{ order: 'weighted', targets: [{ provider: 'given-1', weight: 0 }, { provider: 'given-2' }] }],
        },
      },
      models: {
        types: ['openai'],
        route: {
          fallbacks: [
            { provider: 'models-1', model: 'first+status=500' },
            { provider: 'models-1', model: 'second' },
          ],
        },
      },
      page: {
        route: {
          fallbacks: [
            { provider: 'page-1', model: 'first+status=500' },
            { provider: 'page-2', model: 'second' },
          ],
        },
      },
      lists: { route: { model: undefined, apps: ['*'], fallbacks: [{ provider: 'lists-2' }] } },
    },
    { routing: { affinity: { enabled: false }, retry: { transient: 0 } } },
  );
});
after(() => bench?.stop());

test('a call for which nothing could be tried has its intent and its outcome, and stands on the page', async () => {
  for (const server of bench.of('out')) server.misbehave('status=500');
  await bench.ask('out');
  const before = bench.counts('out');
  // The first try of all that are out is one call's; the next one meets it.
  for (const server of bench.of('out')) server.misbehave('hang=head');
  const trying = bench.raw('out');
  await bench.of('out')[0].waitFor((request) => bench.of('out')[0].requests.indexOf(request) >= (before[0] ?? 0));
  const answer = await bench.ask('out');
  assert.equal(answer.status, 503);
  trying.socket.destroy();
  const rows = await bench.rowsFor(answer);
  assert.deepEqual(
    rows.map(({ kind }) => kind),
    ['intent', 'outcome'],
  );
  const [intent, outcome] = rows;
  assert.ok(intent?.kind === 'intent' && outcome?.kind === 'outcome');
  assert.deepEqual(
    [intent.model, intent.path, outcome.attempts, outcome.error],
    ['m-out', '/v1/chat/completions', 0, 'OUT_CHAIN_FAILED'],
  );
  const { activity, counters } = agentState.parse(
    await untilState(bench.agent, 'the call has ended', ({ activity: lines }) =>
      lines.some(({ id, result }) => id === intent.request && result !== 'running'),
    ),
  );
  assert.equal(activity.find(({ id }) => id === intent.request)?.result, 'failed');
  assert.ok(counters.failed <= counters.governed, `${counters.failed} failed of ${counters.governed}`);
});

test('the target that a balanced group gives is no fallback', async () => {
  const answer = await bench.ask('given');
  assert.equal(answer.headers['x-outpost-provider'], 'given-2');
  assert.equal(answer.headers['x-outpost-fallback-from'], undefined);
  const outcome = (await bench.rowsFor(answer)).find(({ kind }) => kind === 'outcome');
  assert.ok(outcome?.kind === 'outcome');
  assert.equal(outcome.fallback_from, undefined);
});

test('another model of the same provider is one', async () => {
  const answer = await bench.ask('models');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-outpost-model'], 'second');
  assert.equal(answer.headers['x-outpost-fallback-from'], 'models-1/first+status=500');
});

test('the page names the model that answered', async () => {
  const answer = await bench.ask('page');
  const request = answer.headers['x-outpost-request-id'];
  const { activity } = await untilState(bench.agent, 'the call has ended', (state) =>
    state.activity.some(({ id, result }) => id === request && result === 'complete'),
  );
  const line = activity.find(({ id }) => id === request);
  assert.deepEqual([line?.provider, line?.model, line?.sent_model], ['page-2', 'm-page', 'second']);
});

test('what is no request to a model stays with the provider that it addresses, whatever route matches', async () => {
  const { agent } = bench;
  const url = `${agent.ready.gateway_url}/lists-1/v1/models`;
  const before = bench.counts('lists');
  const answer = await send({ url, headers: { authorization: 'Bearer app-key', ...gatewayToken(agent.dataDir) } });
  assert.notEqual(answer.status, 503);
  const [first = 0, second = 0] = bench.counts('lists');
  assert.deepEqual([first - (before[0] ?? 0), second - (before[1] ?? 0)], [1, 0]);
});
