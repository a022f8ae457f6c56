// SPDX-License-Identifier: Apache-2.0
// Which targets a call has, in which order and under which names, on a running daemon: matching of routes, orders within a group, model
// names, and the chains for what a target cannot take.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Seen } from '../fakes/provider/client.ts';
import { gatewayToken } from './daemon-kit.ts';
import { type Bench, type Question, question, startBench } from './failover-chain-kit.ts';

const fallbacks = (id: string, ...numbers: readonly number[]) => numbers.map((n) => ({ provider: `${id}-${n}` }));
const grouped = (order: string, ...targets: readonly object[]) => ({ groups: [{ order, targets }] });
const weighted = (id: string, ...weights: readonly number[]) =>
  grouped('weighted', ...weights.map((weight, at) => ({ provider: `${id}-${at + 1}`, weight })));

/** Refuses as the vendors do; which refusal is said by the path. */
const refuser = createServer((request, response) => {
  const context = request.url?.startsWith('/context') === true;
  const error = context
    ? { message: 'This model has a maximum context length of 8 tokens (simulated)', code: 'context_length_exceeded' }
    : { message: 'Rejected by the content management policy (simulated)', code: 'content_filter' };
  request.resume().once('end', () => {
    response.writeHead(400, { 'content-type': 'application/json', 'x-ratelimit-remaining-requests': '1' });
    response.end(JSON.stringify({ error: { ...error, type: 'invalid_request_error', param: null } }));
  });
});

let bench: Bench;
before(async () => {
  refuser.listen(0, '127.0.0.1');
  await once(refuser, 'listening');
  const at = (why: string) => ({
    base_url: `http://127.0.0.1:${(refuser.address() as AddressInfo).port}/${why}/v1`,
  });
  bench = await startBench(
    {
      weighted: { route: weighted('weighted', 3, 1) },
      spare: { types: ['openai', 'openai', 'openai'], route: weighted('spare', 1, 0, 1) },
      cost: {
        types: ['openai', 'groq', 'openai'],
        route: grouped(
          'cost',
          { provider: 'cost-1', model: 'of-unknown-price' },
          { provider: 'cost-2', model: 'dear' },
          { provider: 'cost-3', model: 'cheap' },
        ),
      },
      latency: { route: grouped('latency', ...fallbacks('latency', 1, 2)) },
      map: {
        types: ['openai', 'openai', 'anthropic'],
        providers: [{}, { models: { 'vendor/*': 'never-used', '*': 'deployment-of-*' } }, {}],
        route: {
          model: ['vendor/*', 'm-map'],
          fallbacks: [
            { provider: 'map-1', model: { 'vendor/big-*': 'large-*-latest', 'vendor/*': '*' } },
            { provider: 'map-2', model: { 'vendor/*': 'second-*' } },
            { provider: 'map-3', model: 'claude-*' },
          ],
        },
      },
      deploy: { types: ['openai'], route: null, providers: [{ models: { 'm-*': 'deployment-*' } }] },
      dialect: {
        types: ['openai', 'openai'],
        route: { dialects: ['anthropic-messages'], fallbacks: fallbacks('dialect', 2) },
      },
      path: { route: { paths: ['/v1/embeddings'], model: 'm-path', fallbacks: fallbacks('path', 2) } },
      app: { route: { apps: ['curl*', '*/curl*'], model: 'm-app', fallbacks: fallbacks('app', 2) } },
      // No model: taken by everything that no route before it took.
      context: {
        types: ['openai', 'openai', 'anthropic'],
        providers: [at('context')],
        route: {
          fallbacks: fallbacks('context', 1, 2),
          on_context_length: [{ provider: 'context-3', model: 'claude-long' }],
        },
      },
      'context-own': { providers: [at('context')] },
      'context-both': {
        types: ['openai', 'openai', 'groq'],
        providers: [at('context'), {}, { base_url: at('context').base_url }],
        route: { fallbacks: fallbacks('context-both', 1, 2), on_context_length: fallbacks('context-both', 3) },
      },
      policy: {
        types: ['openai', 'openai', 'openai', 'openai'],
        providers: [at('policy')],
        route: {
          fallbacks: fallbacks('policy', 1, 2),
          on_context_length: fallbacks('policy', 3),
          on_content_policy: fallbacks('policy', 4),
        },
      },
      headers: { types: ['openai', 'openai', 'anthropic'] },
    },
    {
      routing: { affinity: { enabled: false }, retry: { transient: 0, overload: 0 } },
      models_data: [
        { model: 'dear', price: { input: 100, output: 300 } },
        { model: 'cheap', price: { input: 0.1, output: 0.3 } },
      ],
    },
  );
});
after(async () => {
  await bench?.stop();
  refuser.closeAllConnections();
  refuser.close();
});

