// SPDX-License-Identifier: Apache-2.0
// What holds whatever happens: 100,000 sequences of random events, the same for each run, on a clock that the test turns.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { seeded } from '../../../test/fakes/random.ts';
import {
  COMPLETE,
  call,
  chain,
  deps,
  failed,
  group,
  HANG,
  provider,
  RESET,
  refused,
  routeOf,
  target,
} from '../../../test/fakes/routing.ts';
import type { Provider, RouteTarget } from '../policy/policy.ts';
import { PROVIDER_TUNING, ROUTE_TUNING } from '../policy/tuning.ts';
import { Affinity } from './affinity.ts';
import { advance, type Breaker, CLOSED, claim, fail, halfOpen, release, succeed, trip, wake } from './breaker.ts';
import type { Context } from './context.ts';
import { KeyHolds } from './key-holds.ts';
import { Network } from './network.ts';
import { RetryBucket } from './retry-bucket.ts';
import { createRouter } from './router.ts';
import type { AttemptOutcome, Planned, Run } from './routing.ts';
import { ChainRun } from './run.ts';
import { type Scope, Scopes } from './scopes.ts';

const random = seeded(20_300_101);
const below = (limit: number): number => Math.floor(random() * limit);
const MOST = Math.ceil(Math.log2(PROVIDER_TUNING.breaker.maxOpen / PROVIDER_TUNING.breaker.open));

test('one breaker, 80,000 sequences: bounded growth, deadlines that only move on, one turn', () => {
  for (let sequence = 0; sequence < 80_000; sequence++) {
    const tuning = { ...PROVIDER_TUNING.breaker, ramp: below(2) * 30_000, failures: 1 + below(4) };
    let breaker: Breaker = CLOSED;
    let now = 0;
    let mine = false;
    for (let event = 0; event < 16; event++) {
      now += below(4) === 0 ? below(70_000) : below(500);
      const was = advance(breaker, now);
      const kind = below(8);
      if (kind === 0) {
        const next = claim(breaker, now);
        assert.equal(next !== undefined, !mine && (was.state === 'open' || was.state === 'half-open'));
        mine ||= next !== undefined;
        breaker = next ?? breaker;
      } else if (kind === 1) {
        if (mine) breaker = release(breaker, now);
        mine = false;
      } else if (kind === 2) {
        breaker = succeed(breaker, tuning, now, mine);
        mine = false;
      } else if (kind === 3) breaker = halfOpen(breaker, now);
      else if (kind === 4 && below(4) === 0) {
        breaker = wake(breaker, now);
        mine = false;
      } else if (kind === 5 && below(4) === 0) breaker = trip(breaker, now, below(100_000), 'model-missing', false);
      else {
        const claimed = mine && below(2) === 0;
        const failure = { why: 'hang', weight: 1 + below(2), began: now - below(1_000), claimed } as const;
        breaker = fail(breaker, tuning, now, failure, random());
        if (claimed) mine = false;
      }
      assert.equal(breaker.probing, mine);
      assert.ok(breaker.growth >= 0 && breaker.growth <= MOST, `growth ${breaker.growth}`);
      assert.ok(breaker.outcomes.length <= 10);
      const open = (one: Breaker) => one.state === 'open' || one.state === 'half-open';
      if (kind > 4 && open(was) && open(breaker)) assert.ok(breaker.until >= was.until, 'the deadline came nearer');
      assert.ok(breaker.until <= now + 100_000);
    }
  }
});

const PROVIDERS: readonly Provider[] = [
  provider('a'),
  provider('b', ['k1', 'k2']),
  provider('c', ['k1', ['k2', 0], 'k3']),
  provider('d', [], '127.0.0.1'),
];

