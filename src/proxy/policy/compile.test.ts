// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Owner } from '../identity/owner.ts';
import { indexCatalogue } from './catalogue.ts';
import { compilePolicy } from './compile.ts';
import { formatError } from './format-error.ts';
import { parseConfig } from './parse.ts';
import { builtInCatalogue } from './parse-catalogue.ts';
import type { CallSubject, Policy } from './policy.ts';
import { DEFAULTS } from './settings.ts';

const catalogue = indexCatalogue(builtInCatalogue());
const ROOTS = ['-----BEGIN CERTIFICATE-----'];

function compile(text: string, env: Readonly<Record<string, string>> = {}): Policy {
  const parsed = parseConfig(text);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.errors.map(formatError).join('\n'));
  const compiled = compilePolicy({
    config: parsed.config,
    text,
    catalogue,
    env,
    named: { upstreamRoots: ROOTS, serviceAccounts: {} },
    generation: 1,
  });
  assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.issues));
  return compiled.policy;
}

const SUBJECT = { model: undefined, dialect: 'openai-chat', path: '/v1/chat/completions', owner: undefined } as const;

/** First problem as `line:column message`. */
function problem(text: string, env: Readonly<Record<string, string>> = {}): string {
  const parsed = parseConfig(text);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.errors.map(formatError).join('\n'));
  const compiled = compilePolicy({
    config: parsed.config,
    text,
    catalogue,
    env,
    named: { upstreamRoots: [], serviceAccounts: {} },
    generation: 1,
  });
  assert.ok(!compiled.ok);
  const [issue] = compiled.issues;
  assert.ok(issue !== undefined);
  const { line, column, message } = parsed.locate(issue);
  return `${line}:${column} ${message}`;
}

const owner: Owner = {
  pid: 7,
  uid: 1000,
  name: 'node',
  exe: '/usr/bin/node',
  script: '/opt/claude/cli.js',
  started: '1',
  app: 'claude',
};

function subject(over: Partial<CallSubject> = {}): CallSubject {
  return { host: 'api.openai.com', provider: undefined, model: 'gpt-4o', modelKnown: true, owner, ...over };
}

/** The example of the blueprint, character by character. */
const SEED = `providers:
  - name: openai-primary
    type: openai
    api_key: sk-openai-primary-key
  - name: anthropic-fallback
    type: anthropic
    api_key: sk-anthropic-fallback-key

routes:
  - id: default-route
    model: gpt-4o # Model requested by application
    strategy: primary-fallback
    fallbacks:
      - provider: openai-primary
        model: gpt-4o
      - provider: anthropic-fallback
        model: claude-3-opus # Fallback model
`;

test('the seed’s configuration works as it stands', () => {
  const policy = compile(SEED);
  assert.deepEqual(
    policy.providers.map(({ name }) => name),
    ['openai-primary', 'anthropic-fallback'],
  );
  const primary = policy.providerForGateway('openai');
  assert.equal(primary?.name, 'openai-primary');
  assert.deepEqual(primary?.credential, {
    kind: 'keys',
    keys: [{ name: 'key-1', weight: 1, secret: { kind: 'text', value: 'sk-openai-primary-key' } }],
  });
  assert.equal(policy.providerForHost('API.openai.com.')?.name, 'openai-primary');
  assert.ok(primary !== undefined);
  const route = policy.route({ ...SUBJECT, model: 'gpt-4o' }, primary);
  assert.equal(route.id, 'default-route');
  assert.deepEqual(
    route.groups.map(({ targets }) => targets.map(({ provider, model }) => [provider.name, model])),
    [[['openai-primary', undefined]], [['anthropic-fallback', 'claude-3-opus']]],
  );
  for (const model of ['gpt-5', undefined]) {
    const alone = policy.route({ ...SUBJECT, model }, primary);
    assert.equal(alone.id, undefined);
    assert.deepEqual(
      alone.groups.map(({ targets }) => targets.map(({ provider }) => provider.name)),
      [['openai-primary']],
    );
  }
});

