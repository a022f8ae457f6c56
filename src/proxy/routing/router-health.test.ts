// SPDX-License-Identifier: Apache-2.0
// What the router knows of health beyond one call: offline, sleep, checks, restarts, and what a person is shown of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  call,
  chain,
  failed,
  failThrice,
  makeRouter as make,
  placeOf,
  provider,
  RESET,
  refused,
  routeOf,
  target,
  tryOf,
} from '../../../test/fakes/routing.ts';
import { PROVIDER_TUNING } from '../policy/tuning.ts';

test('offline: nobody is blamed, calls end at once, one finds out, and the first answer ends it', () => {
  const { router, clock, go } = make();
  const route = chain('a', 'b', target(provider('near', [], 'localhost')));
  const gone = failed({ detail: 'ENOTFOUND' });
  const out = { a: gone, b: gone, near: failed() };
  const first = go(call(chain('a', 'b')), out);
  assert.deepEqual(first.steps, ['a', 'b']);
  assert.deepEqual(first.end, { kind: 'exhausted', reason: 'offline', retryAfterMs: 2_000 });
  assert.equal(router.offline, true);
  assert.deepEqual(go(call(route), {}).steps, ['near'], 'this machine is still there');
  for (let at = 0; at < 5; at++) {
    clock.advance(500);
    go(call(chain('a', 'b')), out);
  }
  assert.deepEqual(
    router.health().filter(({ scopes }) => scopes.length > 0),
    [],
  );
  clock.advance(2_000);
  const probing = router.begin(call(chain('a', 'b')));
  const planned = tryOf(probing.next());
  assert.equal(router.begin(call(chain('a', 'b'))).next().kind, 'exhausted');
  probing.ended(planned, refused(429, 'rate-limit'));
  assert.equal(router.offline, false);
});

test('offline takes back what was counted just before it was known', () => {
  const { router, go } = make();
  failThrice(go, call(chain('a')), { a: failed({ detail: 'ENOTFOUND' }) });
  assert.equal(router.health()[0]?.state, 'down');
  go(call(chain('b')), { b: failed({ detail: 'ENOTFOUND' }) });
  assert.equal(router.offline, true);
  assert.notEqual(router.health()[0]?.state, 'down');
});

test('waking up: what was open is tried at once, what broke meanwhile is not counted', () => {
  const { router, go } = make();
  const input = call(chain('a', 'b'));
  failThrice(go, input, { a: RESET });
  const asleep = Array.from({ length: 4 }, () => {
    const run = router.begin(input);
    return { run, planned: tryOf(run.next()) };
  });
  const { clock, router: other } = make();
  const early = Array.from({ length: 4 }, () => {
    const run = other.begin(input);
    return { run, planned: tryOf(run.next()) };
  });
  clock.advance(10);
  other.resumed();
  for (const { run, planned } of early) run.ended(planned, RESET);
  assert.notEqual(other.health()[0]?.state, 'down');
  router.resumed();
  assert.deepEqual(
    asleep.map(({ planned }) => placeOf(planned)),
    ['b', 'b', 'b', 'b'],
  );
  assert.equal(placeOf(tryOf(router.begin(input).next())), 'a');
});

test('waking up: a breaker that only time had half-opened keeps its one probe', () => {
  const { router, clock, go } = make();
  const input = call(chain('a', 'b'));
  failThrice(go, input, { a: RESET });
  clock.advance(7_000);
  router.resumed();
  const places = Array.from({ length: 4 }, () => placeOf(tryOf(router.begin(input).next())));
  assert.deepEqual(places, ['a', 'b', 'b', 'b']);
});

test('waking up: a probe that slept has lost its turn, and what it finds out is not counted', () => {
  const { router, clock, go } = make();
  const input = call(chain('a', 'b'));
  failThrice(go, input, { a: RESET });
  clock.advance(60_000);
  const asleep = router.begin(input);
  const old = tryOf(asleep.next());
  assert.equal(old.probe, true);
  clock.advance(600_000);
  router.resumed();
  const awake = router.begin(input);
  const planned = tryOf(awake.next());
  assert.deepEqual([placeOf(planned), planned.probe], ['a', true]);
  asleep.ended(old, RESET);
  assert.equal(router.health()[0]?.scopes[0]?.state, 'half-open');
  assert.equal(placeOf(tryOf(router.begin(input).next())), 'b', 'the turn is still the new probe’s');
  awake.ended(planned, { kind: 'complete' });
  assert.equal(router.health()[0]?.scopes[0]?.state, 'ramping');
});

