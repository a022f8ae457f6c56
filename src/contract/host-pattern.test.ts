// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostMatches, hostPatternError, normaliseHost } from './host-pattern.ts';

const cases: readonly (readonly [pattern: string, host: string, matches: boolean])[] = [
  ['api.openai.com', 'api.openai.com', true],
  ['api.openai.com', 'eu.api.openai.com', false],
  ['api.openai.com', 'api.openai.com.evil.example', false],
  ['*.openai.azure.com', 'corp.openai.azure.com', true],
  ['*.openai.azure.com', 'a.b.openai.azure.com', true],
  ['*.openai.azure.com', 'openai.azure.com', false],
  ['*.openai.azure.com', 'evilopenai.azure.com', false],
  ['*.openai.azure.com', '.openai.azure.com', false],
  ['bedrock-runtime.*.amazonaws.com', 'bedrock-runtime.eu-central-1.amazonaws.com', true],
  ['bedrock-runtime.*.amazonaws.com', 'bedrock-runtime.a.b.amazonaws.com', false],
  ['bedrock-runtime.*.amazonaws.com', 'bedrock-runtime..amazonaws.com', false],
  ['*-aiplatform.googleapis.com', 'europe-west4-aiplatform.googleapis.com', true],
  ['*-aiplatform.googleapis.com', '-aiplatform.googleapis.com', false],
  ['*-aiplatform.googleapis.com', 'x.y-aiplatform.googleapis.com', false],
  ['*.api-*.example.com', 'x.y.api-1.example.com', true],
  ['*.api-*.example.com', 'x.api-.example.com', false],
  ['::1', '::1', true],
];

for (const [pattern, host, matches] of cases) {
  test(`${pattern} ${matches ? 'matches' : 'does not match'} ${host}`, () => {
    assert.equal(hostPatternError(pattern), undefined);
    assert.equal(hostMatches(pattern, host), matches);
  });
}

test('patterns that are no host name, or that name no one in particular, are refused', () => {
  const bad = [
    '',
    '*',
    '*.com',
    'a.*',
    'a.*.com',
    'a..b',
    '.a.com',
    'a.com.',
    'https://a.com',
    'a.com:443',
    'a.com/x',
    'A.com',
    'a**.x.com',
    'a b.com',
  ];
  for (const pattern of [...bad, `${'a'.repeat(64)}.com`, '-a.com', 'ä.com', '[::1]']) {
    assert.notEqual(hostPatternError(pattern), undefined, pattern);
  }
});

test('host names are compared in lower case, without final dot and brackets', () => {
  assert.equal(normaliseHost('API.OpenAI.com.'), 'api.openai.com');
  assert.equal(normaliseHost('[::1]'), '::1');
});

test('matching takes linear time on hostile names', () => {
  const started = performance.now();
  for (let i = 0; i < 1000; i++) {
    hostMatches('*.a.b.c.d.e.f.example.com', 'a.'.repeat(126));
    hostMatches('*.example.com', 'a.'.repeat(100_000));
  }
  assert.ok(performance.now() - started < 2000);
});
