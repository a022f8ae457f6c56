// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostPatternError } from '../../contract/host-pattern.ts';
import type { Credential, Provider } from '../policy/policy.ts';
import {
  baseOf,
  originProvider,
  PROVIDER_TYPES,
  type ProviderType,
  placedBase,
  typeOfHost,
  upstreamTarget,
} from './provider-types.ts';

const ours: Credential = {
  kind: 'keys',
  keys: [{ name: 'key-1', weight: 1, secret: { kind: 'text', value: 'ours' } }],
};

function provider(type: ProviderType, baseUrl?: string, credential: Credential = { kind: 'client' }): Provider {
  const info = PROVIDER_TYPES[type];
  const url = baseUrl ?? info.defaultBaseUrl;
  const base =
    url === undefined ? ({ scheme: 'https', host: '', port: 443, basePath: '' } as const) : baseOf(type, url);
  return { name: type, type, base, credential, hosts: info.hosts, keepHost: baseUrl === undefined };
}

function url(
  p: Provider,
  entrance: 'intercept' | 'gateway',
  host: string,
  target: string,
  sourceType?: ProviderType,
): string {
  const to = upstreamTarget(p, { entrance, host, target, ...(sourceType === undefined ? {} : { sourceType }) });
  return `${to.scheme}://${to.host}:${to.port}${to.path}`;
}

test('every host pattern of the table is valid and belongs to one type', () => {
  const seen = new Set<string>();
  for (const info of Object.values(PROVIDER_TYPES)) {
    for (const pattern of info.hosts) {
      assert.equal(hostPatternError(pattern), undefined, pattern);
      assert.ok(!seen.has(pattern), pattern);
      seen.add(pattern);
    }
  }
  assert.equal(typeOfHost('API.OPENAI.com.'), 'openai');
  assert.equal(typeOfHost('corp.openai.azure.com'), 'azure');
  assert.equal(typeOfHost('example.com'), undefined);
});

const gateway: readonly (readonly [ProviderType, string | undefined, string, string])[] = [
  ['openai', undefined, '/v1/chat/completions', 'https://api.openai.com:443/v1/chat/completions'],
  ['openai', undefined, '/chat/completions?x=%20y', 'https://api.openai.com:443/v1/chat/completions?x=%20y'],
  ['openai', 'http://127.0.0.1:81/team/', '/v1/responses', 'http://127.0.0.1:81/team/responses'],
  ['openai', 'http://127.0.0.1:81', '/v1/responses', 'http://127.0.0.1:81/responses'],
  ['anthropic', undefined, '/v1/messages?beta=true', 'https://api.anthropic.com:443/v1/messages?beta=true'],
  ['anthropic', undefined, '/messages', 'https://api.anthropic.com:443/v1/messages'],
  ['anthropic', undefined, '/messages/count_tokens', 'https://api.anthropic.com:443/v1/messages/count_tokens'],
  [
    'anthropic',
    'https://llm.corp.example/anthropic',
    '/v1/messages',
    'https://llm.corp.example:443/anthropic/v1/messages',
  ],
  [
    'gemini',
    undefined,
    '/v1beta/models/g:generateContent',
    'https://generativelanguage.googleapis.com:443/v1beta/models/g:generateContent',
  ],
  [
    'gemini',
    undefined,
    '/models/g:generateContent',
    'https://generativelanguage.googleapis.com:443/v1beta/models/g:generateContent',
  ],
  ['mistral', undefined, '/v1/chat/completions', 'https://api.mistral.ai:443/v1/chat/completions'],
  ['mistral', 'http://127.0.0.1:5/v1', '/chat/completions', 'http://127.0.0.1:5/v1/chat/completions'],
  ['cohere', undefined, '/v2/chat', 'https://api.cohere.com:443/v2/chat'],
  [
    'cohere',
    undefined,
    '/compatibility/v1/chat/completions',
    'https://api.cohere.com:443/compatibility/v1/chat/completions',
  ],
  ['groq', undefined, '/openai/v1/chat/completions', 'https://api.groq.com:443/openai/v1/chat/completions'],
  ['groq', undefined, '/v1/chat/completions', 'https://api.groq.com:443/openai/v1/chat/completions'],
  ['groq', undefined, '/chat/completions', 'https://api.groq.com:443/openai/v1/chat/completions'],
  ['groq', 'http://127.0.0.1:5', '/chat/completions', 'http://127.0.0.1:5/openai/v1/chat/completions'],
  ['groq', 'http://127.0.0.1:5/v1', '/openai/v1/chat/completions', 'http://127.0.0.1:5/v1/chat/completions'],
  ['ollama', undefined, '/api/chat', 'http://127.0.0.1:11434/api/chat'],
  ['ollama', undefined, '/v1/chat/completions', 'http://127.0.0.1:11434/v1/chat/completions'],
  ['ollama', 'http://127.0.0.1:9/v1', '/api/chat', 'http://127.0.0.1:9/api/chat'],
  ['ollama', 'http://[::1]:9', '/chat/completions', 'http://::1:9/v1/chat/completions'],
  [
    'azure',
    'https://corp.openai.azure.com',
    '/openai/deployments/d/chat/completions?api-version=1',
    'https://corp.openai.azure.com:443/openai/deployments/d/chat/completions?api-version=1',
  ],
  [
    'azure',
    'https://corp.openai.azure.com/openai/v1/',
    '/openai/v1/chat/completions',
    'https://corp.openai.azure.com:443/openai/v1/chat/completions',
  ],
  ['azure', 'https://corp.openai.azure.com', '/v1/responses', 'https://corp.openai.azure.com:443/openai/v1/responses'],
  [
    'azure',
    'https://corp.openai.azure.com',
    '/chat/completions',
    'https://corp.openai.azure.com:443/openai/v1/chat/completions',
  ],
  [
    'azure',
    'https://corp.openai.azure.com',
    '/deployments/d/embeddings',
    'https://corp.openai.azure.com:443/openai/deployments/d/embeddings',
  ],
  ['bedrock', 'http://127.0.0.1:7', '/model/a%3A0/converse', 'http://127.0.0.1:7/model/a%3A0/converse'],
  [
    'openai-compatible',
    'https://openrouter.ai/api/v1',
    '/chat/completions',
    'https://openrouter.ai:443/api/v1/chat/completions',
  ],
  [
    'openai-compatible',
    'https://openrouter.ai/api/v1',
    '/v1/chat/completions',
    'https://openrouter.ai:443/api/v1/chat/completions',
  ],
  [
    'openai-compatible',
    'https://openrouter.ai/api/v1',
    '/api/v1/chat/completions',
    'https://openrouter.ai:443/api/v1/chat/completions',
  ],
];