test('waking up: the time that a call slept is none of its model’s', () => {
  const { router, clock } = make();
  const run = router.begin(call(chain('a', 'b')));
  const planned = tryOf(run.next());
  clock.advance(600_000);
  router.resumed();
  run.committed(planned, 600_000);
  run.ended(planned, { kind: 'complete' });
  assert.equal(router.health()[0]?.firstContentMs, undefined);
});

test('a check ends an opening by connections, and is not asked about one by answers', () => {
  const { router, clock, go } = make();
  failThrice(go, call(chain('a', 'b')), { a: failed() });
  failThrice(go, call(chain('c', 'd')), { c: refused(500) });
  assert.deepEqual(router.wantsCheck(), []);
  const { checkEvery } = PROVIDER_TUNING;
  for (let at = 0; at < 3; at++) {
    clock.advance(checkEvery);
    go(call(chain('a', 'b')), { a: failed() });
  }
  clock.advance(checkEvery);
  assert.deepEqual(router.wantsCheck(), ['a']);
  router.checked('a', false);
  assert.deepEqual(router.wantsCheck(), []);
  clock.advance(checkEvery);
  router.checked('a', true);
  assert.equal(tryOf(router.begin(call(chain('a', 'b'))).next()).probe, true);
});

test('explain tells the chain as it would be walked, without walking it', () => {
  const { router, clock, go } = make();
  const keys = provider('k', [['k1', 5], 'k2']);
  const route = chain('a', target(keys), 'b');
  failThrice(go, call(chain('a', 'z')), { a: RESET });
  const told = () =>
    router
      .explain(call(route))
      .map(({ target: { provider: of }, group: place, order, skip }) => [of.name, place, order, skip?.kind]);
  assert.deepEqual(told(), [
    ['a', 0, undefined, 'open'],
    ['k', 1, 1, undefined],
    ['b', 2, 2, undefined],
  ]);
  assert.deepEqual(told(), told());
  const [a] = router.explain(call(route));
  assert.equal(a?.skip?.kind === 'open' && a.skip.until, clock.now() + 5_000);
  go(call(route), { 'k/k1': refused(401), 'k/k2': refused(401) });
  const [, k] = router.explain(call(route));
  assert.deepEqual(k?.keys.map(({ name, weight, skip }) => [name, weight, skip?.kind]).sort(), [
    ['k1', 5, 'open'],
    ['k2', 1, 'open'],
  ]);
});

test('listeners hear of changes, also of those that only time makes', () => {
  const { router, clock, go } = make();
  let heard = 0;
  const stop = router.onChange(() => heard++);
  go(call(chain('a', 'b')), {});
  assert.equal(heard, 0);
  failThrice(go, call(chain('a', 'b')), { a: RESET });
  assert.equal(heard, 1);
  clock.advance(5_000);
  assert.equal(heard, 2);
  assert.equal(router.health()[0]?.scopes[0]?.state, 'half-open');
  stop();
  assert.equal(clock.pending, 0);
  router.close();
});

test('what survives a restart is left out after it', () => {
  const first = make();
  const route = chain(target(provider('a', ['k1', 'k2'])), target('b'));
  first.go(call(route), { 'a/k1': refused(401), 'a/k2': refused(401) });
  const again = make({}, first.router.dump());
  assert.deepEqual(again.go(call(route), {}).steps, ['b']);
  assert.equal(again.router.health()[0]?.state, 'degraded');
});

test('ends that come twice, late or for something else change nothing', () => {
  const { router } = make();
  const run = router.begin(call(chain('a', 'b')));
  const planned = tryOf(run.next());
  assert.equal(run.ended(planned, RESET), 'transient');
  assert.equal(run.ended(planned, RESET), undefined);
  run.committed(planned, 5);
  run.close();
  run.close();
  assert.equal(run.next().kind, 'exhausted');
  const empty = router.begin(call(routeOf([])));
  assert.equal(empty.next().kind, 'exhausted');
});