test('hosts: rules come before providers, providers before the catalogue, the rest is tunnelled', () => {
  const policy = compile(`
providers:
  - { name: mine, type: openai-compatible, base_url: "https://llm.corp.example/v1" }
hosts:
  - { host: "*.corp.example", action: tunnel }
  - { host: llm.corp.example, action: govern }
  - { host: claude.ai, action: block }
  - { host: login.microsoftonline.com, action: header, headers: { sec-Restrict-Tenant-Access-Policy: "x" } }
`);
  const decide = (host: string) => {
    const { action, rule } = policy.decideHost(host);
    return `${action} ${rule}`;
  };
  assert.equal(decide('llm.corp.example'), 'tunnel hosts[0]');
  assert.equal(decide('Claude.AI.'), 'block hosts[2]');
  assert.equal(decide('login.microsoftonline.com'), 'header hosts[3]');
  assert.deepEqual(policy.decideHost('login.microsoftonline.com').setHeaders, [
    ['sec-Restrict-Tenant-Access-Policy', 'x'],
  ]);
  assert.equal(policy.decideHost('claude.ai').vendor, 'Claude web and desktop');
  assert.equal(decide('login.live.com'), 'tunnel catalogue:login.live.com');
  assert.equal(decide('api.openai.com'), 'govern catalogue:api.openai.com');
  assert.equal(decide('grammarly.com'), 'tunnel catalogue:grammarly.com');
  assert.equal(decide('packages.example.org'), 'tunnel default');
  assert.equal(decide('api.openai.com.evil.example'), 'tunnel default');
});

test('an exact rule that comes later does not win over a pattern that comes first, and the other way round', () => {
  const text = (rules: string) => `hosts: [${rules}]\n`;
  const wide = '{ host: "*.openai.com", action: block }';
  const exact = '{ host: api.openai.com, action: tunnel }';
  assert.equal(compile(text(`${wide}, ${exact}`)).decideHost('api.openai.com').rule, 'hosts[0]');
  assert.equal(compile(text(`${exact}, ${wide}`)).decideHost('api.openai.com').rule, 'hosts[0]');
  assert.equal(compile(text(`${exact}, ${wide}`)).decideHost('x.openai.com').rule, 'hosts[1]');
});

test('paths: a configured host without a catalogue row is governed whole', () => {
  const policy = compile('providers:\n  - { name: m, type: openai, hosts: [llm.corp.example] }\n');
  assert.equal(policy.decideHost('llm.corp.example').rule, 'provider:m');
  assert.ok(policy.governsPath('llm.corp.example', '/x'));
  assert.ok(!policy.governsPath('api.openai.com', '/v1/models'));
});

test('the PAC list has what is governed or blocked, and nothing else', () => {
  const policy = compile(`
providers:
  - { name: mine, type: openai-compatible, base_url: "https://llm.corp.example/v1" }
hosts:
  - { host: api.openai.com, action: tunnel }
  - { host: "*.openai.azure.com", action: tunnel }
  - { host: grammarly.com, action: block }
`);
  const hosts = policy.governedHosts();
  assert.deepEqual(hosts, [...hosts].sort());
  for (const host of ['llm.corp.example', 'grammarly.com', 'api.anthropic.com', 'bedrock-runtime.*.amazonaws.com']) {
    assert.ok(hosts.includes(host), host);
  }
  for (const host of ['api.openai.com', '*.openai.azure.com', 'login.live.com', 'otter.ai'])
    assert.ok(!hosts.includes(host), host);
});

test('models: deny wins over allow, an allow list denies the rest, case does not matter', () => {
  const policy = compile('models: { allow: ["gpt-4*", "claude-*"], deny: ["*-preview"] }\n');
  const verdict = (model: string | undefined, modelKnown = true) => {
    const answer = policy.decide(subject({ model, modelKnown }));
    return answer.action === 'allow' ? `allow ${answer.rule}` : `${answer.code} ${answer.rule}`;
  };
  assert.equal(verdict('GPT-4o'), 'allow models.allow[0]');
  assert.equal(verdict('gpt-4-Preview'), 'OUT_BLOCKED_MODEL models.deny[0]');
  assert.equal(verdict('mistral'), 'OUT_BLOCKED_MODEL models.allow');
  assert.equal(verdict(undefined, false), 'OUT_UNREADABLE_BODY models');
  assert.equal(verdict(undefined), 'allow undefined');
  assert.equal(compile('{}').decide(subject({ model: undefined, modelKnown: false })).action, 'allow');
});

test('apps: the first rule that matches decides, all its conditions must match, and its message is given', () => {
  const policy = compile(`
apps:
  - { app: claude, exe: "/usr/bin/*", action: allow }
  - { name: "python*", action: block, message: Use the approved notebook. }
  - { app: "*", action: block }
`);
  assert.ok(policy.needsOwner);
  assert.equal(policy.decide(subject()).action, 'allow');
  const python = policy.decide(subject({ owner: { ...owner, app: 'x', name: 'Python3.13' } }));
  assert.deepEqual(python, {
    action: 'block',
    rule: 'apps[1]',
    code: 'OUT_BLOCKED_APP',
    message: 'Use the approved notebook.',
  });
  assert.equal(policy.decide(subject({ owner: { ...owner, exe: '/tmp/node' } })).rule, 'apps[2]');
  assert.ok(!compile('{}').needsOwner);
});

