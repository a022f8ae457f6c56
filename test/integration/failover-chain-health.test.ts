// SPDX-License-Identifier: Apache-2.0
// What failures leave behind, on a running daemon: breakers and their probes, keys that are out, and what of it survives a restart.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ProviderItem } from '../../src/contract/local-api.ts';
import type { Seen } from '../fakes/provider/client.ts';
import { untilState } from './daemon-kit.ts';
import { type Bench, type Question, startBench } from './failover-chain-kit.ts';
import { until } from './intercept-kit.ts';

const SOON = { failures: 1, open_ms: 100, max_open_ms: 100, jitter: 0, ramp_ms: 0 };
const LATER = { failures: 1, open_ms: 600_000, max_open_ms: 600_000, jitter: 0 };
/** The default but for its time: no test outlasts it. */
const LASTING = { open_ms: 600_000, max_open_ms: 600_000 };
const breaker = (numbers: object) => ({ routing: { breaker: numbers } });
const keys = (...names: (readonly [string, number])[]) => ({
  api_keys: names.map(([name, weight]) => ({ name, key: `key-${name}`, weight })),
});

let bench: Bench;
before(async () => {
  bench = await startBench(
    {
      dead: { providers: [breaker(LASTING)] },
      model: {
        providers: [breaker(LASTING)],
        route: {
          model: ['m-model*', 'unknown*'],
          fallbacks: [{ provider: 'model-1' }, { provider: 'model-2', model: 'known' }],
        },
      },
      probe: { providers: [breaker(SOON)] },
      ramp: { providers: [breaker({ ...SOON, ramp_ms: 600_000 })] },
      // The second opened first but reopens later.
      panic: { providers: [breaker({ ...LATER, open_ms: 300_000 }), breaker(LATER)] },
      held: {},
      caller: { providers: [{ api_key: 'client' }] },
      'after-caller': {},
      refused: {
        types: ['openai', 'groq'],
        server: { keys: ['key-good', 'key-refused-2'] },
        providers: [keys(['dead-a', 1_000_000], ['dead-b', 1_000], ['dead-c', 1], ['good', 0])],
      },
      'all-refused': { server: { keys: ['key-all-refused-2'] }, providers: [keys(['a', 1], ['b', 1])] },
      limited: { types: ['openai', 'groq'], providers: [keys(['first', 1_000_000], ['second', 1])] },
      'limited-alone': { types: ['openai'], providers: [keys(['first', 1_000_000], ['second', 1])] },
      'short-wait': {},
    },
    { routing: { affinity: { enabled: false }, retry: { transient: 0, overload: 0 } } },
  );
});
after(() => bench?.stop());

const by = ({ headers }: Seen): unknown => headers['x-outpost-provider'];
const bearer = (id: string, at = 0): (string | undefined)[] =>
  (bench.of(id)[at]?.requests ?? []).map((request) => request.header('authorization'));

/** What is kept for a restart, once this provider is in it: it is written some time after the answer. */
async function keptWith(provider: string): Promise<string> {
  const path = join(bench.agent.dataDir, 'routing.json');
  const kept = (): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  await until(() => kept().includes(`"${provider}"`), `${provider} in routing.json`, 20_000);
  return kept();
}

function untilProvider(name: string, what: string, holds: (item: ProviderItem) => boolean): Promise<unknown> {
  return untilState(bench.agent, `${name} ${what}`, ({ providers }) =>
    providers.some((item) => item.name === name && holds(item)),
  );
}

const isHalfOpen = ({ health }: ProviderItem): boolean => health.out.some(({ state }) => state === 'half-open');

