// SPDX-License-Identifier: Apache-2.0
// Chains on a running daemon: who is asked in which order when more than one target fails, where a chain stops, and what its budgets
// allow. One daemon; each test has a route and providers of its own.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Seen } from '../fakes/provider/client.ts';
import { type Bench, type Question, type SetPlan, startBench, wordsOf } from './failover-chain-kit.ts';

/** Nothing here measures time: silence shall be noticed soon where there is some, and no time run out elsewhere. */
const HANGS = { timeouts: { first_content_ms: 3_000 } };
const STALLS = { timeouts: { idle_ms: 500 } };
const GROUPS = {
  groups: [
    { order: 'listed', targets: [{ provider: 'groups-1' }, { provider: 'groups-2' }] },
    { order: 'weighted', targets: [{ provider: 'groups-3' }] },
  ],
};

/** What the two targets do before content, and what both attempts are called. */
const DOUBLE: readonly (readonly [string, string, string, string, number])[] = [
  ['status=500', 'status=529; retry-after=30', 'transient', 'rate-limit', 429],
  ['status=429; retry-after=30', 'hang=head', 'rate-limit', 'hang', 504],
  ['empty', 'html', 'bad-answer', 'bad-answer', 503],
  ['error=preamble', 'cut=preamble', 'bad-answer', 'bad-answer', 503],
  ['close', 'status=401', 'transient', 'credential', 502],
  ['stall=preamble', 'truncate=preamble', 'hang', 'bad-answer', 503],
];
const LATE = ['cut=4', 'error=4', 'truncate=4', 'reset=4', 'stall=4'] as const;

const sets: Record<string, SetPlan> = {
  three: { types: ['openai', 'anthropic', 'gemini'] },
  'three-late': { types: ['openai', 'anthropic', 'gemini'] },
  groups: { types: ['openai', 'groq', 'openai'], route: GROUPS },
  attempts: { types: ['openai', 'openai', 'openai'], routing: { attempts: 2 } },
  // Of a whole answer this is the time of the first: the last has `total_ms`.
  deadline: { routing: { deadline_ms: 100, timeouts: { reasoning_first_content_ms: 500 } } },
  stainless: { types: ['openai', 'openai'] },
  'stainless-order': { types: ['openai', 'openai'], providers: [{ routing: { breaker: { failures: 5 } } }] },
  background: { types: ['openai', 'openai'] },
  'background-unsent': { types: ['openai', 'openai'], providers: [{ base_url: 'http://127.0.0.1:1/v1' }] },
  'background-keys': {
    types: ['openai'],
    providers: [
      {
        api_keys: [
          { name: 'a', key: 'key-a' },
          { name: 'b', key: 'key-b' },
        ],
      },
    ],
    routing: { retry: { transient: 2, base_ms: 1 } },
  },
  mistake: {},
  alone: { types: ['openai'] },
};
for (const [at, [, , ...failures]] of DOUBLE.entries()) {
  sets[`double-${at}`] = { routing: failures.includes('hang') ? HANGS : {} };
}
for (const [at, fault] of LATE.entries()) {
  const routing = fault.startsWith('stall') ? STALLS : {};
  sets[`late-${at}`] = { types: ['openai', 'anthropic', 'openai'], routing };
  sets[`late-same-${at}`] = { types: ['openai', 'groq', 'openai'], routing };
}

let bench: Bench;
before(async () => {
  bench = await startBench(sets, { routing: { affinity: { enabled: false }, retry: { transient: 0, overload: 0 } } });
});
after(() => bench?.stop());

const attempts = async (answer: Seen) =>
  (await bench.rowsFor(answer)).flatMap((row) =>
    row.kind === 'attempt' ? [`${row.provider}=${row.failure ?? row.result}`] : [],
  );