const OUTCOMES: readonly (() => AttemptOutcome)[] = [
  () => COMPLETE,
  () => COMPLETE,
  () => ({ kind: 'left' }),
  () => ({ kind: 'broken', timeout: below(2) === 0 }),
  () => RESET,
  () => HANG,
  () => failed(),
  () => failed({ code: 'OUT_UPSTREAM_UNTRUSTED' }),
  () => failed({ code: 'OUT_UPSTREAM_BROKEN', detail: 'HTML instead of an answer', headSeen: true }),
  () => failed({ staleSocket: true, sent: true }),
  () => failed({ detail: below(2) === 0 ? 'ENOTFOUND' : 'ENETUNREACH' }),
  () => refused(below(2) === 0 ? 500 : 503, 'unknown', below(2) === 0 ? {} : { 'retry-after': `${below(3)}` }),
  () => refused(429, 'rate-limit', below(2) === 0 ? {} : { 'retry-after': `${below(90)}` }),
  () => refused(401 + below(3)),
  () => refused(404, 'model-not-found'),
  () => refused(400, below(2) === 0 ? 'context-length' : 'content-policy'),
];

interface Open {
  readonly run: Run;
  readonly began: number;
  readonly keys: number;
  readonly refusing: boolean;
  tries: number;
  readonly asked: Set<RouteTarget>;
  free: number;
  planned: Planned | undefined;
}

function randomCall() {
  const pick = () =>
    target(PROVIDERS[below(PROVIDERS.length)] ?? provider('z'), ['m1', 'm2', undefined][below(3)], below(3));
  const orders = ['listed', 'weighted', 'latency', 'cost'] as const;
  const groups = Array.from({ length: 1 + below(3) }, () =>
    group(orders[below(4)] ?? 'listed', ...Array.from({ length: 1 + below(2) }, pick)),
  );
  const route = routeOf(groups, { onContextLength: below(2) === 0 ? [pick()] : [], tuning: ROUTE_TUNING });
  const repeatable = below(5) > 0;
  return call(route, {
    conversation: below(2) === 0 ? `talk ${below(3)}` : undefined,
    stream: below(2) === 0,
    repeatable: () => repeatable,
    inToolLoop: below(4) === 0,
    callerRetry: below(5) === 0 ? 1 : 0,
    callerKey: below(2) === 0 ? `caller ${below(2)}` : undefined,
  });
}