test('apps: a process that nobody could name is blocked where any rule might block it', () => {
  const unknown = (apps: string) => compile(`apps: ${apps}\n`).decide(subject({ owner: undefined }));
  const verdict = unknown('[{ app: claude, action: allow }, { exe: "*/node", action: block, message: No Node. }]');
  assert.ok(verdict.action === 'block');
  assert.equal(verdict.code, 'OUT_BLOCKED_APP');
  assert.equal(verdict.rule, 'apps (process unknown)');
  assert.match(verdict.message ?? '', /could not be determined/);
  // That others are allowed later does not help it.
  assert.equal(unknown('[{ exe: "*/node", action: block }, { app: "*", action: allow }]').action, 'block');
  // A rule that names it, `*`, gives its own name and message.
  assert.equal(unknown('[{ app: claude, action: allow }, { app: "*", action: block }]').rule, 'apps[1]');
  assert.deepEqual(unknown('[{ app: "*", action: allow }, { name: x, action: block }]'), {
    action: 'allow',
    rule: 'apps[0]',
  });
  assert.deepEqual(unknown('[{ app: claude, action: allow }]'), { action: 'allow', rule: undefined });
  // A known process is bound by the rules that name it and no others.
  const known = compile('apps: [{ exe: "/elsewhere/*", action: block }]\n').decide(subject());
  assert.equal(known.action, 'allow');
});

test('an allowed app is still bound by the model rules', () => {
  const policy = compile('apps: [{ app: claude, action: allow }]\nmodels: { deny: [gpt-4o] }\n');
  assert.equal(policy.decide(subject()).action, 'block');
});

test('the gateway does not reach a host that a rule blocks', () => {
  const policy = compile('hosts: [{ host: api.openai.com, action: block }]\n');
  const provider = policy.providerForGateway('openai');
  assert.equal(policy.decide(subject({ host: '', provider })).rule, 'hosts[0]');
  // A regional host keeps its own address: the rule is not about it.
  assert.equal(policy.decide(subject({ host: 'eu.api.openai.com', provider })).action, 'allow');
});

test('gateway segments: name, first of the type, the vendor’s default, else nothing', () => {
  const policy = compile(`
providers:
  - { name: corp, type: azure, base_url: "https://corp.openai.azure.com" }
  - { name: bed, type: bedrock }
`);
  assert.equal(policy.providerForGateway('corp')?.base.host, 'corp.openai.azure.com');
  assert.equal(policy.providerForGateway('azure')?.name, 'corp');
  assert.equal(policy.providerForGateway('openai')?.base.host, 'api.openai.com');
  assert.equal(policy.providerForGateway('openai')?.credential.kind, 'client');
  for (const segment of ['bed', 'bedrock', 'vertex', 'nobody', '', 'constructor', '__proto__', 'OpenAI']) {
    assert.equal(policy.providerForGateway(segment), undefined, segment);
  }
  assert.equal(policy.providerForHost('bedrock-runtime.eu-west-1.amazonaws.com')?.name, 'bed');
});

test('a place in a vendor’s cloud is an address, for the gateway and for routes', () => {
  const policy = compile(`
providers:
  - { name: bed, type: bedrock, region: eu-west-1 }
  - { name: ver, type: vertex, project: p-1, location: europe-west4 }
routes:
  - { id: r, model: m, fallbacks: [{ provider: bed }, { provider: ver }] }
`);
  assert.equal(policy.providerForGateway('bedrock')?.base.host, 'bedrock-runtime.eu-west-1.amazonaws.com');
  assert.equal(policy.providerForGateway('ver')?.base.host, 'europe-west4-aiplatform.googleapis.com');
  const half = problem(`providers:\n  - { name: v, type: vertex, project: p-1 }\n${route('v')}`);
  assert.match(half, /needs its base_url or project and location/);
});

test('a provider’s own status page, none, or the vendor’s', () => {
  const { providers } = compile(`
providers:
  - { name: a, type: openai, status_page: "https://status.corp.example" }
  - { name: b, type: openai, status_page: false }
  - { name: c, type: openai }
`);
  assert.deepEqual(
    providers.map(({ statusPage }) => statusPage),
    ['https://status.corp.example', false, undefined],
  );
});

