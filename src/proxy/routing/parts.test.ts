// SPDX-License-Identifier: Apache-2.0
// The small parts of the room, each by itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../../test/fakes/random.ts';
import { group, provider, target } from '../../../test/fakes/routing.ts';
import { DEVICE_TUNING, PROVIDER_TUNING, ROUTE_TUNING } from '../policy/tuning.ts';
import { Affinity } from './affinity.ts';
import { even } from './hash.ts';
import { KeyHolds } from './key-holds.ts';
import { Latency } from './latency.ts';
import { LruMap } from './lru-map.ts';
import { isNear, Network } from './network.ts';
import { byWeight, type OrderInput, orderTargets } from './order.ts';
import { firstContentMs, type PatienceInput } from './patience.ts';
import { RetryBucket } from './retry-bucket.ts';
import { retryDelay, type WaitInput } from './waits.ts';

const orderInput = (more: Partial<OrderInput> = {}): OrderInput => ({
  conversation: undefined,
  random: seeded(1),
  priceOf: () => undefined,
  loadOf: () => 0,
  ...more,
});
const names = (targets: readonly { provider: { name: string } }[]) => targets.map(({ provider: { name } }) => name);

test('hashes are spread evenly, whatever little the texts differ in', () => {
  const buckets = new Array<number>(10).fill(0);
  for (let at = 0; at < 10_000; at++) {
    const bucket = Math.floor(even(`conversation-${at}`) * 10);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  for (const count of buckets) assert.ok(count > 850 && count < 1_150, String(buckets));
});

test('the map forgets what was not used for longest', () => {
  const map = new LruMap<number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.get('a');
  map.set('c', 3);
  assert.deepEqual([map.get('a'), map.get('b'), map.get('c'), map.size], [1, undefined, 3, 2]);
});

test('weights are shares of conversations, and each conversation has its place', () => {
  const three = group('weighted', target('a', undefined, 6), target('b', undefined, 3), target('c', undefined, 1));
  const firsts = new Map<string, number>();
  for (let at = 0; at < 5_000; at++) {
    const input = orderInput({ conversation: `talk ${at}` });
    const [first] = names(orderTargets(three, input));
    assert.equal(first, names(orderTargets(three, input))[0]);
    firsts.set(first ?? '', (firsts.get(first ?? '') ?? 0) + 1);
  }
  const share = (name: string) => (firsts.get(name) ?? 0) / 5_000;
  assert.ok(Math.abs(share('a') - 0.6) < 0.04 && Math.abs(share('b') - 0.3) < 0.04, JSON.stringify([...firsts]));
});

test('when one target goes, only its own conversations move', () => {
  const [a, b, c] = [target('a'), target('b'), target('c')];
  for (let at = 0; at < 500; at++) {
    const input = orderInput({ conversation: `talk ${at}` });
    const before = names(orderTargets(group('weighted', a, b, c), input));
    const after = names(orderTargets(group('weighted', a, c), input));
    assert.deepEqual(
      before.filter((name) => name !== 'b'),
      after,
    );
  }
});

test('weight 0 comes after all others', () => {
  const keys = [
    { name: 'spare', weight: 0 },
    { name: 'main', weight: 0.01 },
  ];
  for (let at = 0; at < 200; at++) {
    assert.equal(byWeight(keys, ({ name }) => name, orderInput({ conversation: `${at}` }))[0]?.name, 'main');
    assert.equal(byWeight(keys, ({ name }) => name, orderInput({ random: seeded(at) }))[0]?.name, 'main');
  }
});

test('by cost: cheapest first, unknown last', () => {
  const prices: Readonly<Record<string, number>> = { a: 9, c: 1 };
  const input = orderInput({ priceOf: ({ provider: { name } }) => prices[name] });
  assert.deepEqual(names(orderTargets(group('cost', target('a'), target('b'), target('c')), input)), ['c', 'a', 'b']);
});

test('by latency: the worst of three is never first when two others are drawn against it, and all are tried', () => {
  const loads: Readonly<Record<string, number>> = { a: 900, b: 300, c: 600 };
  const random = seeded(7);
  const input = orderInput({ random, loadOf: ({ provider: { name } }) => loads[name] ?? 0 });
  const firsts: Record<string, number> = {};
  for (let at = 0; at < 3_000; at++) {
    const order = names(orderTargets(group('latency', target('a'), target('b'), target('c')), input));
    assert.equal(new Set(order).size, 3);
    const [first] = order;
    if (first !== undefined) firsts[first] = (firsts[first] ?? 0) + 1;
  }
  assert.equal(firsts['a'], undefined);
  assert.ok((firsts['b'] ?? 0) > (firsts['c'] ?? 0) && (firsts['c'] ?? 0) > 500, JSON.stringify(firsts));
});

test('the average jumps to a peak and comes down slowly; the percentile needs twenty samples', () => {
  const latency = new Latency();
  for (let at = 0; at < 19; at++) latency.sample(100, at);
  assert.equal(latency.p95, undefined);
  latency.sample(2_000, 20);
  assert.deepEqual([latency.average, latency.p95], [2_000, 100]);
  latency.sample(100, 1_000);
  assert.ok((latency.average ?? 0) > 1_900);
  latency.sample(100, 1_000_000);
  assert.ok((latency.average ?? 9_999) < 200);
  for (let at = 0; at < 64; at++) latency.sample(500, 1_000_001);
  assert.equal(latency.p95, 500);
  latency.inFlight = 1;
  assert.equal(latency.load, (latency.average ?? 0) * 2);
});

const times = (monotonic: number, wall = 1_000_000 + monotonic) => ({ monotonic, wall });
const HOLD = { provider: 'p', key: 'k', model: undefined, why: 'rate-limit' } as const;

test('a key is held until the later of two times', () => {
  const holds = new KeyHolds();
  holds.put('id', HOLD, 5_000, times(0));
  holds.put('id', HOLD, 1_000, times(10));
  assert.equal(holds.find('id', times(4_999))?.until, 5_000);
  assert.equal(holds.find('id', times(5_000)), undefined);
});

test('a wall clock set back prolongs no hold; one set forward, or a sleep, ends it', () => {
  const holds = new KeyHolds();
  holds.put('id', HOLD, 5_000, times(0));
  assert.ok(holds.find('id', times(4_000, 0)));
  assert.equal(holds.find('id', times(5_000, 0)), undefined);
  holds.put('id', HOLD, 5_000, times(6_000));
  assert.equal(holds.find('id', times(6_001, 2_000_000)), undefined);
});

test('holds survive a restart by the wall clock, callers’ own and far futures do not', () => {
  const holds = new KeyHolds();
  holds.put('p\0k', HOLD, 60_000, times(0));
  holds.put('p\0\0hash', { ...HOLD, key: undefined }, 60_000, times(0));
  const state = holds.dump(times(10_000));
  assert.deepEqual(state, { keys: [{ provider: 'p', key: 'k', why: 'rate-limit', until: 1_060_000 }] });
  const later = new KeyHolds();
  const far = { provider: 'p', key: 'far', why: 'credential', until: Number.MAX_SAFE_INTEGER } as const;
  const odd = { provider: 'p', key: 'odd', why: 'credential', until: Number.NaN } as const;
  later.restore({ keys: [...state.keys, far, odd] }, (provider, key) => `${provider}\0${key}`, times(5, 1_020_000));
  assert.equal(later.find('p\0k', times(5, 1_020_000))?.until, 40_005);
  assert.equal(later.find('p\0far', times(5, 1_020_000))?.until, 3_600_005);
  assert.equal(later.find('p\0odd', times(5, 1_020_000)), undefined);
});

test('holds and pins are bounded, whatever names come', () => {
  const holds = new KeyHolds();
  const affinity = new Affinity();
  for (let at = 0; at < 6_000; at++) {
    holds.put(`id ${at}`, HOLD, 5_000, times(0));
    affinity.put(`talk ${at}`, { provider: 'p', model: 'm', key: undefined, until: 1 });
  }
  assert.deepEqual([holds.list(times(1)).length, affinity.size], [512, 4_096]);
});

test('what cannot be reached means offline only for two hosts within the window, and none heard of in it', () => {
  const [a, b] = [provider('a'), provider('b')];
  const network = new Network();
  assert.equal(network.isLocal('unreached', a, 0, DEVICE_TUNING), false);
  assert.equal(network.isLocal('unreached', a, 10, DEVICE_TUNING), false);
  assert.equal(network.isLocal('unreached', b, 5_011, DEVICE_TUNING), false);
  assert.equal(network.isLocal('unreached', a, 6_000, DEVICE_TUNING), true);
  assert.equal(network.works(b), true);
  assert.equal(network.offline, false);
  const twin = { ...b, base: a.base };
  assert.equal(network.isLocal('unreached', a, 7_000, DEVICE_TUNING), false);
  assert.equal(network.isLocal('unreached', twin, 7_000, DEVICE_TUNING), false, 'two providers at one host');
  network.heard(provider('near', [], '127.0.0.1'), 7_000);
  network.heard(provider('c'), 6_999);
  assert.equal(network.isLocal('unreached', b, 11_999, DEVICE_TUNING), false);
  assert.equal(network.isLocal('unreached', b, 12_000, DEVICE_TUNING), true);
  assert.equal(network.isLocal('portal', provider('box', [], '192.168.0.9'), 7_000, DEVICE_TUNING), false);
});

test('while offline one call in its time may find out; what is near is not cut off', () => {
  const [a, near] = [provider('a'), provider('near', [], '127.0.0.1')];
  const network = new Network();
  for (const each of [a, provider('b')]) network.isLocal('unreached', each, 0, DEVICE_TUNING);
  const cutOff = (now: number) => network.isCutOff(a, now, DEVICE_TUNING);
  assert.deepEqual([cutOff(1_999), cutOff(2_000), network.isCutOff(near, 0, DEVICE_TUNING)], [true, false, false]);
  const claim = (of: typeof a, now: number) => network.claim(of, now, DEVICE_TUNING);
  assert.deepEqual(
    [claim(near, 2_000), claim(a, 1_999), claim(a, 2_000), claim(a, 3_999)],
    [false, false, true, false],
  );
  assert.deepEqual([cutOff(3_999), cutOff(4_000), claim(a, 4_000)], [true, false, true]);
  assert.equal(network.works(near), false);
});

test('near is this machine and the local network', () => {
  for (const host of ['127.0.0.1', 'localhost', '::1', '[::1]', '10.0.0.5', '172.20.1.1', 'gpu.local', 'fd12:3::1'])
    assert.equal(isNear(host), true, host);
  for (const host of ['api.example.com', '172.32.0.1', '8.8.8.8', '2001:db8::1', '127.0.0.1.example.com'])
    assert.equal(isNear(host), false, host);
});

test('retries are a share of the calls, saved up to the burst', () => {
  const bucket = new RetryBucket();
  const tuning = { ...DEVICE_TUNING, retryRatio: 0.1, retryBurst: 2 };
  assert.deepEqual([bucket.take(tuning), bucket.take(tuning), bucket.take(tuning)], [true, true, false]);
  for (let at = 0; at < 11; at++) bucket.credit(tuning);
  assert.deepEqual([bucket.take(tuning), bucket.take(tuning)], [true, false]);
});

const wait = (more: Partial<WaitInput>): number | undefined =>
  retryDelay({
    failure: 'transient',
    retryAfterMs: undefined,
    retries: 0,
    retry: ROUTE_TUNING.retry,
    rateLimit: PROVIDER_TUNING.rateLimit,
    random: 1,
    ...more,
  });

test('waits are as the classes say', () => {
  assert.deepEqual(
    [wait({}), wait({ retries: 1 }), wait({ retries: 2 }), wait({ random: 0 })],
    [500, 1_000, undefined, 0],
  );
  assert.equal(wait({ retries: 9, retry: { ...ROUTE_TUNING.retry, transient: 10 } }), 8_000);
  const overload = (more: Partial<WaitInput>) => wait({ failure: 'overload', ...more });
  assert.deepEqual([overload({}), overload({ random: 0 }), overload({ retries: 1 })], [1_000, 300, undefined]);
  assert.deepEqual([overload({ retryAfterMs: 1_900 }), overload({ retryAfterMs: 2_100 })], [1_900, undefined]);
  const limited = (retryAfterMs?: number) => wait({ failure: 'rate-limit', retryAfterMs });
  assert.deepEqual([limited(2_000), limited(2_001), limited()], [2_000, undefined, undefined]);
  for (const failure of ['hang', 'bad-answer', 'credential', 'model-missing', 'local'] as const)
    assert.equal(wait({ failure, retryAfterMs: 1 }), undefined, failure);
});

const patience = (more: Partial<PatienceInput>, input: Partial<PatienceInput['input']> = {}): number =>
  firstContentMs({
    input: { tuning: ROUTE_TUNING, stream: true, promptTokens: 0, ...input },
    reasoning: false,
    provider: PROVIDER_TUNING,
    probe: false,
    alternative: false,
    p95: undefined,
    ...more,
  });

test('patience is for the kind of model, the prompt, and whether another could answer', () => {
  assert.equal(patience({}), 30_000);
  assert.equal(patience({}, { promptTokens: 60_000 }), 36_000);
  assert.equal(patience({}, { promptTokens: Number.NaN }), 30_000);
  assert.equal(patience({ reasoning: true }), 120_000);
  assert.equal(patience({}, { stream: false }), 600_000);
  assert.equal(patience({ probe: true }), 8_000);
  assert.equal(patience({ probe: true, reasoning: true }), 120_000);
  assert.equal(patience({ probe: true }, { stream: false }), 120_000);
  assert.equal(patience({ alternative: true }, { stream: false }), 120_000);
  assert.equal(patience({ p95: 3_000 }), 30_000);
  assert.equal(patience({ p95: 3_000, alternative: true }), 12_000);
  assert.equal(patience({ p95: 300, alternative: true }), 8_000);
  assert.equal(patience({ p95: 20_000, alternative: true }), 30_000);
  assert.equal(patience({ p95: 5_000, alternative: true, reasoning: true }), 20_000);
});