for (const [type, base, target, expected] of gateway) {
  test(`gateway: ${type} ${base ?? 'default'} ${target}`, () => {
    assert.equal(url(provider(type, base), 'gateway', '', target), expected);
  });
}

const further: readonly (readonly [ProviderType, string | undefined, string, string])[] = [
  ['xai', undefined, '/v1/responses', 'https://api.x.ai:443/v1/responses'],
  ['deepseek', undefined, '/anthropic/v1/messages', 'https://api.deepseek.com:443/anthropic/v1/messages'],
  ['deepseek', 'https://d.example/anthropic/v1/', '/v1/models', 'https://d.example:443/v1/models'],
  ['openrouter', undefined, '/v1/models', 'https://openrouter.ai:443/api/v1/models'],
  ['openrouter', undefined, '/chat/completions', 'https://openrouter.ai:443/api/v1/chat/completions'],
  ['fireworks', undefined, '/v1/messages', 'https://api.fireworks.ai:443/inference/v1/messages'],
  ['perplexity', undefined, '/chat/completions', 'https://api.perplexity.ai:443/chat/completions'],
  ['perplexity', 'https://p.example/v1', '/v1/responses', 'https://p.example:443/v1/responses'],
  ['lmstudio', undefined, '/v1/chat/completions', 'http://127.0.0.1:1234/v1/chat/completions'],
  ['vllm', 'http://127.0.0.1:9/x/v1', '/v1/messages', 'http://127.0.0.1:9/x/v1/messages'],
  [
    'databricks',
    'https://w.example/serving-endpoints',
    '/chat/completions',
    'https://w.example:443/serving-endpoints/chat/completions',
  ],
  ['anthropic-compatible', 'https://a.example/x/v1', '/messages', 'https://a.example:443/x/v1/messages'],
];

for (const [type, base, target, expected] of further) {
  test(`gateway: ${type} ${base ?? 'default'} ${target}`, () => {
    assert.equal(url(provider(type, base), 'gateway', '', target), expected);
  });
}