const by = ({ headers }: Seen): unknown => headers['x-outpost-provider'];
const models = (id: string): unknown[][] =>
  bench.of(id).map(({ requests }) => requests.map((request) => (request.json() as { model?: unknown }).model));

async function many(id: string, calls: number): Promise<ReadonlyMap<unknown, number>> {
  const counts = new Map<unknown, number>();
  for (let at = 0; at < calls; at++) {
    const seen = await bench.ask(id, { text: `conversation ${at}`, stream: true });
    assert.equal(seen.status, 200);
    counts.set(by(seen), (counts.get(by(seen)) ?? 0) + 1);
  }
  return counts;
}

describe('order within a group', () => {
  test('by weight: three of four calls to the heavier', async () => {
    const heavier = (await many('weighted', 80)).get('weighted-1') ?? 0;
    // 60 are expected; five standard deviations.
    assert.ok(heavier >= 41 && heavier <= 79, String(heavier));
  });

  test('the same conversation finds the same place', async () => {
    const one = by(await bench.ask('weighted', { text: 'one of them' }));
    for (let at = 0; at < 5; at++) assert.equal(by(await bench.ask('weighted', { text: 'one of them' })), one);
  });

  test('weight 0: only when the others are out', async () => {
    const [a, b, c] = bench.of('spare');
    const counts = await many('spare', 30);
    assert.equal(b.requests.length, 0);
    assert.ok((counts.get('spare-1') ?? 0) > 0 && (counts.get('spare-3') ?? 0) > 0);
    a.misbehave('status=500');
    c?.misbehave('status=500');
    assert.equal(by(await bench.ask('spare')), 'spare-2');
  });

  test('by cost: the cheapest first, one of unknown price last', async () => {
    const [, dear, cheap] = bench.of('cost');
    assert.equal(by(await bench.ask('cost')), 'cost-3');
    cheap?.misbehave('status=500');
    assert.equal(by(await bench.ask('cost')), 'cost-2');
    dear.misbehave('status=500');
    assert.equal(by(await bench.ask('cost')), 'cost-1');
    assert.deepEqual(models('cost'), [['of-unknown-price'], ['dear', 'dear'], ['cheap', 'cheap', 'cheap']]);
  });

  test('by latency: the slow one is found out, then left alone', async () => {
    bench.of('latency')[0].misbehave('delay=3000');
    const slow = (await many('latency', 12)).get('latency-1') ?? 0;
    // One call each finds out; a machine that stands still for as long now and then may cost some more.
    assert.ok(slow >= 1 && slow <= 6, String(slow));
  });
});

describe('names of models', () => {
  test('globs of a target, the first match wins; what it does not say the provider’s own map says', async () => {
    const [a, b] = bench.of('map');
    const asked = async (model: string): Promise<Seen> => bench.ask('map', { model });
    const big = await asked('vendor/big-one');
    assert.equal(big.headers['x-outpost-model'], 'large-one-latest');
    await asked('vendor/small');
    await asked('m-map');
    a.misbehave('status=429; retry-after=600');
    await asked('vendor/small');
    await asked('m-map');
    b.misbehave('status=429; retry-after=600');
    const third = await asked('vendor/small');
    assert.equal(third.headers['x-outpost-model'], 'claude-small');
    assert.deepEqual(models('map'), [
      ['large-one-latest', 'small', 'm-map', 'small'],
      ['second-small', 'deployment-of-m-map', 'second-small'],
      ['claude-small'],
    ]);
    // The caller is told the name by which it asked.
    assert.equal(JSON.parse(third.body.toString()).model, 'vendor/small');
  });

  test('the map of a provider holds without a route, too; the rest of the body keeps its bytes', async () => {
    const [a] = bench.of('deploy');
    assert.equal((await bench.ask('deploy', { model: 'm-one' })).headers['x-outpost-model'], 'deployment-one');
    assert.equal((await bench.ask('deploy', { model: 'other' })).headers['x-outpost-model'], 'other');
    const sent = JSON.stringify(question('m-one', {}).body).replace('"m-one"', '"deployment-one"');
    assert.equal(a.requests[0]?.body.toString(), sent);
  });
});