describe('breakers', () => {
  test('of 12 calls to a dead primary at most 3 reach it, and all are answered', async () => {
    bench.of('dead')[0].misbehave('status=500');
    for (let at = 0; at < 12; at++) assert.equal((await bench.ask('dead', { text: `call ${at}` })).status, 200);
    const [reached = 0] = bench.counts('dead');
    assert.ok(reached >= 1 && reached <= 3, String(reached));
    await untilProvider('dead-1', 'is down', ({ health }) => health.state === 'down' && health.why === 'transient');
  });

  test('one model that is overloaded or missing is left out, the others of its provider are not', async () => {
    const [a] = bench.of('model');
    a.misbehave('status=529');
    for (let at = 0; at < 5; at++) await bench.ask('model', { model: 'm-model-sick', text: `call ${at}` });
    assert.equal(bench.counts('model')[0], 3);
    a.misbehave({});
    assert.equal(by(await bench.ask('model', { model: 'm-model-well' })), 'model-1');
    assert.equal(by(await bench.ask('model', { model: 'm-model-sick' })), 'model-2');
    // The simulated provider does not know models that begin so.
    for (let at = 0; at < 2; at++) assert.equal(by(await bench.ask('model', { model: 'unknown-model' })), 'model-2');
    assert.equal(bench.counts('model')[0], 5);
    assert.equal(by(await bench.ask('model', { model: 'm-model-well' })), 'model-1');
    await untilProvider('model-1', 'misses a model', ({ health }) =>
      health.out.some(
        ({ scope, name, why }) => scope === 'model' && name === 'unknown-model' && why === 'model-missing',
      ),
    );
  });

  test('while one call finds out whether a provider is back, the others do not wait for it', async () => {
    const [a] = bench.of('probe');
    a.misbehave('status=500');
    assert.equal(by(await bench.ask('probe')), 'probe-2');
    await untilProvider('probe-1', 'may be tried', isHalfOpen);
    a.misbehave('hang=head');
    const probe = bench.raw('probe', { stream: true });
    const asked = await a.waitFor(({ serial }) => serial === 2);
    for (let at = 0; at < 5; at++) assert.equal(by(await bench.ask('probe', { text: `${at}` })), 'probe-2');
    assert.equal(a.requests.length, 2);
    assert.equal(asked.state, 'answering');
    // Who leaves gives the turn back: the next one finds out.
    probe.socket.destroy();
    await a.waitFor(({ serial, state }) => serial === 2 && state === 'client-left');
    a.misbehave({});
    await untilProvider('probe-1', 'may be tried again', isHalfOpen);
    const back = await bench.ask('probe');
    assert.equal(by(back), 'probe-1');
    const row = (await bench.rowsFor(back)).find(({ kind }) => kind === 'attempt');
    assert.ok(row?.kind === 'attempt' && row.probe === true);
    await untilProvider('probe-1', 'is well', ({ health }) => health.state === 'healthy');
  });

  test('a provider that is back gets a part of the calls at first', async () => {
    const [a] = bench.of('ramp');
    a.misbehave('status=500');
    await bench.ask('ramp');
    await untilProvider('ramp-1', 'may be tried', isHalfOpen);
    a.misbehave({});
    assert.equal(by(await bench.ask('ramp')), 'ramp-1');
    const before = a.requests.length;
    for (let at = 0; at < 40; at++) assert.equal((await bench.ask('ramp', { text: `call ${at}` })).status, 200);
    // A quarter; with 40 calls, none or more than 25 is one case in 50,000.
    const share = a.requests.length - before;
    assert.ok(share >= 1 && share <= 25, String(share));
  });

  test('all open: the one that is back first is tried, by one call at a time', async () => {
    const [a, b] = bench.of('panic');
    a.misbehave('status=500');
    b.misbehave('status=500');
    assert.equal((await bench.ask('panic')).status, 503);
    a.misbehave('hang=head');
    const probe = bench.raw('panic', { stream: true });
    await a.waitFor(({ serial }) => serial === 2);
    const other = await bench.ask('panic');
    assert.equal(other.status, 503);
    assert.equal(other.headers['x-should-retry'], 'false');
    assert.ok(Number(other.headers['retry-after']) > 0, String(other.headers['retry-after']));
    assert.deepEqual(bench.counts('panic'), [2, 1]);
    probe.socket.destroy();
    await a.waitFor(({ serial, state }) => serial === 2 && state === 'client-left');
    a.misbehave({});
    // The turn is back once the daemon, too, has seen the caller leave.
    const answer = await bench.ask('panic');
    assert.equal(by(answer), 'panic-1', answer.body.toString());
    assert.deepEqual(bench.counts('panic'), [3, 1]);
  });
});

