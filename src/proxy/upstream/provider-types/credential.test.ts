// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Credential, Provider } from '../../policy/policy.ts';
import { applyCredential, baseOf, PROVIDER_TYPES, type ProviderType } from '../provider-types.ts';

const ours: Credential = {
  kind: 'keys',
  keys: [{ name: 'key-1', weight: 1, secret: { kind: 'text', value: 'ours' } }],
};

function provider(type: ProviderType, baseUrl?: string, credential: Credential = { kind: 'client' }): Provider {
  const { defaultBaseUrl = 'https://none.example', hosts } = PROVIDER_TYPES[type];
  return { name: type, type, base: baseOf(type, baseUrl ?? defaultBaseUrl), credential, hosts };
}

const client = [
  'Host',
  'x',
  'x-api-key',
  'caller',
  'Authorization',
  'Bearer caller',
  'X-Goog-Api-Key',
  'caller',
  'api-key',
  'caller',
  'X-Amz-Date',
  'caller',
  'Cookie',
  'caller',
  'OpenAI-Organization',
  'caller',
  'X-Other',
  '1',
];

test('the caller’s own credential passes untouched', () => {
  const out = applyCredential(provider('openai'), client, '/v1/x?key=caller');
  assert.equal(out.headers, client);
  assert.equal(out.target, '/v1/x?key=caller');
});

test('a key replaces every credential of the caller, in the vendor’s form', () => {
  const expected: Readonly<Record<string, readonly string[]>> = {
    openai: ['Authorization', 'Bearer ours'],
    anthropic: ['x-api-key', 'ours'],
    gemini: ['X-Goog-Api-Key', 'ours'],
    azure: ['api-key', 'ours'],
    bedrock: ['Authorization', 'Bearer ours'],
  };
  for (const [type, header] of Object.entries(expected)) {
    const out = applyCredential(provider(type as ProviderType, 'https://h.example', ours), client, '/p');
    assert.deepEqual(out.headers, ['Host', 'x', ...header, 'X-Other', '1']);
  }
  const none = applyCredential(provider('openai', undefined, ours), ['a', '1'], '/p');
  assert.deepEqual(none.headers, ['a', '1', 'authorization', 'Bearer ours']);
});

test('without a credential the caller’s is taken away, and nothing stands in its place', () => {
  const out = applyCredential(provider('vllm', undefined, { kind: 'none' }), client, '/v1/x?key=caller&a=1');
  assert.deepEqual(out.headers, ['Host', 'x', 'X-Other', '1']);
  assert.equal(out.target, '/v1/x?a=1');
});

test('the key and the token of the attempt are used; AWS keys cannot be sent as a header', () => {
  const google = {
    name: 'g',
    weight: 1,
    secret: { kind: 'google', clientEmail: 'a', privateKey: 'pem', tokenUri: 'https://t.example' },
  } as const;
  const vertex = provider('vertex', 'https://v.example', { kind: 'keys', keys: [google] });
  assert.deepEqual(applyCredential(vertex, client, '/', google, 'ya29').headers.slice(0, 4), [
    'Host',
    'x',
    'Authorization',
    'Bearer ya29',
  ]);
  assert.deepEqual(applyCredential(vertex, client, '/').headers, ['Host', 'x', 'X-Other', '1']);
  const aws = {
    name: 'a',
    weight: 1,
    secret: { kind: 'aws', accessKeyId: 'id', secretAccessKey: 'sk', sessionToken: undefined },
  } as const;
  const bedrock = provider('bedrock', 'https://b.example', { kind: 'keys', keys: [aws] });
  assert.deepEqual(applyCredential(bedrock, client, '/').headers, ['Host', 'x', 'X-Other', '1']);
  const other = { name: 'b', weight: 1, secret: { kind: 'text', value: 'second' } } as const;
  assert.deepEqual(applyCredential(provider('openai', undefined, ours), [], '/', other).headers, [
    'authorization',
    'Bearer second',
  ]);
});

test('a key of ours removes the key from the query and keeps the rest byte for byte', () => {
  const p = provider('gemini', undefined, ours);
  const cases: readonly (readonly [string, string])[] = [
    ['/m?key=caller', '/m'],
    ['/m?alt=sse&key=caller&x=%7e+', '/m?alt=sse&x=%7e+'],
    ['/m?k%65y=caller&alt=sse', '/m?alt=sse'],
    ['/m?monkey=1&%zz=2', '/m?monkey=1&%zz=2'],
    ['/m?', '/m?'],
    ['/m', '/m'],
  ];
  for (const [target, expected] of cases) assert.equal(applyCredential(p, [], target).target, expected);
});

test('a key of ours removes a key that came as a WebSocket sub-protocol', () => {
  const p = provider('openai', undefined, ours);
  const out = applyCredential(
    p,
    ['Sec-WebSocket-Protocol', 'realtime, openai-insecure-api-key.sk-caller'],
    '/v1/realtime',
  );
  assert.deepEqual(out.headers, ['Sec-WebSocket-Protocol', 'realtime', 'authorization', 'Bearer ours']);
});
