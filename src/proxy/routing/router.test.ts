// SPDX-License-Identifier: Apache-2.0
// One call after another along chains: what is tried, in which order, and what is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../../test/fakes/random.ts';
import {
  COMPLETE,
  call,
  chain,
  deps,
  failed,
  failThrice,
  group,
  HANG,
  makeRouter as make,
  placeOf,
  provider,
  RESET,
  refused,
  routeOf,
  target,
  tryOf,
  walk,
} from '../../../test/fakes/routing.ts';
import { ROUTE_TUNING } from '../policy/tuning.ts';
import { createRouter } from './router.ts';
import type { AttemptOutcome } from './routing.ts';

/** What class does to a chain of two: tried, and the class that was told. */
const FAST: readonly (readonly [AttemptOutcome, readonly string[]])[] = [
  [refused(400), ['a']],
  [refused(404), ['a']],
  [refused(422), ['a']],
  [{ kind: 'left' }, ['a']],
  [{ kind: 'broken', timeout: false }, ['a']],
  [refused(404, 'model-not-found'), ['a', 'b']],
  [refused(401), ['a', 'b']],
  [refused(402), ['a', 'b']],
  [refused(403), ['a', 'b']],
  [refused(429, 'quota'), ['a', 'b']],
  [refused(429), ['a', 'b']],
  [refused(429, 'rate-limit', { 'retry-after': '1' }), ['a', 'b']],
  [refused(408), ['a', 'b']],
  [refused(500), ['a', 'b']],
  [refused(503, 'overloaded'), ['a', 'b']],
  [refused(529, 'overloaded'), ['a', 'b']],
  [RESET, ['a', 'b']],
  [HANG, ['a', 'b']],
  [failed(), ['a', 'b']],
  [failed({ code: 'OUT_UPSTREAM_UNTRUSTED', detail: 'CERT_HAS_EXPIRED' }), ['a', 'b']],
  [failed({ code: 'OUT_UPSTREAM_BROKEN', headSeen: true, sent: true }), ['a', 'b']],
  [refused(200, 'overloaded'), ['a', 'b']],
  [failed({ detail: 'ENETUNREACH' }), ['a', 'b']],
  [failed({ staleSocket: true, sent: true }), ['a', 'a', 'b']],
];

test('with an alternative each class goes on at once or not at all, and nobody sleeps', () => {
  for (const [outcome, places] of FAST) {
    const { go } = make();
    assert.deepEqual(go(call(chain('a', 'b')), { a: outcome }).steps, places, JSON.stringify(outcome));
  }
});

test('after the caller’s own mistake the end is final', () => {
  const { go } = make();
  assert.deepEqual(go(call(chain('a', 'b')), { a: refused(400) }).end, {
    kind: 'exhausted',
    reason: 'final',
    retryAfterMs: undefined,
  });
});

test('what may not be sent twice is not, but is when nothing was sent', () => {
  const input = call(chain('a', 'b'), { repeatable: () => false });
  assert.deepEqual(make().go(input, { a: RESET }).steps, ['a']);
  assert.deepEqual(make().go(input, { a: refused(500) }).steps, ['a']);
  assert.deepEqual(make().go(input, { a: failed() }).steps, ['a', 'b']);
});

test('alone: a moment’s trouble gets two retries with jitter, an overload one, a hang none', () => {
  const route = chain(target('a'), target('b'));
  const b = { b: HANG };
  const long = (steps: readonly string[]) => steps.join(' ');
  const tuning = { ...ROUTE_TUNING, attempts: 9 };
  assert.equal(long(make().go(call(route, { tuning }), { a: HANG, b: RESET }).steps), 'a b +250 b +500 b');
  assert.equal(long(make().go(call(route, { tuning }), { a: HANG, b: refused(529) }).steps), 'a b +650 b');
  assert.equal(long(make().go(call(route, { tuning }), { a: HANG, ...b }).steps), 'a b');
});

test('alone: of those that failed the one that may be asked again is, though another failed after it', () => {
  const { clock, go, router } = make();
  const input = call(chain('a', 'b'), { conversation: 'talk' });
  for (let at = 0; at < 3; at++) go({ ...input, conversation: `${at}` }, { a: RESET });
  go(input, {});
  clock.advance(5_000);
  const places: string[] = [];
  const walked = walk(router.begin(input), clock, (place) => {
    places.push(place);
    if (place === 'a') return HANG;
    return places.length === 1 ? RESET : COMPLETE;
  });
  assert.deepEqual(walked.steps, ['b', 'a', '+250', 'b']);
});

test('a certificate that is refused is not asked for again', () => {
  const untrusted = failed({ code: 'OUT_UPSTREAM_UNTRUSTED', detail: 'CERT_HAS_EXPIRED' });
  assert.deepEqual(make().go(call(chain('a', 'b')), { a: untrusted, b: untrusted }).steps, ['a', 'b']);
});