describe('keys', () => {
  test('dead ones are met once each and do not use up the attempts; the call stays with the provider', async () => {
    const first = await bench.ask('refused');
    assert.equal(by(first), 'refused-1');
    const tried = ['dead-a', 'dead-b', 'dead-c', 'good'].map((name) => `Bearer key-${name}`);
    assert.deepEqual(bearer('refused'), tried);
    assert.equal(by(await bench.ask('refused')), 'refused-1');
    assert.deepEqual(bearer('refused'), [...tried, 'Bearer key-good']);
    const rows = await bench.rowsFor(first);
    const rotated = rows.flatMap((row) => (row.kind === 'attempt' ? [row.key] : []));
    assert.deepEqual(rotated, ['dead-a', 'dead-b', 'dead-c', 'good']);
    assert.equal(bench.counts('refused')[1], 0);
  });

  test('all dead: the next provider, and the dead ones are not asked again', async () => {
    assert.equal(by(await bench.ask('all-refused')), 'all-refused-2');
    assert.equal(by(await bench.ask('all-refused')), 'all-refused-2');
    assert.deepEqual(bench.counts('all-refused'), [2, 2]);
    await untilProvider('all-refused-1', 'has two keys out', ({ health }) =>
      ['a', 'b'].every((key) =>
        health.out.some(({ scope, name, why }) => scope === 'key' && name === key && why === 'credential'),
      ),
    );
  });

  test('one over its rate is left for another; with both out the next provider is asked', async () => {
    const [a] = bench.of('limited');
    a.script('status=429; retry-after=600');
    assert.equal(by(await bench.ask('limited')), 'limited-1');
    assert.equal(by(await bench.ask('limited')), 'limited-1');
    assert.deepEqual(
      bearer('limited'),
      ['first', 'second', 'second'].map((name) => `Bearer key-${name}`),
    );
    a.script('status=429; retry-after=600');
    assert.equal(by(await bench.ask('limited')), 'limited-2');
    assert.equal(by(await bench.ask('limited')), 'limited-2');
    assert.equal(a.requests.length, 4);
  });

  test('no key left and no other provider: an error that says when, without asking', async () => {
    const [a] = bench.of('limited-alone');
    a.misbehave('status=429; retry-after=30');
    const asked = await bench.ask('limited-alone');
    assert.equal(asked.status, 429);
    assert.equal(a.requests.length, 2);
    const held = await bench.ask('limited-alone');
    assert.equal(a.requests.length, 2);
    const wait = Number(held.headers['retry-after']);
    assert.ok(wait > 0 && wait <= 30, String(wait));
    assert.equal(held.headers['x-should-retry'], 'false');
  });

  test('where all say "in a second", the call waits and is answered', async () => {
    for (const server of bench.of('short-wait')) server.script('status=429; retry-after=1');
    const answer = await bench.ask('short-wait');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['x-outpost-attempts'], '3');
  });

  test('the caller’s own key over its rate is left alone, another caller’s is not', async () => {
    const [a] = bench.of('caller');
    const as = (key: string): Question => ({ headers: { authorization: `Bearer ${key}`, 'x-api-key': '' } });
    a.script('status=429; retry-after=600');
    for (let at = 0; at < 12; at++) assert.equal(by(await bench.ask('caller', as('own-key-a'))), 'caller-2');
    assert.equal(a.requests.length, 1);
    assert.equal(by(await bench.ask('caller', as('own-key-b'))), 'caller-1');
    bench.of('after-caller')[0].script('status=429; retry-after=600');
    await bench.ask('after-caller');
    assert.doesNotMatch(await keptWith('after-caller-1'), /"caller-1|own-key/);
  });

  test('what the provider said survives a restart of the daemon; the file holds names only', async () => {
    const [a] = bench.of('held');
    a.script('status=429; retry-after=600');
    assert.equal(by(await bench.ask('held')), 'held-2');
    // A stop has little time; that it writes what waits is shown beside the source (failover.test.ts).
    await keptWith('held-1');
    await bench.restart();
    const text = await keptWith('held-1');
    assert.doesNotMatch(text, /key-held|Bearer|app-key/);
    const { keys: kept } = JSON.parse(text) as { keys: { provider: string; key: string; why: string }[] };
    const own = kept.find(({ provider }) => provider === 'held-1');
    assert.deepEqual([own?.key, own?.why], ['key-1', 'rate-limit']);
    assert.equal(by(await bench.ask('held')), 'held-2');
    assert.equal(a.requests.length, 1);
    // Of refused keys too: a restart is no reason to meet them again.
    const reached = bench.counts('all-refused');
    assert.equal(by(await bench.ask('all-refused')), 'all-refused-2');
    assert.deepEqual(bench.counts('all-refused'), [reached[0], (reached[1] ?? 0) + 1]);
  });
});
