// SPDX-License-Identifier: Apache-2.0
// When a call may move on: after a hang that outlasted its deadline, after refusals of what may not be repeated, and from one model or
// target that is not for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  call,
  chain,
  failed,
  failThrice,
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
import type { AttemptOutcome, RunInput } from './routing.ts';

/** Each attempt takes all the time that it is given, and then hangs. */
function hangAll(input: RunInput) {
  const { router, clock } = make();
  return walk(router.begin(input), clock, (_, { firstContentMs }) => {
    clock.advance(firstContentMs);
    return HANG;
  });
}

test('a hang as long as it may be leads to each target that was not asked, whatever the deadline', () => {
  for (const more of [{ stream: false }, { stream: true, reasoning: true }, { stream: false, reasoning: true }]) {
    assert.deepEqual(hangAll(call(chain('a', 'b'), more)).steps, ['a', 'b'], JSON.stringify(more));
    const four = hangAll(call(chain('a', 'b', 'c', 'd'), more));
    assert.deepEqual(four.steps, ['a', 'b', 'c'], 'but not beyond the attempts');
    assert.equal(four.end?.kind === 'exhausted' && four.end.reason, 'budget');
  }
});

test('beyond the deadline nothing is asked twice, and what is out is not tried', () => {
  const { router, clock, go } = make();
  failThrice(go, call(chain('b', 'z')), { b: RESET });
  const late = walk(router.begin(call(chain('a', 'b'))), clock, () => {
    clock.advance(ROUTE_TUNING.deadline + 1);
    return RESET;
  });
  assert.deepEqual([late.steps, late.end?.kind === 'exhausted' && late.end.reason], [['a'], 'budget']);
  const keys = target(provider('k', ['k1', 'k2']));
  const other = make();
  const rotated = walk(other.router.begin(call(chain(keys, 'c'))), other.clock, () => {
    other.clock.advance(ROUTE_TUNING.deadline + 1);
    return refused(429);
  });
  assert.equal(rotated.steps.length, 2);
  assert.equal(rotated.steps[1], 'c');
});

test('a whole answer is waited for in full only where nobody else could give it', () => {
  const whole = (route: RunInput['route'], more: Partial<RunInput> = {}) =>
    tryOf(
      make()
        .router.begin(call(route, { stream: false, ...more }))
        .next(),
    ).firstContentMs;
  const { total, reasoningFirstContent } = ROUTE_TUNING.timeouts;
  assert.equal(whole(chain('a')), total);
  assert.equal(whole(chain('a', 'b')), reasoningFirstContent);
  assert.equal(whole(chain('a', 'b'), { promptTokens: 50_000 }), reasoningFirstContent + 5_000);
  const brief = { ...ROUTE_TUNING, timeouts: { ...ROUTE_TUNING.timeouts, total: 20_000 } };
  assert.equal(whole(chain('a', 'b'), { tuning: brief }), 20_000);
  assert.equal(whole(chain('a', 'b'), { repeatable: () => false }), total, 'the other one would not be asked');
  assert.equal(whole(chain('a', 'b'), { tuning: { ...ROUTE_TUNING, attempts: 1 } }), total, 'nor here');
  const { tries } = hangAll(call(chain('a', 'b'), { stream: false }));
  assert.deepEqual(
    tries.map(({ firstContentMs }) => firstContentMs),
    [reasoningFirstContent, total],
  );
});

test('each target is waited for as its own model needs', () => {
  const route = chain(target('a', 'quick'), target('b', 'thinker'));
  const input = call(route, { reasoning: false, reasoningOf: ({ model }) => model === 'thinker' });
  assert.deepEqual(
    hangAll(input).tries.map(({ firstContentMs }) => firstContentMs),
    [30_000, 120_000],
  );
});