describe('two targets', () => {
  for (const [at, [first, second, one, two, status]] of DOUBLE.entries()) {
    test(`both fail before content (${first}, then ${second}): one error, nothing of either`, async () => {
      const id = `double-${at}`;
      const [a, b] = bench.of(id);
      a.misbehave(first);
      b.misbehave(second);
      const answer = await bench.ask(id, { stream: true });
      assert.equal(answer.status, status);
      assert.equal(answer.end, 'clean');
      assert.equal(answer.headers['x-outpost-attempts-detail'], `${id}-1=${one},${id}-2=${two}`);
      assert.equal(answer.headers['x-outpost-attempts'], '2');
      assert.equal(answer.headers['x-should-retry'], 'false');
      assert.doesNotMatch(answer.body.toString(), /imulated/);
      assert.match(JSON.parse(answer.body.toString()).error.message, /\(Outpost dec_/);
      assert.deepEqual(bench.counts(id), [1, 1]);
      assert.deepEqual(await attempts(answer), [`${id}-1=${one}`, `${id}-2=${two}`]);
    });
  }

  for (const [kind, way] of [
    ['late', 'translated'],
    ['late-same', 'same'],
  ] as const) {
    for (const [at, fault] of LATE.entries()) {
      test(`the second (${way}) fails after content with ${fault}: the break is shown, the third is not asked`, async () => {
        const id = `${kind}-${at}`;
        const [a, b] = bench.of(id);
        a.misbehave('status=500');
        b.misbehave(fault);
        const answer = await bench.ask(id, { stream: true, text: 'tell me something long enough' });
        assert.equal(answer.status, 200);
        assert.notEqual(answer.end, 'clean');
        assert.equal(answer.headers['x-outpost-fallback-from'], `${id}-1`);
        const text = answer.body.toString();
        assert.match(text, /"delta":\{[^}]*"content":"S/);
        assert.doesNotMatch(text, /\[DONE\]|finish_reason":"/);
        // The event is out before the connection is reset.
        assert.match(text, /"error"/, 'no in-band error');
        assert.deepEqual(bench.counts(id), [1, 1, 0]);
        const rows = await bench.rowsFor(answer);
        const outcome = rows.find((row) => row.kind === 'outcome');
        assert.ok(outcome?.kind === 'outcome');
        assert.deepEqual([outcome.result, outcome.provider], ['broken', `${id}-2`]);
      });
    }
  }
});

describe('longer chains', () => {
  test('two of three fail: the third answers, in the dialect of the caller, and says from where it was reached', async () => {
    const [a, b] = bench.of('three');
    a.misbehave('status=503');
    b.misbehave('reset=head');
    const answer = await bench.ask('three', { text: 'third time lucky' });
    assert.equal(answer.status, 200);
    assert.equal(JSON.parse(answer.body.toString()).choices[0].message.content, 'Simulated echo: third time lucky');
    assert.equal(answer.headers['x-outpost-provider'], 'three-3');
    assert.equal(answer.headers['x-outpost-attempts'], '3');
    assert.equal(answer.headers['x-outpost-fallback-from'], 'three-1');
    assert.deepEqual(await attempts(answer), ['three-1=overload', 'three-2=transient', 'three-3=complete']);
    const rows = await bench.rowsFor(answer);
    const kinds = rows.map((row) => row.kind);
    // Each attempt is said before it leaves.
    assert.deepEqual(kinds, ['intent', 'attempt', 'intent', 'attempt', 'intent', 'attempt', 'outcome']);
  });

  test('all of three fail: one error that names each', async () => {
    for (const server of bench.of('three-late')) server.misbehave('status=500');
    const answer = await bench.ask('three-late');
    assert.equal(answer.status, 503);
    assert.equal(
      answer.headers['x-outpost-attempts-detail'],
      'three-late-1=transient,three-late-2=transient,three-late-3=transient',
    );
    assert.deepEqual(bench.counts('three-late'), [1, 1, 1]);
  });

  test('a later group is asked only after all of the first failed', async () => {
    const [a, b] = bench.of('groups');
    assert.equal((await bench.ask('groups')).headers['x-outpost-provider'], 'groups-1');
    a.misbehave('status=500');
    assert.equal((await bench.ask('groups')).headers['x-outpost-provider'], 'groups-2');
    assert.equal(bench.of('groups')[2]?.requests.length, 0);
    b.misbehave('status=500');
    const answer = await bench.ask('groups', { stream: true, text: 'far' });
    assert.equal(answer.headers['x-outpost-provider'], 'groups-3');
    assert.equal(wordsOf(answer), 'Simulated echo: far');
  });

  test('a mistake of the caller is its own to see: no second target, the words of the provider', async () => {
    bench.of('mistake')[0].misbehave('status=422');
    const answer = await bench.ask('mistake');
    assert.equal(answer.status, 422);
    assert.match(answer.body.toString(), /status 422 \(simulated\)/);
    assert.deepEqual(bench.counts('mistake'), [1, 0]);
  });

  test('a route of one target is no chain: its error comes as it is', async () => {
    bench.of('alone')[0].misbehave('status=500; retry-after=9');
    const answer = await bench.ask('alone');
    assert.equal(answer.status, 500);
    assert.match(answer.body.toString(), /status 500 \(simulated\)/);
    assert.equal(answer.headers['retry-after'], '9');
    assert.equal(answer.headers['x-ratelimit-remaining-requests'], '9999');
    assert.equal(answer.headers['x-should-retry'], undefined);
  });
});

describe('budgets', () => {
  test('of attempts', async () => {
    for (const server of bench.of('attempts').slice(0, 2)) server.misbehave('status=500');
    const answer = await bench.ask('attempts');
    assert.equal(answer.status, 503);
    assert.deepEqual(bench.counts('attempts'), [1, 1, 0]);
  });

  test('of time: after it who was not asked still is, nobody again, and the error is that of a chain', async () => {
    const [hanging, failing] = bench.of('deadline');
    hanging.misbehave('hang=head');
    failing.misbehave('status=500');
    const answer = await bench.ask('deadline');
    assert.equal(answer.status, 503);
    assert.equal(answer.headers['x-should-retry'], 'false');
    assert.equal(answer.headers['x-outpost-attempts-detail'], 'deadline-1=hang,deadline-2=transient');
    assert.deepEqual(bench.counts('deadline'), [1, 1]);
  });

  test('a retry of the SDK itself begins with the target that did not fail last', async () => {
    const id = 'stainless-order';
    const [a] = bench.of(id);
    a.script('status=500');
    assert.equal((await bench.ask(id)).headers['x-outpost-provider'], `${id}-2`);
    assert.equal((await bench.ask(id)).headers['x-outpost-provider'], `${id}-1`);
    a.script('status=500');
    assert.equal((await bench.ask(id)).headers['x-outpost-provider'], `${id}-2`);
    const again: Question = { headers: { 'x-stainless-retry-count': '1' } };
    assert.equal((await bench.ask(id, again)).headers['x-outpost-provider'], `${id}-2`);
    assert.deepEqual(bench.counts(id), [3, 3]);
  });

  test('nonsense in x-stainless-retry-count is no retry', async () => {
    for (const value of ['-1', 'NaN', '1e400', '0x10', '']) {
      const answer = await bench.ask('stainless', { headers: { 'x-stainless-retry-count': value } });
      assert.equal(answer.status, 200, value);
    }
    assert.deepEqual(bench.counts('stainless'), [5, 0]);
  });
});

describe('what must not be done twice', () => {
  const asked: Question = { dialect: 'responses', more: { background: true, store: true } };
  test('a background response that a provider may have taken is not sent to another', async () => {
    bench.of('background')[0].misbehave('reset=head');
    const answer = await bench.ask('background', asked);
    assert.notEqual(answer.status, 200);
    assert.deepEqual(bench.counts('background'), [1, 0]);
  });

  test('nor to the same one again', async () => {
    bench.of('background-keys')[0].misbehave('close');
    await bench.ask('background-keys', asked);
    assert.deepEqual(bench.counts('background-keys'), [1]);
    // Without it the same call is: twice, then the breaker is open.
    await bench.ask('background-keys', { dialect: 'responses' });
    assert.deepEqual(bench.counts('background-keys'), [3]);
  });

  test('one that never left goes on to the next', async () => {
    const searching: Question = { dialect: 'responses', more: { tools: [{ type: 'web_search' }] } };
    const answer = await bench.ask('background-unsent', searching);
    assert.equal(answer.status, 200);
    assert.deepEqual(bench.counts('background-unsent'), [0, 1]);
  });

  test('nor is one whose answer will be asked for where it was addressed', async () => {
    const before = bench.counts('background-unsent');
    assert.equal((await bench.ask('background-unsent', asked)).status, 503);
    assert.deepEqual(bench.counts('background-unsent'), before);
  });
});