test('the caller’s own retry gets no retries of ours, and what is well first', () => {
  const { go } = make();
  const route = chain('a', 'b');
  assert.deepEqual(go(call(route), { a: RESET }).steps, ['a', 'b']);
  assert.deepEqual(go(call(route, { callerRetry: 1 }), {}).steps, ['b']);
  assert.deepEqual(go(call(route, { callerRetry: 1 }), { a: RESET, b: RESET }).steps, ['b', 'a']);
});

test('retries of all calls come from one budget, failing over does not', () => {
  const device = { retryRatio: 0, retryBurst: 1, offlineWindow: 5_000, offlineProbe: 2_000 };
  const { go } = make({ device: () => device });
  const both = { a: refused(529), b: refused(529) };
  assert.deepEqual(go(call(chain('a', 'b')), both).steps, ['a', 'b', '+650', 'b']);
  assert.deepEqual(go(call(chain('c', 'd')), { c: refused(529), d: refused(529) }).steps, ['c', 'd']);
});

test('attempts and the deadline end it', () => {
  const three = make().go(call(chain('a', 'b', 'c', 'd')), { a: RESET, b: RESET, c: RESET });
  assert.deepEqual([three.steps, three.end?.kind === 'exhausted' && three.end.reason], [['a', 'b', 'c'], 'budget']);
  const { router, clock } = make();
  const run = router.begin(call(chain('a', 'b')));
  for (const outcome of [HANG, RESET]) {
    const planned = tryOf(run.next());
    clock.advance(ROUTE_TUNING.deadline + 1);
    run.ended(planned, outcome);
  }
  assert.deepEqual(run.next(), { kind: 'exhausted', reason: 'budget', retryAfterMs: undefined });
});

test('one target, one key: passed through, never retried, never refused, and health is known all the same', () => {
  for (const route of [chain('a'), { ...chain('a'), id: undefined }]) {
    const { router, clock, go } = make();
    for (let at = 0; at < 5; at++) assert.deepEqual(go(call(route), { a: RESET }).steps, ['a']);
    assert.equal(router.health()[0]?.state, 'down');
    const run = router.begin(call(route));
    assert.equal(tryOf(run.next()).probe, false);
    run.close();
    assert.deepEqual(go(call(route), { a: failed({ staleSocket: true }) }).steps, ['a', 'a']);
    go(call(route), {});
    clock.advance(60_000);
    go(call(route), {});
    assert.notEqual(router.health()[0]?.state, 'down');
  }
});

test('a dead primary is asked three times, then left out; then one call probes and nobody waits for it', () => {
  const { router, clock, go } = make();
  const input = call(chain('a', 'b'));
  const firsts = Array.from({ length: 12 }, () => go(input, { a: RESET }).steps.join(' '));
  assert.deepEqual(firsts, ['a b', 'a b', 'a b', ...Array.from({ length: 9 }, () => 'b')]);
  clock.advance(5_000);
  const probing = router.begin(input);
  const probe = tryOf(probing.next());
  assert.deepEqual([placeOf(probe), probe.probe, probe.firstContentMs], ['a', true, 8_000]);
  const other = tryOf(router.begin(input).next());
  assert.deepEqual([placeOf(other), other.probe], ['b', false]);
  probing.close();
  assert.equal(placeOf(tryOf(router.begin(input).next())), 'a');
});

test('a probe that breaks off after its content opens the breaker again', () => {
  const { router, clock, go } = make();
  const input = call(chain('a', 'b'));
  failThrice(go, input, { a: RESET });
  clock.advance(5_000);
  const run = router.begin(input);
  const probe = tryOf(run.next());
  clock.advance(300);
  run.committed(probe, 300);
  assert.equal(router.health().find(({ provider: name }) => name === 'a')?.scopes[0]?.state, 'ramping');
  clock.advance(300);
  assert.equal(run.ended(probe, { kind: 'broken', timeout: false }), 'transient');
  const [a] = router.health();
  assert.deepEqual([a?.state, a?.nextTry], ['down', clock.now() + 10_000]);
});

test('after closing, a quarter, a half, then all calls go there; a conversation always or never', () => {
  const { router, clock, go } = make({ random: seeded(3) });
  const route = chain('a', 'b');
  failThrice(go, call(route), { a: RESET });
  clock.advance(6_000);
  go(call(route), {});
  const share = () => {
    let first = 0;
    for (let at = 0; at < 400; at++) {
      const input = call(route, { conversation: `talk ${at}` });
      const place = placeOf(tryOf(router.begin(input).next()));
      assert.equal(placeOf(tryOf(router.begin(input).next())), place);
      if (place === 'a') first++;
    }
    return first / 400;
  };
  const quarter = share();
  clock.advance(15_000);
  const half = share();
  clock.advance(15_000);
  const all = share();
  assert.ok(Math.abs(quarter - 0.25) < 0.08 && Math.abs(half - 0.5) < 0.08 && all === 1, `${quarter} ${half} ${all}`);
});