const intercepted: readonly (readonly [ProviderType, string | undefined, string, string, string])[] = [
  [
    'openai',
    'http://127.0.0.1:81/v1',
    'api.openai.com',
    '/v1/chat/completions?a',
    'http://127.0.0.1:81/v1/chat/completions?a',
  ],
  [
    'openai',
    'http://127.0.0.1:81/x',
    'api.openai.com',
    '/v1/chat/completions',
    'http://127.0.0.1:81/x/chat/completions',
  ],
  // Outside the base path: the same path of the provider's origin; `/v10` is not below `/v1`.
  ['openai', 'http://127.0.0.1:81/x', 'api.openai.com', '/dashboard', 'http://127.0.0.1:81/dashboard'],
  ['openai', 'http://127.0.0.1:81/x', 'api.openai.com', '/v10/y', 'http://127.0.0.1:81/v10/y'],
  ['openai', 'http://127.0.0.1:81/x', 'api.openai.com', '/v1', 'http://127.0.0.1:81/x'],
  ['openai', 'http://127.0.0.1:81/x', 'api.openai.com', '*', 'http://127.0.0.1:81*'],
  // Data residency: without a base_url the regional host stays.
  ['openai', undefined, 'eu.api.openai.com', '/v1/responses', 'https://eu.api.openai.com:443/v1/responses'],
  ['anthropic', 'http://127.0.0.1:82', 'api.anthropic.com', '/v1/messages', 'http://127.0.0.1:82/v1/messages'],
  ['anthropic', 'http://127.0.0.1:82', 'api.anthropic.com', '/messages', 'http://127.0.0.1:82/messages'],
  [
    'groq',
    'http://127.0.0.1:83/v1',
    'api.groq.com',
    '/openai/v1/chat/completions',
    'http://127.0.0.1:83/v1/chat/completions',
  ],
  ['azure', undefined, 'corp.openai.azure.com', '/openai/v1/x', 'https://corp.openai.azure.com:443/openai/v1/x'],
  [
    'bedrock',
    undefined,
    'bedrock-runtime.eu-west-1.amazonaws.com',
    '/model/m/converse',
    'https://bedrock-runtime.eu-west-1.amazonaws.com:443/model/m/converse',
  ],
  [
    'vertex',
    undefined,
    'us-east5-aiplatform.googleapis.com',
    '/v1/projects/p',
    'https://us-east5-aiplatform.googleapis.com:443/v1/projects/p',
  ],
  [
    'openai-compatible',
    'http://127.0.0.1:84/y',
    'openrouter.ai',
    '/api/v1/chat/completions',
    'http://127.0.0.1:84/y/chat/completions',
  ],
  [
    'openai-compatible',
    'https://openrouter.ai/api/v1',
    'openrouter.ai',
    '/api/v1/models',
    'https://openrouter.ai:443/api/v1/models',
  ],
  ['openai-compatible', 'https://openrouter.ai/api/v1', 'openrouter.ai', '/chat', 'https://openrouter.ai:443/chat'],
];

for (const [type, base, host, target, expected] of intercepted) {
  test(`intercept: ${type} ${base ?? 'default'} ${host}${target}`, () => {
    assert.equal(url(provider(type, base), 'intercept', host, target), expected);
  });
}

test('a route across types of one family keeps the operation', () => {
  const groq = provider('groq');
  assert.equal(
    url(groq, 'intercept', 'api.openai.com', '/v1/chat/completions?x=1'),
    'https://api.groq.com:443/openai/v1/chat/completions?x=1',
  );
  assert.equal(
    url(groq, 'gateway', '', '/chat/completions', 'openai'),
    'https://api.groq.com:443/openai/v1/chat/completions',
  );
  assert.equal(
    url(provider('mistral'), 'intercept', 'c.openai.azure.com', '/openai/deployments/d/chat/completions'),
    'https://api.mistral.ai:443/v1/chat/completions',
  );
  assert.equal(
    url(provider('openai'), 'gateway', '', '/openai/v1/chat/completions', 'groq'),
    'https://api.openai.com:443/v1/chat/completions',
  );
  assert.equal(
    url(provider('deepseek'), 'intercept', 'openrouter.ai', '/api/v1/models?a'),
    'https://api.deepseek.com:443/models?a',
  );
  for (const path of ['/v1/models', '/models']) {
    assert.equal(url(groq, 'intercept', 'api.deepseek.com', path), 'https://api.groq.com:443/openai/v1/models');
  }
  const azure = provider('azure', 'https://c.openai.azure.com');
  assert.equal(
    url(azure, 'intercept', 'api.openai.com', '/v1/responses'),
    'https://c.openai.azure.com:443/openai/v1/responses',
  );
});

test('a governed host without a configured provider goes to its own origin and port', () => {
  const known = originProvider('https', 'API.openai.com', 443);
  assert.equal(known.name, 'openai');
  assert.equal(url(known, 'intercept', 'api.openai.com', '/v1/x'), 'https://api.openai.com:443/v1/x');
  const unknown = originProvider('https', 'llm.example.com', 8443);
  assert.equal(unknown.name, 'llm.example.com');
  assert.equal(
    upstreamTarget(unknown, { entrance: 'intercept', host: 'llm.example.com', port: 8443, target: '/a?b' }).port,
    8443,
  );
});

test('a call in clear text keeps its scheme only while the credential is the caller’s', () => {
  const call = { entrance: 'intercept', scheme: 'http', host: 'api.openai.com', port: 80, target: '/v1/x' } as const;
  assert.equal(upstreamTarget(provider('openai'), call).scheme, 'http');
  const secure = upstreamTarget(provider('openai', undefined, ours), call);
  assert.deepEqual([secure.scheme, secure.port], ['https', 443]);
});

test('a place in a cloud is an address', () => {
  assert.equal(placedBase('bedrock', { region: 'us-east-1' })?.host, 'bedrock-runtime.us-east-1.amazonaws.com');
  assert.equal(placedBase('vertex', { location: 'us', project: 'p' })?.host, 'aiplatform.us.rep.googleapis.com');
  assert.equal(placedBase('vertex', { location: 'us' }), undefined);
  assert.equal(placedBase('bedrock', undefined), undefined);
  assert.equal(placedBase('openai', { region: 'us-east-1' }), undefined);
});
