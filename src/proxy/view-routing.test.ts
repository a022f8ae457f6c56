// SPDX-License-Identifier: Apache-2.0
// Which routes have a first choice that is out of service, and who is said to answer instead: what the router would do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, makeRouter, RESET, refused, walk } from '../../test/fakes/routing.ts';
import { type AgentState, agentState } from '../contract/local-api.ts';
import { indexCatalogue } from './policy/catalogue.ts';
import { compilePolicy } from './policy/compile.ts';
import { overlay } from './policy/overlay.ts';
import { parseConfig } from './policy/parse.ts';
import type { Policy } from './policy/policy.ts';
import type { AttemptOutcome } from './routing/routing.ts';
import { fallbackItems } from './view-routing.ts';

const PROVIDERS = `
providers:
  - { name: a, type: openai, api_key: sk-a }
  - { name: b, type: anthropic, api_key: sk-b }
  - { name: c, type: groq, api_key: sk-c }
  - { name: two, type: openai, api_keys: [{ name: x, key: sk-x }, { name: y, key: sk-y }] }
  - { name: own, type: mistral, api_key: client }
`;

function policyOf(routes: string): Policy {
  const text = `${PROVIDERS}routes:\n${routes}`;
  const parsed = parseConfig(text);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const named = { upstreamRoots: [], serviceAccounts: {} };
  const { config } = parsed;
  const compiled = compilePolicy({ config, text, catalogue: indexCatalogue([]), env: {}, named, generation: 1 });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  return compiled.policy;
}

function world(routes: string) {
  const policy = policyOf(routes);
  let drawn = 0;
  const { router, clock } = makeRouter({ random: () => (drawn = (drawn + 0.37) % 1) });
  /** Calls along the chains until nothing changes any more; the named providers fail. */
  const failing = (outcomes: Readonly<Record<string, AttemptOutcome>>, model = 'm'): void => {
    for (const { route } of policy.chains()) {
      for (let at = 0; at < 6; at++) {
        walk(
          router.begin(call(route, { model })),
          clock,
          (_, { target }) => outcomes[target.provider.name] ?? { kind: 'complete' },
        );
      }
    }
  };
  const items = (rules = policy): AgentState['fallbacks'] => {
    const found = fallbackItems(rules, router, router.health());
    assert.deepEqual(agentState.shape.fallbacks.parse(found), found);
    return found;
  };
  return { policy, router, clock, failing, items };
}

const CHAIN = `
  - { id: first, model: m, fallbacks: [{ provider: a }, { provider: b }, { provider: c }] }
`;

test('while all are well, or nothing was tried yet, there are none', () => {
  const { failing, items } = world(CHAIN);
  assert.deepEqual(items(), []);
  failing({});
  assert.deepEqual(items(), []);
});

test('a first choice that is out is named with who answers now, and why', () => {
  const { failing, items } = world(CHAIN);
  failing({ a: RESET });
  assert.deepEqual(items(), [{ route: 'first', model: 'm', instead_of: 'a', using: 'b', why: 'transient' }]);
});

test('with the second out as well the third answers; with all out nobody does', () => {
  const { failing, items } = world(CHAIN);
  failing({ a: RESET, b: RESET });
  assert.deepEqual(items()[0]?.using, 'c');
  failing({ a: RESET, b: RESET, c: RESET });
  assert.deepEqual(items(), [{ route: 'first', model: 'm', instead_of: 'a', why: 'transient' }]);
});

test('a second choice that is out is nobody’s fallback', () => {
  const { policy, router, clock, items } = world(CHAIN);
  const [chain] = policy.chains();
  assert.ok(chain !== undefined);
  // Only b is asked, as for calls that a cannot take.
  const second = { ...chain.route, groups: chain.route.groups.slice(1) };
  for (let at = 0; at < 6; at++)
    walk(router.begin(call(second)), clock, (place) => (place.startsWith('b') ? RESET : { kind: 'complete' }));
  assert.equal(router.health().find(({ provider }) => provider === 'b')?.state, 'down');
  assert.deepEqual(items(), []);
});