test('what may not be repeated goes on after a refusal, since nothing was begun', () => {
  const input = call(chain('a', 'b'), { repeatable: () => false });
  const goesOn: readonly AttemptOutcome[] = [
    ...[401, 402, 403, 429, 503, 529].map((status) => refused(status)),
    refused(429, 'quota'),
    refused(404, 'model-not-found'),
  ];
  for (const outcome of goesOn)
    assert.deepEqual(make().go(input, { a: outcome }).steps, ['a', 'b'], JSON.stringify(outcome));
  const stays = [refused(500), refused(502), refused(504), refused(408), refused(200, 'overloaded'), RESET, HANG];
  for (const outcome of stays) assert.deepEqual(make().go(input, { a: outcome }).steps, ['a'], JSON.stringify(outcome));
  const keys = chain(target(provider('a', ['k1', 'k2'])));
  assert.equal(
    make().go(call(keys, { repeatable: () => false }), { 'a/k1': refused(401), 'a/k2': refused(401) }).steps.length,
    2,
  );
  const long = { ...chain('a', 'b'), onContextLength: [target('long')] };
  assert.deepEqual(make().go({ ...input, route: long }, { a: refused(400, 'context-length') }).steps, ['a', 'long']);
});

test('a key that may not use one model does its work for the others', () => {
  const denied = refused(403, 'permission');
  const { router, clock, go } = make();
  const route = chain(target(provider('a', ['k1'])), target('b'));
  const dear = call(route, { model: 'dear' });
  assert.deepEqual(go(dear, { 'a/k1': denied }).steps, ['a/k1', 'b']);
  assert.deepEqual(go(dear, {}).steps, ['b'], 'it is not asked for that one again');
  assert.deepEqual(go(call(route, { model: 'cheap' }), {}).steps, ['a/k1']);
  assert.deepEqual(router.dump().keys, []);
  const [a] = router.health();
  assert.deepEqual(
    a?.scopes.map(({ scope, model, key, why }) => [scope, model, key, why]),
    [['model', 'dear', 'k1', 'credential']],
  );
  const [told] = router.explain(dear);
  assert.deepEqual([told?.skip?.kind === 'open' && told.skip.scope, told?.keys[0]?.skip?.kind], ['model', 'open']);
  clock.advance(900_000);
  assert.deepEqual(go(dear, {}).steps, ['a/k1']);
  go(dear, { 'a/k1': denied });
  router.configured();
  assert.deepEqual(go(dear, {}).steps, ['a/k1']);
});

test('where one key may not use a model another may, and another model may be had with the first', () => {
  const denied = refused(403, 'permission');
  const a = provider('a', ['k1', ['k2', 0]]);
  const { go } = make();
  const route = chain(target(a, 'dear'), target('b'));
  assert.deepEqual(go(call(route), { 'a/k1': denied }).steps, ['a/k1', 'a/k2']);
  assert.deepEqual(go(call(route), {}).steps, ['a/k2']);
  const one = provider('c', ['k1']);
  const models = routeOf(
    [target(one, 'dear'), target(one, 'cheap')].map((each) => ({ order: 'listed', targets: [each] })),
  );
  const { router, clock } = make();
  const walked = walk(router.begin(call(models)), clock, (_, planned) =>
    planned.target.model === 'dear' ? denied : { kind: 'complete' },
  );
  assert.deepEqual(
    walked.tries.map(({ target: { model } }) => model),
    ['dear', 'cheap'],
  );
});

test('one caller’s missing permission is no other’s', () => {
  const { go } = make();
  const input = (callerKey: string) => call(chain('a', 'b'), { callerKey });
  assert.deepEqual(go(input('one'), { a: refused(403, 'permission') }).steps, ['a', 'b']);
  assert.deepEqual(go(input('one'), {}).steps, ['b']);
  assert.deepEqual(go(input('two'), {}).steps, ['a']);
});

test('a request that could not be built for one target goes to the next, and nobody is blamed', () => {
  const { router, go } = make();
  const unbuilt = failed({ code: 'OUT_INTERNAL', detail: undefined });
  for (let at = 0; at < 5; at++) assert.deepEqual(go(call(chain('a', 'b')), { a: unbuilt }).steps, ['a', 'b']);
  assert.deepEqual(
    router.health().flatMap(({ scopes }) => scopes),
    [],
  );
  const none = go(call(chain('a', 'b')), { a: unbuilt, b: unbuilt });
  assert.deepEqual([none.steps, none.end?.kind === 'exhausted' && none.end.reason], [['a', 'b'], 'open']);
  assert.deepEqual(go(call(chain('a', 'b')), { a: failed({ code: 'OUT_BAD_REQUEST' }) }).steps, ['a']);
  assert.equal(placeOf(tryOf(router.begin(call(chain('a', 'b'))).next())), 'a');
});