test('a compatible provider is the provider of its base_url’s host, but not of this machine', () => {
  const policy = compile(`
providers:
  - { name: a, type: openai-compatible, base_url: "https://openrouter.ai/api/v1" }
  - { name: b, type: openai-compatible, base_url: "http://127.0.0.1:8000/v1" }
  - { name: c, type: openai, base_url: "http://127.0.0.1:9/v1", hosts: ["*.c.example"] }
  - { name: d, type: databricks, base_url: "https://dbc.cloud.databricks.com/serving-endpoints" }
`);
  assert.equal(policy.providerForHost('openrouter.ai')?.name, 'a');
  assert.equal(policy.providerForHost('dbc.cloud.databricks.com')?.name, 'd');
  assert.equal(policy.providerForHost('127.0.0.1'), undefined);
  assert.equal(policy.providerForHost('x.c.example')?.name, 'c');
  assert.equal(policy.providerForHost('api.openai.com'), undefined);
  assert.deepEqual(policy.providers[1]?.base, { scheme: 'http', host: '127.0.0.1', port: 8000, basePath: '/v1' });
});

test('a key from the environment is used, and a missing one is an error that names the variable and not its value', () => {
  const text = `providers:\n  - name: a\n    type: openai\n    api_key: \${MY_KEY}\n`;
  assert.deepEqual(compile(text, { MY_KEY: 'sk-x\n' }).providers[0]?.credential, {
    kind: 'keys',
    keys: [{ name: 'key-1', weight: 1, secret: { kind: 'text', value: 'sk-x' } }],
  });
  assert.equal(problem(text), '4:14 the environment variable MY_KEY is not set');
  assert.equal(problem(text, { MY_KEY: '' }), '4:14 the environment variable MY_KEY is not set');
  const broken = problem(text, { MY_KEY: 'sk-SECRET\r\nx: y' });
  assert.match(broken, /^4:14 .*MY_KEY is not a valid key/);
  assert.ok(!broken.includes('SECRET'));
});

const two = 'providers:\n  - { name: a, type: openai }\n  - { name: b, type: vertex }\n';
const route = (provider: string) =>
  `routes:\n  - id: r\n    model: m\n    strategy: primary-fallback\n    fallbacks:\n      - provider: ${provider}\n`;
const problems: readonly (readonly [why: string, text: string, expected: RegExp])[] = [
  ['a name used twice', `${two}  - { name: a, type: groq }\n`, /^4:13 .*used twice/],
  ['a name of another type', 'providers:\n  - { name: openai, type: groq }\n', /^2:13 .*another provider type/],
  [
    'a compatible provider without address',
    'providers:\n  - { name: a, type: openai-compatible }\n',
    /^2:22 .*needs base_url/,
  ],
  ['a route to nobody', `${two}${route('c')}`, /^9:19 there is no provider named "c"/],
  ['a route to a type without one address', `${two}${route('b')}`, /^9:19 .*needs its base_url/],
  ['a route id used twice', `${two}${route('a')}${route('a').replace('routes:\n', '')}`, /^10:9 .*used twice/],
];

for (const [why, text, expected] of problems) {
  test(`refused with its place: ${why}`, () => assert.match(problem(text), expected));
}

test('a provider may have its own type’s name', () => {
  assert.equal(
    compile('providers:\n  - { name: openai, type: openai }\n').providerForGateway('openai')?.keepHost,
    true,
  );
});

test('settings: defaults where nothing is written, units as documented', () => {
  assert.deepEqual(compile('{}').settings, { ...DEFAULTS, upstreamRoots: ROOTS });
  const { settings } = compile(`
audit: { level: strict, on_full: block, cap_mb: 10, retention_days: 30 }
network: { connect_ports: [443, "8000-8010"], allow_private: ["127.0.0.1:8080", "10.0.0.0/8", "[::1]:*"] }
gateway: { allowed_origins: ["https://Tool.example"], require_token: true }
timeouts: { connect_ms: 1000 }
limits: { hold_events: 5 }
pac: { fail_mode: closed }
`);
  assert.deepEqual(settings.audit, { level: 'strict', onFull: 'block', capBytes: 10 * 1_048_576, retentionDays: 30 });
  assert.deepEqual(settings.network.connectPorts, [
    [443, 443],
    [8000, 8010],
  ]);
  assert.deepEqual(settings.gateway, { allowedOrigins: ['https://tool.example'], requireToken: true });
  assert.deepEqual([settings.timeouts.connect, settings.timeouts.idle], [1000, DEFAULTS.timeouts.idle]);
  assert.equal(settings.limits.holdEvents, 5);
  assert.equal(settings.pacFailMode, 'closed');
});

test('a policy cannot be changed', () => {
  const policy = compile(SEED);
  const frozen = [
    policy,
    policy.settings,
    policy.settings.timeouts,
    policy.providers,
    policy.providers[0],
    policy.providers[0]?.base,
  ];
  for (const value of [
    ...frozen,
    policy.providers[0]?.credential,
    policy.providers[0]?.hosts,
    policy.governedHosts(),
  ]) {
    assert.ok(Object.isFrozen(value));
  }
});

test('the hash is that of the text', () => {
  assert.equal(compile('{}').sha256, '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
});