test('it lasts until a call has found out that the first is back', () => {
  const { failing, items, router, clock } = world(CHAIN);
  failing({ a: RESET });
  const until = router.health().find(({ provider }) => provider === 'a')?.nextTry ?? 0;
  clock.advance(until - clock.now() + 1);
  assert.equal(router.health().find(({ provider }) => provider === 'a')?.scopes[0]?.state, 'half-open');
  assert.deepEqual(items(), [{ route: 'first', model: 'm', instead_of: 'a', using: 'b', why: 'transient' }]);
  failing({});
  clock.advance(3_600_000);
  failing({});
  assert.deepEqual(items(), []);
});

test('one refused key of two is no outage, both are', () => {
  const { items, router, clock, policy } = world(`
  - { id: keyed, model: m, fallbacks: [{ provider: two }, { provider: b }] }
`);
  const [chain] = policy.chains();
  assert.ok(chain !== undefined);
  const refuse = (places: readonly string[]): void => {
    for (let at = 0; at < 6; at++) {
      walk(router.begin(call(chain.route)), clock, (place) =>
        places.includes(place) ? refused(401, 'authentication') : { kind: 'complete' },
      );
    }
  };
  refuse(['two/x']);
  assert.equal(router.health().find(({ provider }) => provider === 'two')?.scopes.length, 1);
  assert.deepEqual(items(), []);
  refuse(['two/x', 'two/y']);
  assert.deepEqual(items(), [{ route: 'keyed', model: 'm', instead_of: 'two', using: 'b', why: 'credential' }]);
});

test('each route has its own; those that are not touched are left out', () => {
  const { failing, items } = world(`
  - { id: one, model: "gpt-*", fallbacks: [{ provider: a }, { provider: b }] }
  - { id: two, model: [x, y], fallbacks: [{ provider: a }, { provider: c }] }
  - { id: other, model: z, fallbacks: [{ provider: b }, { provider: a }] }
  - { id: alone, model: w, fallbacks: [{ provider: a }] }
`);
  failing({ a: RESET });
  assert.deepEqual(items(), [
    { route: 'one', model: 'gpt-*', instead_of: 'a', using: 'b', why: 'transient' },
    { route: 'two', instead_of: 'a', using: 'c', why: 'transient' },
  ]);
});

test('in a group by weight or latency any target is a first choice, and the answer is the same each time', () => {
  for (const order of ['weighted', 'latency']) {
    const { failing, items } = world(`
  - { id: breaks, model: n, fallbacks: [{ provider: a }, { provider: c }] }
  - id: shared
    model: m
    groups:
      - { order: ${order}, targets: [{ provider: a, weight: 1 }, { provider: b, weight: 9 }, { provider: two, weight: 9 }] }
      - { targets: [{ provider: c }] }
`);
    failing({ a: RESET });
    const first = items().filter(({ route }) => route === 'shared');
    const [told] = first;
    assert.deepEqual([first.length, told?.instead_of, told?.why], [1, 'a', 'transient']);
    assert.ok(told?.using === 'b' || told?.using === 'two', told?.using);
    for (let at = 0; at < 20; at++) assert.deepEqual(items()[1], told);
  }
});

test('who takes the caller’s own key answers only where the caller turned to it', () => {
  const { failing, items } = world(`
  - { id: mixed, model: m, fallbacks: [{ provider: a }, { provider: own }, { provider: c }] }
`);
  failing({ a: RESET });
  assert.equal(items()[0]?.using, 'c');
});

test('what an order forbids does not answer', () => {
  const { failing, items, policy } = world(CHAIN);
  failing({ a: RESET });
  const order = { id: 'o', level: 'block-provider', target: 'b', reason: '' } as const;
  const under = { policy, relaxed: () => policy, denyModels: [] };
  assert.equal(items(overlay(under, { orders: [order], gate: undefined }))[0]?.using, 'c');
});

test('at most a hundred are told', () => {
  const routes = Array.from(
    { length: 150 },
    (_, at) => `  - { id: r${at}, model: m${at}, fallbacks: [{ provider: a }, { provider: b }] }`,
  );
  const { failing, items } = world(routes.join('\n'));
  failing({ a: RESET });
  assert.equal(items().length, 100);
});