describe('which calls a route is for', () => {
  test('by dialect', async () => {
    assert.equal(by(await bench.ask('dialect')), 'dialect-1');
    assert.equal(by(await bench.ask('dialect', { dialect: 'responses' })), 'dialect-1');
    const messages = await bench.ask('dialect', { dialect: 'messages' });
    assert.equal(by(messages), 'dialect-2');
    assert.equal(JSON.parse(messages.body.toString()).type, 'message');
  });

  test('by path', async () => {
    assert.equal(by(await bench.ask('path')), 'path-1');
    assert.equal(by(await bench.ask('path', { dialect: 'embeddings' })), 'path-2');
  });

  test('by app', async () => {
    assert.equal(by(await bench.ask('app')), 'app-1');
    const { path, body } = question('m-app', {});
    const child = spawn(
      'curl',
      [
        ...['-s', '-i', `http://127.0.0.1:${bench.agent.gatewayPort}/app-1${path}`, '-d', JSON.stringify(body)],
        ...['-H', 'content-type: application/json', '-H', 'authorization: Bearer app-key'],
        ...Object.entries(gatewayToken(bench.agent.dataDir)).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    let answer = '';
    child.stdout.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
    });
    await once(child, 'close');
    assert.match(answer, /x-outpost-provider: app-2/);
  });
});

describe('what a target cannot take', () => {
  test('too long a prompt goes to the chain for that, not to the next target', async () => {
    const answer = await bench.ask('context', { text: 'a very long story' });
    assert.equal(by(answer), 'context-3');
    assert.equal(answer.headers['x-outpost-fallback-from'], 'context-1');
    assert.deepEqual(models('context'), [[], [], ['claude-long']]);
    const failures = (await bench.rowsFor(answer)).flatMap((row) => (row.kind === 'attempt' ? [row.failure] : []));
    assert.deepEqual(failures, ['context-length', undefined]);
    // Nobody's health suffers by it.
    for (let at = 0; at < 4; at++) await bench.ask('context', { text: `story ${at}` });
    const explained = await bench.rowsFor(await bench.ask('context', { text: 'the last one' }));
    assert.ok(explained.some((row) => row.kind === 'attempt' && row.provider === 'context-1'));
  });

  test('without such a chain the provider’s own words are the caller’s to see', async () => {
    const answer = await bench.ask('context-own');
    assert.equal(answer.status, 400);
    assert.equal(JSON.parse(answer.body.toString()).error.code, 'context_length_exceeded');
    assert.deepEqual(bench.counts('context-own'), [0, 0]);
  });

  test('where the last of that chain cannot take it either, its error is the end', async () => {
    const answer = await bench.ask('context-both');
    assert.equal(answer.status, 400);
    assert.match(answer.body.toString(), /maximum context length/);
    assert.equal(answer.headers['x-ratelimit-remaining-requests'], undefined);
    assert.deepEqual(bench.counts('context-both'), [0, 0, 0]);
  });

  test('what is against a provider’s policy goes to the chain for that', async () => {
    assert.equal(by(await bench.ask('policy')), 'policy-4');
    assert.deepEqual(bench.counts('policy'), [0, 0, 0, 1]);
  });
});

test('limits and account of another provider are not the caller’s; its own number for the call is kept under ours', async () => {
  const LIMITS =
    /^(?:x-ratelimit|anthropic-ratelimit|openai-|request-id|x-request-id|anthropic-organization|x-simulated)/;
  const limits = ({ headers }: Seen): string[] => Object.keys(headers).filter((name) => LIMITS.test(name));
  const asked: Question = { stream: true };
  const own = await bench.ask('headers', asked);
  assert.ok(limits(own).length > 5);
  const [a, b] = bench.of('headers');
  a.misbehave('status=500');
  const same = await bench.ask('headers', asked);
  assert.deepEqual([by(same), limits(same)], ['headers-2', []]);
  assert.equal(same.headers['x-outpost-upstream-request-id'], 'req_sim_1');
  b.misbehave('status=500');
  const translated = await bench.ask('headers', asked);
  assert.deepEqual([by(translated), limits(translated)], ['headers-3', []]);
  assert.equal(translated.headers['x-outpost-upstream-request-id'], 'req_sim_1');
});