test('all open: the one that is back first is tried by one call at a time, the others are told when', () => {
  const { router, clock, go } = make();
  const input = call(chain('a', 'b'), { callerRetry: 1 });
  for (let at = 0; at < 3; at++) {
    go(input, { a: HANG, b: HANG });
    clock.advance(100);
  }
  const first = router.begin(input);
  const planned = tryOf(first.next());
  assert.deepEqual([placeOf(planned), planned.probe], ['a', true]);
  const second = router.begin(input).next();
  assert.deepEqual(second, { kind: 'exhausted', reason: 'open', retryAfterMs: 4_900 });
  first.ended(planned, COMPLETE);
  assert.equal(placeOf(tryOf(router.begin(input).next())), 'a');
});

test('keys rotate on 429 and refusals; dead keys use up no attempts; they stay out', () => {
  const keys = ['k1', 'k2', 'k3', 'k4', 'k5'];
  const { router, go } = make();
  const route = chain(target(provider('a', keys)), target('b'));
  const dead = Object.fromEntries(keys.map((key) => [`a/${key}`, refused(401)]));
  const all = go(call(route), dead);
  assert.deepEqual([all.steps.length, all.steps.at(-1)], [6, 'b']);
  assert.equal(new Set(all.steps).size, 6);
  assert.deepEqual(go(call(route), dead).steps, ['b']);
  assert.equal(router.dump().keys.length, 5);
  router.configured();
  assert.equal(router.dump().keys.length, 0);
});

test('rates are per key, and the last attempt goes elsewhere', () => {
  const { go } = make();
  const route = chain(target(provider('a', ['k1', 'k2', 'k3'])), target('b'));
  const limited = refused(429, 'rate-limit', { 'retry-after': '30' });
  const steps = go(call(route), { 'a/k1': limited, 'a/k2': limited, 'a/k3': limited }).steps;
  assert.deepEqual([steps.length, steps[2]], [3, 'b']);
});

test('a key that is over its rate is not asked before its time; a short time is waited when there is nothing else', () => {
  const { clock, go } = make();
  const route = chain(target(provider('a', ['k1', 'k2'])));
  const limited = (seconds: string) => refused(429, 'rate-limit', { 'retry-after': seconds });
  const one = go(call(route), { 'a/k1': limited('30'), 'a/k2': limited('30') });
  assert.equal(one.end?.kind === 'exhausted' && one.end.retryAfterMs, 30_000);
  assert.deepEqual(go(call(route), {}).steps, []);
  clock.advance(28_500);
  const waited = go(call(route), {});
  assert.deepEqual([waited.steps[0], waited.steps.length], ['+1500', 2]);
});

test('a short Retry-After is waited on the same key when it is alone', () => {
  const { go } = make();
  let count = 0;
  const all = deps();
  const router = createRouter(all);
  const route = chain(target('a'), target('b'));
  const limited = refused(429, 'rate-limit', { 'retry-after': '1' });
  const walked = walk(router.begin(call(route)), all.clock, (place) => {
    if (place === 'a') return HANG;
    return count++ === 0 ? limited : COMPLETE;
  });
  assert.deepEqual(walked.steps, ['a', 'b', '+1000', 'b']);
  assert.equal(walked.tries.at(-1)?.retry, true);
  assert.deepEqual(go(call(route, { callerRetry: 1 }), { a: HANG, b: limited }).steps, ['a', 'b']);
});

test('a refused key is tried once more when nothing else is left, one that is over its rate is not', () => {
  const { go } = make();
  const route = chain(target(provider('a', ['k1', 'k2'])));
  go(call(route), { 'a/k1': refused(401), 'a/k2': refused(429, 'rate-limit', { 'retry-after': '60' }) });
  assert.deepEqual(go(call(route), {}).steps, ['a/k1']);
});

test('the rate of a caller’s own credential is remembered for that caller only', () => {
  const { go } = make();
  const route = chain('a', 'b');
  const limited = { a: refused(429, 'rate-limit', { 'retry-after': '60' }) };
  assert.deepEqual(go(call(route, { callerKey: 'one' }), limited).steps, ['a', 'b']);
  assert.deepEqual(go(call(route, { callerKey: 'one' }), limited).steps, ['b']);
  assert.deepEqual(go(call(route, { callerKey: 'two' }), limited).steps, ['a', 'b']);
  assert.deepEqual(go(call(route), limited).steps, ['a', 'b']);
  assert.deepEqual(go(call(route), limited).steps, ['a', 'b']);
});

