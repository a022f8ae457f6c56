// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Floors } from '../../contract/sync/managed.ts';
import type { Owner } from '../identity/owner.ts';
import { applyFloors, managedRules } from '../sync/management.ts';
import { indexCatalogue } from './catalogue.ts';
import { compilePolicy } from './compile.ts';
import { type Conditions, type Order, overlay, relax } from './overlay.ts';
import { parseConfig } from './parse.ts';
import { builtInCatalogue } from './parse-catalogue.ts';
import type { CallSubject, Policy, Verdict } from './policy.ts';

const catalogue = indexCatalogue(builtInCatalogue());

const owner: Owner = {
  pid: 7,
  uid: 1000,
  name: 'node',
  exe: '/usr/bin/node',
  script: undefined,
  started: '1',
  app: 'Claude Code',
};

/** The policy of a text with management's floors, and what lies over it. */
function covered(text: string, conditions: Partial<Conditions>, floors: Floors = {}): Policy {
  const parsed = parseConfig(text);
  assert.ok(parsed.ok);
  const made = (config: typeof parsed.config): Policy => {
    const compiled = compilePolicy({
      config: applyFloors(config, floors),
      text,
      catalogue,
      env: {},
      named: { upstreamRoots: [], serviceAccounts: {} },
      generation: 1,
      managed: managedRules(floors),
    });
    assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.issues));
    return compiled.policy;
  };
  const under = {
    policy: made(parsed.config),
    relaxed: () => made(relax(parsed.config)),
    denyModels: floors.deny_models ?? [],
  };
  return overlay(under, { orders: [], gate: undefined, ...conditions });
}

function decide(policy: Policy, change: Partial<CallSubject> = {}): Verdict {
  const host = change.host ?? 'api.openai.com';
  const provider = policy.providerForHost(host);
  return policy.decide({ host, provider, model: 'gpt-4o', modelKnown: true, owner, ...change });
}

const order = (level: Order['level'], target?: string): Order => ({
  id: 'o1',
  level,
  reason: 'a drill',
  ...(target === undefined ? {} : { target }),
});

const RULES = `
providers: [{ name: main, type: openai, api_key: sk-x }, { name: spare, type: anthropic, api_key: sk-y }]
routes: [{ id: r, model: "gpt-*", fallbacks: [{ provider: main }, { provider: spare, model: claude }] }]
hosts: [{ host: chat.deepseek.com, action: block }]
models: { deny: ["*-preview"] }
apps: [{ app: curl, action: block }]
`;

const blocked = (rule: string, code: string, message?: string) => ({ action: 'block', rule, code, message });

test('with nothing over it a policy decides as it did', () => {
  const policy = covered(RULES, {});
  assert.deepEqual(decide(policy), { action: 'allow', rule: undefined });
  assert.equal(decide(policy, { model: 'x-preview' }).rule, 'models.deny[0]');
  assert.equal(policy.decideHost('chat.deepseek.com').action, 'block');
});

test('an order against a provider refuses its calls, names itself and gives its reason', () => {
  const policy = covered(RULES, { orders: [order('block-provider', 'main')] });
  assert.deepEqual(decide(policy), blocked('order:o1', 'OUT_BLOCKED_ORDER', 'a drill'));
  assert.equal(decide(policy, { host: 'api.anthropic.com' }).action, 'allow');
});

test('no chain leads to a provider that an order has stopped, and a chain of nothing else refuses', () => {
  const text = `${RULES}`.replace('{ provider: main }, ', '{ provider: main }, { provider: main, model: other }, ');
  const subject = { model: 'gpt-4o', dialect: 'openai-chat', path: '/', owner } as const;
  const from = (target: string, config = text) => {
    const policy = covered(config, { orders: [order('block-provider', target)] });
    const addressed = policy.providers[1];
    assert.ok(addressed !== undefined);
    return policy.route(subject, addressed);
  };
  const left = from('main');
  assert.deepEqual(
    left.groups.map(({ targets }) => targets.map(({ provider }) => provider.name)),
    [['spare']],
  );
  assert.equal(left.blocked, undefined);
  const none = from('main', RULES.replace(', { provider: spare, model: claude }', ''));
  assert.deepEqual(none.blocked, blocked('order:o1', 'OUT_BLOCKED_ORDER', 'a drill'));
});

test('an order against an app takes a pattern, and an app that cannot be named is taken for it', () => {
  const policy = covered(RULES, { orders: [order('block-app', 'claude*')] });
  assert.deepEqual(decide(policy), blocked('order:o1', 'OUT_BLOCKED_ORDER', 'a drill'));
  assert.equal(decide(policy, { owner: { ...owner, app: 'Firefox' } }).action, 'allow');
  const unknown = decide(policy, { owner: undefined });
  assert.ok(unknown.action === 'block' && unknown.code === 'OUT_BLOCKED_ORDER');
  assert.equal(covered('{}', { orders: [order('block-app', 'x')] }).needsOwner, true);
  assert.equal(covered('{}', { orders: [order('block-all-ai')] }).needsOwner, false);
});

