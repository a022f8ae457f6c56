// SPDX-License-Identifier: Apache-2.0
// When the machine counts as offline, and who finds out that it is not: on whole calls.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, chain, failed, makeRouter as make, placeOf, RESET, tryOf } from '../../../test/fakes/routing.ts';
import { DEVICE_TUNING } from '../policy/tuning.ts';

const { offlineWindow, offlineProbe } = DEVICE_TUNING;
const NO_WAY = failed({ detail: 'EHOSTUNREACH' });
const NO_NAME = failed({ detail: 'ENOTFOUND' });

test('one host that cannot be reached is that provider’s trouble: the next answers, others are not cut off', () => {
  const { router, clock, go } = make();
  for (let at = 0; at < 3; at++) {
    clock.advance(offlineWindow + 1);
    assert.deepEqual(go(call(chain('vpn', 'b')), { vpn: NO_WAY }).steps, ['vpn', 'b']);
  }
  assert.equal(router.offline, false);
  assert.deepEqual(go(call(chain('vpn', 'b')), {}).steps, ['b'], 'and it is blamed');
  assert.deepEqual(go(call(chain('c', 'd')), {}).steps, ['c']);
});

test('two hosts without a way out: offline, told at once, and nobody is blamed', () => {
  for (const [a, b] of [
    [NO_WAY, NO_WAY],
    [NO_NAME, NO_WAY],
    [NO_NAME, NO_NAME],
  ] as const) {
    const { router, go } = make();
    const gone = go(call(chain('a', 'b')), { a, b });
    assert.deepEqual(
      [gone.steps, gone.end],
      [['a', 'b'], { kind: 'exhausted', reason: 'offline', retryAfterMs: 2_000 }],
    );
    assert.equal(router.offline, true);
    assert.deepEqual(go(call(chain('c', 'd')), {}).steps, []);
    assert.deepEqual(
      router.health().flatMap(({ scopes }) => scopes),
      [],
    );
  }
});

test('two hosts of a network that is not there, and a third that is: it answers, and that ends it', () => {
  for (const gone of [NO_WAY, NO_NAME]) {
    const { router, clock, go } = make();
    for (let at = 0; at < 4; at++) {
      assert.deepEqual(go(call(chain('v1', 'v2', 'c')), { v1: gone, v2: gone }).steps.at(-1), 'c');
      assert.equal(router.offline, false);
      clock.advance(60_000);
    }
  }
});

test('while offline the call that finds out asks its other targets too, once each', () => {
  const { router, clock, go } = make();
  const all = { a: NO_WAY, b: NO_WAY, c: NO_WAY };
  go(call(chain('a', 'b')), all);
  clock.advance(offlineProbe);
  const walked = go(call(chain('a', 'b', 'c')), all);
  assert.deepEqual([walked.steps, walked.end?.kind === 'exhausted' && walked.end.reason], [['a', 'b', 'c'], 'offline']);
  assert.deepEqual(go(call(chain('a', 'b', 'c')), all).steps, [], 'others are told meanwhile');
  clock.advance(offlineProbe);
  assert.deepEqual(go(call(chain('a', 'b')), { a: NO_WAY }).steps, ['a', 'b']);
  assert.equal(router.offline, false);
});

test('whose last target failed otherwise is told of the network all the same', () => {
  const { go } = make();
  const { end } = go(call(chain('a', 'b', 'c')), { a: NO_WAY, b: NO_WAY, c: RESET });
  assert.equal(end?.kind === 'exhausted' && end.reason, 'offline');
});

test('an answer just before means that there is a network', () => {
  const { router, clock, go } = make();
  go(call(chain('c')), {});
  clock.advance(offlineWindow - 1);
  const input = call(chain('a', 'b'), { callerRetry: 1 });
  go(input, { a: NO_NAME, b: NO_NAME });
  assert.equal(router.offline, false);
  clock.advance(2);
  go(input, { a: NO_NAME, b: NO_NAME });
  assert.equal(router.offline, true);
});

test('an answer that ended one spell and still runs does not keep a later one from ending', () => {
  const { router, clock, go } = make();
  const gone = { a: NO_WAY, b: NO_WAY };
  go(call(chain('a', 'b')), gone);
  clock.advance(offlineProbe);
  const long = router.begin(call(chain('a', 'b')));
  const planned = tryOf(long.next());
  long.committed(planned, 100);
  assert.equal(router.offline, false);
  clock.advance(offlineWindow + 1);
  go(call(chain('a', 'b')), gone);
  assert.equal(router.offline, true);
  clock.advance(offlineProbe);
  assert.equal(placeOf(tryOf(router.begin(call(chain('a', 'b'))).next())), 'a');
  assert.equal(long.ended(planned, { kind: 'complete' }), undefined);
});
