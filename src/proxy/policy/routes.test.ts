// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Owner } from '../identity/owner.ts';
import { indexCatalogue } from './catalogue.ts';
import { compilePolicy } from './compile.ts';
import { parseConfig } from './parse.ts';
import type { Policy, RouteSubject } from './policy.ts';
import { ROUTE_TUNING } from './tuning.ts';

const PROVIDERS = `
providers:
  - { name: a, type: openai, api_key: sk-a, models: { "gpt-4*": "big-*" } }
  - { name: b, type: anthropic, api_key: sk-b }
  - { name: c, type: azure, api_key: sk-c }
`;

function compile(text: string) {
  const parsed = parseConfig(text);
  if (!parsed.ok) return parsed.errors.map(({ at, message }) => `${at}: ${message}`).join('\n');
  const named = { upstreamRoots: [], serviceAccounts: {} };
  const compiled = compilePolicy({
    config: parsed.config,
    text,
    catalogue: indexCatalogue([]),
    env: {},
    named,
    generation: 1,
  });
  return compiled.ok
    ? compiled.policy
    : compiled.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n');
}

function policyOf(routes: string): Policy {
  const policy = compile(`${PROVIDERS}routes:\n${routes}`);
  if (typeof policy === 'string') assert.fail(policy);
  return policy;
}

function problemOf(routes: string): string {
  const problem = compile(`${PROVIDERS}routes:\n${routes}`);
  assert.ok(typeof problem === 'string', 'it was accepted');
  return problem;
}

const owner: Owner = {
  pid: 1,
  uid: 1,
  exe: '/opt/code',
  name: 'code',
  app: 'code-editor',
  script: undefined,
  started: '1',
};

/** `route: provider/model | provider/model > next group`, for a call addressed to provider a. */
function routeOf(policy: Policy, subject: Partial<RouteSubject>): string {
  const [addressed] = policy.providers;
  assert.ok(addressed !== undefined);
  const { id, groups } = policy.route(
    { model: 'gpt-4o', dialect: 'openai-chat', path: '/v1/chat/completions', owner: undefined, ...subject },
    addressed,
  );
  const chain = groups.map(({ order, targets }) => {
    const names = targets.map(({ provider, model, weight }) => `${provider.name}/${model ?? '='}*${weight}`);
    return `${order}(${names.join(' ')})`;
  });
  return `${id ?? '-'}: ${chain.join(' > ')}`;
}

test('the first route that matches model, dialect, path and app gives the chain', () => {
  const policy = policyOf(`
  - { id: app, apps: ["code-*"], dialects: [openai-chat], fallbacks: [{ provider: b, model: x }] }
  - { id: path, paths: ["/v1/resp*"], model: "*", fallbacks: [{ provider: b, model: y }] }
  - { id: models, model: ["o3", "gpt-*"], fallbacks: [{ provider: b, model: z }] }
`);
  assert.equal(routeOf(policy, { owner }), 'app: listed(b/x*1)');
  assert.equal(routeOf(policy, { owner, dialect: 'gemini' }), 'models: listed(b/z*1)');
  assert.equal(routeOf(policy, { path: '/v1/responses' }), 'path: listed(b/y*1)');
  assert.equal(routeOf(policy, { model: 'O3' }), 'models: listed(b/z*1)');
  assert.equal(routeOf(policy, { model: 'o4' }), '-: listed(a/=*1)');
  assert.equal(routeOf(policy, { model: undefined }), '-: listed(a/=*1)');
  assert.equal(policy.needsOwner, true);
});

test('groups keep their order and weights; a star in a target’s model is what the route’s glob matched', () => {
  const policy = policyOf(`
  - id: claude
    model: "claude-*"
    groups:
      - { order: weighted, targets: [{ provider: b, weight: 3 }, { provider: a, model: "anthropic/claude-*", weight: 0 }] }
      - { targets: [{ provider: a, model: { "claude-opus*": gpt-5, "claude-*-haiku*": "mini-*" } }] }
`);
  assert.equal(
    routeOf(policy, { model: 'claude-opus-4-5' }),
    'claude: weighted(b/=*3 a/anthropic/claude-opus-4-5*0) > listed(a/gpt-5*1)',
  );
  // The first star counts, in the caller's own spelling.
  assert.match(routeOf(policy, { model: 'Claude-X3-haiku-1' }), /listed\(a\/mini-X3\*1\)$/);
  assert.match(routeOf(policy, { model: 'claude-sonnet' }), /listed\(a\/=\*1\)$/);
});

test('a provider’s own names hold with and without a route, after the target’s', () => {
  const policy = policyOf(`
  - { id: r, model: gpt-4-turbo, fallbacks: [{ provider: a }, { provider: a, model: fixed }] }
`);
  assert.equal(routeOf(policy, { model: 'gpt-4o' }), '-: listed(a/big-o*1)');
  assert.equal(routeOf(policy, { model: 'gpt-4-turbo' }), 'r: listed(a/big--turbo*1) > listed(a/fixed*1)');
});

test('a route with one target waits as long as a call without a route; its own numbers go before all', () => {
  const policy = policyOf(`
  - { id: one, model: m1, fallbacks: [{ provider: a }] }
  - { id: two, model: m2, fallbacks: [{ provider: a }, { provider: b }] }
  - { id: own, model: m3, fallbacks: [{ provider: a }], routing: { attempts: 2, timeouts: { first_content_ms: 700 } } }
`);
  const [addressed] = policy.providers;
  assert.ok(addressed !== undefined);
  const tuning = (model: string) =>
    policy.route({ model, dialect: 'openai-chat', path: '/', owner: undefined }, addressed).tuning;
  assert.equal(tuning('m1').timeouts.firstContent, policy.settings.timeouts.firstContent);
  assert.equal(tuning('none').timeouts.firstContent, policy.settings.timeouts.firstContent);
  assert.deepEqual(tuning('m2'), ROUTE_TUNING);
  assert.equal(tuning('m3').timeouts.firstContent, 700);
  assert.equal(tuning('m3').attempts, 2);
});

test('what does not fit together is said with its place', () => {
  assert.match(problemOf('  - { id: r, model: "*" }'), /either `fallbacks` or `groups`/);
  assert.match(problemOf('  - { id: r, fallbacks: [{ provider: a }] }'), /at least one of `model`/);
  assert.match(
    problemOf('  - { id: r, model: m, groups: [{ targets: [{ provider: a }, { provider: nobody }] }] }'),
    /^routes\.0\.groups\.0\.targets\.1\.provider: there is no provider named "nobody"/,
  );
  assert.match(
    problemOf('  - { id: r, model: m, fallbacks: [{ provider: a }], on_context_length: [{ provider: c }] }'),
    /^routes\.0\.on_context_length\.0\.provider: .* needs its base_url/,
  );
  assert.match(problemOf('  - { id: r, model: m, groups: [{ order: fastest, targets: [{ provider: a }] }] }'), /order/);
  assert.match(problemOf('  - { id: r, model: m, dialects: [klingon], fallbacks: [{ provider: a }] }'), /dialects/);
});

test('a route to Vertex behind another address still needs the place that stands in its paths', () => {
  const text = (more: string) => `
providers:
  - { name: v, type: vertex, base_url: "https://egress.example", api_key: k${more} }
routes:
  - { id: r, model: m, fallbacks: [{ provider: v }] }
`;
  assert.match(String(compile(text(''))), /routes\.0\.fallbacks\.0\.provider: .*project and location/);
  assert.equal(typeof compile(text(', project: p, location: us-east5')), 'object');
});