test('an order against all AI refuses all that is governed, and nothing that is only passed on', () => {
  const policy = covered(RULES, { orders: [order('block-all-ai')] });
  assert.deepEqual(decide(policy), blocked('order:o1', 'OUT_BLOCKED_ORDER', 'a drill'));
  assert.equal(decide(policy, { host: 'github.com', relayed: true }).action, 'allow');
  const app = { ...owner, app: 'curl' };
  assert.equal(decide(policy, { relayed: true, owner: app }).rule, 'apps[0]', 'a blocked app stays blocked');
});

test('with a bypass every host is tunnelled, and the gateway judges nothing', () => {
  const policy = covered(RULES, { orders: [order('block-all-ai'), order('bypass')], gate: BLOCK }, FLOORS);
  for (const host of ['api.openai.com', 'chat.deepseek.com', 'mail.example', 'bad.example']) {
    assert.deepEqual([policy.decideHost(host).action, policy.decideHost(host).rule], ['tunnel', 'order:o1'], host);
  }
  assert.deepEqual(decide(policy, { model: 'x-preview' }), { action: 'allow', rule: 'order:o1' });
});

const BLOCK = { kind: 'block', rule: 'expired', code: 'OUT_POLICY_EXPIRED' } as const;
const PASS = { kind: 'pass', rule: 'override:o9' } as const;
const FLOORS: Floors = { block_hosts: ['bad.example', 'api.cohere.com'], deny_models: ['evil-*'] };

test('a closed gate refuses every AI call in the name of why, and nothing else', () => {
  const policy = covered(RULES, { gate: BLOCK });
  assert.deepEqual(decide(policy), blocked('expired', 'OUT_POLICY_EXPIRED'));
  assert.equal(decide(policy, { relayed: true }).action, 'allow');
  assert.equal(policy.decideHost('mail.example').action, 'tunnel');
});

test('an open gate lifts all rules; calls are still looked at, so that they are recorded', () => {
  const policy = covered(RULES, { gate: PASS });
  const allowed = { action: 'allow', rule: 'override:o9' };
  assert.deepEqual(decide(policy), allowed);
  assert.deepEqual(decide(policy, { model: 'x-preview' }), allowed);
  assert.deepEqual(decide(policy, { owner: { ...owner, app: 'curl' } }), allowed);
  assert.equal(policy.decideHost('chat.deepseek.com').action, 'govern');
  assert.equal(policy.providerForHost('api.openai.com')?.name, 'main', 'providers and their keys stay');
});

test('an order holds while a gate lifts the rules', () => {
  const policy = covered(RULES, { gate: PASS, orders: [order('block-provider', 'main')] });
  assert.equal(decide(policy).rule, 'order:o1');
  assert.equal(decide(policy, { host: 'api.anthropic.com' }).rule, 'override:o9');
});

test('what device management forbids stays forbidden when the rules are lifted', () => {
  const policy = covered(RULES, { gate: PASS }, FLOORS);
  assert.deepEqual(
    [policy.decideHost('bad.example').action, policy.decideHost('bad.example').rule],
    ['block', 'managed.block_hosts[0]'],
  );
  assert.deepEqual(decide(policy, { model: 'evil-1' }), {
    ...blocked('managed.deny_models[0]', 'OUT_BLOCKED_MODEL'),
    model: 'evil-1',
  });
});

test('no route of a policy leads round what device management forbids', () => {
  const text = `
providers: [{ name: main, type: openai, api_key: sk-x }, { name: away, type: cohere, api_key: sk-y }]
routes:
  - { id: host, model: a, fallbacks: [{ provider: away }] }
  - { id: model, model: b, fallbacks: [{ provider: main, model: evil-2 }] }
  - { id: good, model: c, fallbacks: [{ provider: away }, { provider: main, model: fine }] }
`;
  const policy = covered(text, {}, FLOORS);
  const [main] = policy.providers;
  assert.ok(main !== undefined);
  const route = (model: string) => policy.route({ model, dialect: 'openai-chat', path: '/', owner }, main);
  assert.deepEqual(route('a').blocked, blocked('managed.block_hosts[1]', 'OUT_BLOCKED_HOST'));
  assert.deepEqual(route('b').blocked, blocked('managed.deny_models[0]', 'OUT_BLOCKED_MODEL'));
  assert.deepEqual(
    route('c').groups.flatMap(({ targets }) => targets.map(({ provider }) => provider.name)),
    ['main'],
  );
  assert.equal(route('d').blocked, undefined);
});

test('rules of the policy keep their numbers beside those of device management', () => {
  const policy = covered(RULES, {}, FLOORS);
  assert.equal(policy.decideHost('chat.deepseek.com').rule, 'hosts[0]');
  assert.equal(decide(policy, { model: 'x-preview' }).rule, 'models.deny[0]');
});