test('too long a request goes to its own chain, once', () => {
  const { go } = make();
  const route = { ...chain('a', 'b'), onContextLength: [target('long'), target('longer')], onContentPolicy: [] };
  const tooLong = refused(400, 'context-length');
  assert.deepEqual(go(call(route), { a: tooLong }).steps, ['a', 'long']);
  const all = go(call(route), { a: tooLong, long: tooLong, longer: tooLong });
  assert.deepEqual(all.steps, ['a', 'long', 'longer']);
  assert.equal(all.end?.kind === 'exhausted' && all.end.reason, 'final');
  assert.deepEqual(go(call(route), { a: refused(400, 'content-policy') }).steps, ['a']);
});

test('one model missing does not take the provider’s others with it', () => {
  const { go } = make();
  const missing = { a: refused(404, 'model-not-found') };
  const route = chain('a', 'b');
  assert.deepEqual(go(call(route, { model: 'gone' }), missing).steps, ['a', 'b']);
  assert.deepEqual(go(call(route, { model: 'gone' }), missing).steps, ['b']);
  assert.deepEqual(go(call(route, { model: 'there' }), {}).steps, ['a']);
  for (let at = 0; at < 4; at++)
    assert.deepEqual(go(call(route, { model: undefined }), missing).steps, ['a', 'b'], 'no name, no scope');
});

test('a conversation stays where it was served, and with its key', () => {
  const { clock, go } = make({ random: seeded(5) });
  const keys = provider('a', ['k1', 'k2', 'k3']);
  const route = routeOf([group('weighted', target(keys), target('b')), group('listed', target('c'))]);
  const input = call(route, { conversation: 'talk' });
  const [home] = go(input, {}).steps;
  assert.deepEqual(go(input, {}).steps, [home]);
  const [, backup] = go(input, { [home ?? '']: RESET }).steps;
  assert.ok(backup !== undefined && backup !== home);
  clock.advance(ROUTE_TUNING.affinity.ttl - 1);
  assert.deepEqual(go(input, {}).steps, [backup]);
  clock.advance(ROUTE_TUNING.affinity.ttl - 1);
  assert.deepEqual(go(input, {}).steps, [backup], 'use refreshes it');
  clock.advance(ROUTE_TUNING.affinity.ttl);
  assert.deepEqual(go({ ...input, inToolLoop: true }, {}).steps, [backup], 'a tool loop is not torn');
  clock.advance(ROUTE_TUNING.affinity.ttl);
  assert.deepEqual(go(input, {}).steps, [home]);
});

test('the long cache keeps a conversation for longer; without affinity nothing is kept', () => {
  const { clock, go } = make();
  const input = call(chain('a', 'b'), { conversation: 'talk', longCache: true });
  go(input, { a: RESET });
  clock.advance(ROUTE_TUNING.affinity.longTtl - 1);
  assert.deepEqual(go(input, {}).steps, ['b']);
  const tuning = { ...ROUTE_TUNING, affinity: { ...ROUTE_TUNING.affinity, enabled: false } };
  assert.deepEqual(go({ ...input, tuning }, {}).steps, ['a']);
});

test('a pin is left only when its target is open', () => {
  const { go } = make();
  const route = chain('a', 'b');
  const input = call(route, { conversation: 'talk', inToolLoop: true });
  assert.deepEqual(go(input, { a: RESET }).steps, ['a', 'b']);
  failThrice(go, call(chain('b', 'c')), { b: RESET });
  assert.deepEqual(go(input, {}).steps, ['a']);
});

test('what cannot be used for this call is passed over and does not count', () => {
  const { router } = make();
  const run = router.begin(call(chain('a', 'b', 'c', 'd', 'e')));
  for (const place of ['a', 'b', 'c', 'd']) {
    const planned = tryOf(run.next());
    assert.deepEqual([placeOf(planned), planned.n], [place, 1]);
    run.skip(planned, { kind: 'loss', codes: ['n'] });
  }
  assert.equal(placeOf(tryOf(run.next())), 'e');
});

test('by cost: a target that leaves the caller’s model alone is priced by that model', () => {
  const prices: Readonly<Record<string, number>> = { 'gpt-x': 9, small: 1 };
  const { router } = make({ priceOf: ({ model }) => (model === undefined ? undefined : prices[model]) });
  const places = (model: string) => {
    const route = routeOf([group('cost', target('a', 'medium'), target('b'), target('c', 'small'))]);
    return router.explain(call(route, { model })).map(({ target: { provider: of } }) => of.name);
  };
  assert.deepEqual(places('gpt-x'), ['c', 'b', 'a']);
  assert.deepEqual(places('other'), ['c', 'a', 'b']);
});