test('many calls on one device, 20,000 sequences: one probe a scope, bounded tries and waits, nothing left behind', () => {
  for (let sequence = 0; sequence < 20_000; sequence++) {
    const clock = new FakeClock();
    const context: Context = {
      ...deps({ clock, random }),
      scopes: new Scopes(),
      holds: new KeyHolds(),
      network: new Network(),
      affinity: new Affinity(),
      bucket: new RetryBucket(),
      turns: new Set(),
      changed: () => {},
    };
    const open: Open[] = [];
    const turns = new Map<Scope, Open>();

    const giveBack = (one: Open): void => {
      one.planned = undefined;
      for (const [scope, holder] of turns) {
        if (holder !== one) continue;
        turns.delete(scope);
        assert.equal(scope.breaker.probing, false, 'the turn was kept');
      }
    };
    const ask = (one: Open): void => {
      const states = new Map(context.scopes.all().map((scope) => [scope, advance(scope.breaker, clock.monotonic())]));
      const step = one.run.next();
      if (step.kind === 'wait') assert.ok(step.ms > 0 && step.ms <= 8_000, `waits ${step.ms}`);
      if (step.kind !== 'try') return;
      one.planned = step.planned;
      one.tries++;
      assert.ok(one.tries - one.free <= ROUTE_TUNING.attempts, `${one.tries} tries`);
      assert.ok(one.free <= one.keys + 1, 'a dead key was tried twice');
      const late = clock.monotonic() - one.began > ROUTE_TUNING.deadline;
      assert.ok(!late || (!step.planned.probe && !step.planned.retry), 'a retry or a probe after the deadline');
      assert.ok(!late || !one.asked.has(step.planned.target), 'asked again after the deadline');
      one.asked.add(step.planned.target);
      assert.ok(step.planned.firstContentMs > 0 && step.planned.firstContentMs <= 600_000);
      let taken = 0;
      for (const scope of context.scopes.all()) {
        if (!scope.breaker.probing || states.get(scope)?.probing === true) continue;
        assert.equal(turns.has(scope), false, 'two probes');
        turns.set(scope, one);
        taken++;
      }
      if (one.refusing) assert.equal(step.planned.probe, taken > 0);
      const { provider: of, model } = step.planned.target;
      const scopes = [context.scopes.endpoint(of), context.scopes.model(of, model ?? 'gpt-x')];
      const refuses = scopes.some((scope) => ['open', 'half-open'].includes(states.get(scope)?.state ?? 'closed'));
      if (refuses && one.refusing) assert.ok(step.planned.probe, 'went to an open target without a turn');
    };

    for (let event = 0; event < 24; event++) {
      const one = open[below(open.length)];
      const kind = below(10);
      if (kind < 2 || one === undefined) {
        const input = randomCall();
        const targets = [...input.route.groups.flatMap(({ targets: all }) => all), ...input.route.onContextLength];
        const keys = targets.map(({ provider: { credential } }) =>
          credential.kind === 'keys' ? credential.keys.length : 1,
        );
        const more = keys.reduce((sum, count) => sum + count, 0);
        const main = input.route.groups.flatMap(({ targets: all }) => all);
        open.push({
          run: new ChainRun(context, input),
          began: clock.monotonic(),
          keys: more,
          free: 0,
          refusing: main.length > 1 || (keys[0] ?? 1) > 1,
          tries: 0,
          asked: new Set(),
          planned: undefined,
        });
      } else if (kind < 7) {
        if (one.planned === undefined) ask(one);
        else if (below(6) === 0) {
          one.run.skip(one.planned, { kind: 'not-allowed' });
          one.tries--;
          giveBack(one);
        } else {
          const planned = one.planned;
          const outcome = OUTCOMES[below(OUTCOMES.length)]?.() ?? COMPLETE;
          if (outcome.kind === 'complete' || outcome.kind === 'broken') one.run.committed(planned, below(9_000));
          const failure = one.run.ended(planned, outcome);
          // Dead keys are not counted, nor is the stale socket.
          if (failure === 'stale-socket' || (failure === 'credential' && planned.key !== undefined)) one.free++;
          giveBack(one);
        }
      } else if (kind === 7) clock.advance(below(3) === 0 ? below(40_000) : below(900));
      else if (kind === 8) clock.jumpWall((below(3) - 1) * below(7_200_000));
      else if (below(3) === 0) {
        one.run.close();
        giveBack(one);
      }
      for (const scope of context.scopes.all()) assert.ok(scope.breaker.growth <= MOST);
    }
    for (const one of open) {
      one.run.close();
      giveBack(one);
    }
    for (const { breaker, latency } of context.scopes.all()) {
      assert.deepEqual([breaker.probing, latency.inFlight], [false, 0], 'something was left behind');
    }
    assert.equal(clock.pending, 0);
  }
});

test('10,000 calls that are left leave nothing: a probe’s turn always comes back, names are bounded', () => {
  const all = deps({ random });
  const router = createRouter(all);
  const begin = (model: string) => {
    const run = router.begin(call(chain('a', 'b'), { model, conversation: model }));
    return { run, step: run.next() };
  };
  for (let at = 0; at < 3; at++) {
    const { run, step } = begin('m');
    if (step.kind === 'try') run.ended(step.planned, RESET);
    run.close();
  }
  for (let at = 0; at < 10_000; at++) {
    all.clock.advance(at % 7 === 0 ? 5_000 : 1);
    const { run, step } = begin(`hostile ${at}`);
    if (step.kind === 'try' && at % 2 === 0) run.ended(step.planned, { kind: 'left' });
    run.close();
  }
  all.clock.advance(60_000);
  const { step } = begin('m');
  assert.ok(step.kind === 'try' && step.planned.probe && step.planned.target.provider.name === 'a');
  assert.ok(router.health().length <= 2);
  assert.equal(all.clock.pending, 0);
});
