// SPDX-License-Identifier: Apache-2.0
// Names find their row, unknown names find nothing, the policy's figures win, and costs add up. With the snapshot as shipped.

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { configSchema } from '../../contract/config.ts';
import { compileGlob } from '../policy/glob.ts';
import { createModelData } from './model-data.ts';
import { parseModelName } from './names.ts';

const data = createModelData({ overrides: [], compileGlob });
const USAGE = {
  input: undefined,
  output: undefined,
  cacheRead: undefined,
  cacheWrite: undefined,
  reasoning: undefined,
};

test('a model is found by the name that its host gives it', () => {
  const facts = data.factsOf('openai', 'gpt-4o');
  assert.equal(facts.contextTokens, 128_000);
  assert.equal(facts.outputTokens, 16_384);
  assert.equal(facts.images, true);
  assert.equal(facts.tools, true);
  assert.equal(facts.reasoning, false);
  assert.equal(data.factsOf('openai', 'gpt-5').temperature, false);
});

const SAME: readonly (readonly [type: string, asked: string, like: string])[] = [
  ['openai', 'gpt-4o-mini-2024-07-18', 'gpt-4o-mini'],
  ['openai', 'GPT-4o-Mini', 'gpt-4o-mini'],
  ['openai', 'gpt-4-0613', 'gpt-4'],
  ['openai', 'gpt-4-turbo-2024-04-09', 'gpt-4-turbo'],
  ['anthropic', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4-5'],
  ['anthropic', 'claude-sonnet-4-6-20990101', 'claude-sonnet-4-6'],
  ['bedrock', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'anthropic.claude-sonnet-4-5-20250929-v1:0'],
  ['bedrock', 'apac.anthropic.claude-sonnet-4-5-20250929-v1:0', 'anthropic.claude-sonnet-4-5-20250929-v1:0'],
  ['bedrock', 'us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0', 'anthropic.claude-sonnet-4-5-20250929-v1:0'],
  [
    'bedrock',
    'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0',
    'amazon.nova-pro-v1:0',
  ],
  ['vertex', 'claude-opus-4-5', 'claude-opus-4-5@20251101'],
  ['vertex', 'claude-opus-4-6@20990101', 'claude-opus-4-6@default'],
  ['vertex', 'projects/p/locations/l/publishers/google/models/gemini-2.5-pro', 'gemini-2.5-pro'],
  ['gemini', 'models/gemini-2.5-pro', 'gemini-2.5-pro'],
  ['groq', 'openai/gpt-oss-120b', 'openai/gpt-oss-120b'],
  ['mistral', 'mistral-large', 'mistral-large-latest'],
  ['azure', 'openai/gpt-4o', 'gpt-4o'],
];

for (const [type, asked, like] of SAME) {
  test(`${type}: ${asked} is ${like}`, () => {
    assert.notEqual(data.factsOf(type, like).contextTokens, undefined);
    assert.deepEqual(data.factsOf(type, asked), data.factsOf(type, like));
    assert.deepEqual(data.priceOf(type, asked), data.priceOf(type, like));
  });
}

test('an edition with a row of its own is not taken for the newest', () => {
  assert.equal(data.priceOf('openai', 'gpt-4o-2024-05-13')?.input, 5);
  assert.equal(data.priceOf('openai', 'gpt-4o-2024-08-06')?.input, 2.5);
});

test('another model is never taken for one with a shorter name', () => {
  for (const name of [
    'gpt-4o-nano',
    'gpt-4x',
    'gpt-99',
    'gpt-5.99',
    'claude-sonnet-4-99',
    'gpt',
    'o',
    '-',
    '',
    ':0',
    '/',
  ]) {
    const facts = data.factsOf('openai', name);
    assert.deepEqual(new Set(Object.values(facts)), new Set([undefined]), name);
    assert.equal(data.priceOf('openai', name), undefined);
    assert.equal(data.isReasoning('openai', name), false);
  }
});

test('a preview is not the model of the same name: no price, and no limit or lack that would make a target be skipped', () => {
  const relatives = [
    ['openai', 'o1-preview', 'o1'],
    ['openai', 'gpt-4-preview', 'gpt-4'],
    ['gemini', 'gemini-2.5-flash-preview-09-2099', 'gemini-2.5-flash'],
    ['gemini', 'gemini-3-pro', 'gemini-3-pro-preview'],
  ] as const;
  for (const [type, asked, like] of relatives) {
    const known = data.factsOf(type, like);
    const facts = data.factsOf(type, asked);
    assert.notEqual(known.contextTokens, undefined, like);
    assert.equal(facts.reasoning, known.reasoning, asked);
    assert.equal(facts.contextTokens, undefined, asked);
    assert.equal(facts.outputTokens, undefined, asked);
    for (const fact of ['images', 'documents', 'tools', 'jsonSchema'] as const) {
      assert.equal(facts[fact], known[fact] === true ? true : undefined, `${asked} ${fact}`);
    }
    assert.equal(data.priceOf(type, asked), undefined, asked);
  }
});

test('of an ending in two words only one goes', () => {
  for (const name of ['gpt-4-1106-preview', 'gpt-4-0125-preview', 'gpt-4-1106-vision-preview']) {
    assert.deepEqual(new Set(Object.values(data.factsOf('openai', name))), new Set([undefined]), name);
    assert.equal(data.priceOf('openai', name), undefined, name);
  }
  assert.equal(parseModelName('nemotron-nano-9b-v2')?.same, 'nemotron-nano-9b-v2', 'another version is another model');
});

test('types without a list, hostile names and names of built-in members find nothing', () => {
  for (const type of ['openai-compatible', 'ollama', 'constructor', '__proto__', 'toString'])
    assert.equal(data.factsOf(type, 'gpt-4o').contextTokens, undefined);
  for (const name of ['__proto__', 'constructor', 'x'.repeat(100_000), `${'models/'.repeat(30)}x`, '\u0000'])
    assert.equal(data.factsOf('openai', name).contextTokens, undefined);
});

test('another way to buy a model has its facts but not its price', () => {
  assert.equal(parseModelName('a/b:nitro')?.variant, true);
  const nitro = data.factsOf('openrouter', 'openai/gpt-5:nitro');
  assert.equal(nitro.tools, true);
  assert.equal(nitro.reasoning, true);
  assert.equal(data.priceOf('openrouter', 'openai/gpt-5:nitro'), undefined);
  assert.notEqual(data.priceOf('openrouter', 'openai/gpt-5'), undefined);
  assert.equal(data.factsOf('openai', 'ft:gpt-4o-mini-2024-07-18:org:name:id').images, true);
  assert.equal(data.priceOf('openai', 'ft:gpt-4o-mini-2024-07-18:org:name:id'), undefined);
});

test('cached tokens are part of the input and have their own price', () => {
  const usage = { ...USAGE, input: 1_000_000, output: 100_000, cacheRead: 400_000, cacheWrite: 100_000 };
  // claude-sonnet-4-5: 3, 15, 0.3, 3.75 dollars per million.
  const cost = data.costOf('anthropic', 'claude-sonnet-4-5', usage) ?? Number.NaN;
  assert.ok(Math.abs(cost - (0.5 * 3 + 0.4 * 0.3 + 0.1 * 3.75 + 0.1 * 15)) < 1e-9);
  assert.equal(data.costOf('anthropic', 'claude-sonnet-4-5', { ...USAGE, output: 1_000_000 }), 15);
});

test('a cost is unknown where price or tokens are', () => {
  assert.equal(data.costOf('anthropic', 'claude-sonnet-4-5', USAGE), undefined);
  assert.equal(data.costOf('openai', 'nobody-knows', { ...USAGE, input: 1 }), undefined);
});

test('reasoning models are known as such', () => {
  assert.equal(data.isReasoning('openai', 'gpt-5'), true);
  assert.equal(data.isReasoning('openai', 'o3-2025-04-16'), true);
  assert.equal(data.isReasoning('openai', 'gpt-4o'), false);
});

test("the policy's figures go before the snapshot's, the first entry before later ones, thing by thing", () => {
  const { models_data: overrides = [] } = configSchema.parse({
    models_data: [
      { provider_type: 'openai', model: 'gpt-4o*', context: 1_000, price: { input: 1, output: 2 } },
      { model: 'gpt-4o', context: 5, images: false, tools: false },
      {
        model: 'our-*',
        context: 7,
        json_schema: false,
        documents: true,
        reasoning: true,
        price: { input: 0, output: 0 },
      },
    ],
  });
  const own = createModelData({ overrides, compileGlob });
  const facts = own.factsOf('openai', 'gpt-4o');
  assert.equal(facts.contextTokens, 1_000);
  assert.equal(facts.images, false);
  assert.equal(facts.outputTokens, 16_384);
  assert.equal(own.factsOf('openai', 'gpt-4o-mini').images, true);
  assert.equal(own.factsOf('azure', 'gpt-4o').contextTokens, 5);
  assert.deepEqual(own.priceOf('openai', 'gpt-4o'), {
    input: 1,
    output: 2,
    cacheRead: undefined,
    cacheWrite: undefined,
  });
  assert.equal(own.factsOf('vllm', 'our-model').jsonSchema, false);
  assert.equal(own.isReasoning('vllm', 'our-model'), true);
  assert.equal(own.costOf('vllm', 'our-model', { ...USAGE, input: 5 }), 0);
});

test('the snapshot is small, says where it comes from, and has every row in form', () => {
  const file = new URL('./data.json', import.meta.url);
  assert.ok(statSync(file).size <= 150_000);
  const { source, providers } = JSON.parse(readFileSync(file, 'utf8'));
  assert.match(source.commit, /^[0-9a-f]{40}$/);
  assert.match(source.date, /^\d{4}-\d\d-\d\d$/);
  for (const [type, rows] of Object.entries<Record<string, unknown[]>>(providers)) {
    assert.ok(Object.keys(rows).length > 0, type);
    for (const [name, row] of Object.entries(rows)) {
      const [context, output, letters, ...prices] = row;
      for (const limit of [context, output])
        assert.ok(limit == null || (Number(limit) > 0 && Number.isInteger(limit)), name);
      assert.match(String(letters ?? ''), /^[Ii]?[Pp]?[Aa]?[Tt]?[Rr]?[Kk]?[Ss]?$/, name);
      assert.ok(prices.length <= 4 && prices.every((price) => price === null || Number(price) >= 0), name);
    }
  }
});
