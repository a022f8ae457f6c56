// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FACTS } from '../../../../../test/fakes/hub-request.ts';
import type { Recognised } from '../../dialect.ts';
import type { EncodedRequest, ModelFacts, Quirks } from '../../hub/codec.ts';
import type { HubRequest, Part } from '../../hub/hub.ts';
import { isEssential } from '../../hub/loss.ts';
import { ollamaCodec } from './codec.ts';

const OLLAMA: Recognised = { dialect: 'ollama', operation: 'generate', pathModel: undefined, pathStream: undefined };
const PLAIN = { model: 'qwen3', messages: [{ role: 'user', content: 'hello' }] };
const PNG = 'iVBORw0KGgoAAAA';

function decode(body: object): HubRequest {
  const { request } = ollamaCodec.decodeRequest(OLLAMA, { ...PLAIN, ...body });
  assert.ok(request !== undefined);
  return request;
}

function encode(request: Partial<HubRequest>, facts: Partial<ModelFacts> = {}, quirks: Quirks = {}): EncodedRequest {
  return ollamaCodec.encodeRequest(
    { ...decode({}), ...request },
    { model: 'target-1', facts: { ...NO_FACTS, ...facts }, quirks, defaultMaxTokens: 1, mayUseOpaque: false },
  );
}

function codes({ losses }: EncodedRequest): readonly string[] {
  return losses.map(({ code }) => code);
}

const WHOLE = {
  model: 'target-1',
  messages: [
    { role: 'system', content: 'be short' },
    { role: 'user', content: 'look', images: [PNG] },
    {
      role: 'assistant',
      content: 'I call',
      thinking: 'hm',
      tool_calls: [
        { id: 'c1', type: 'function', function: { name: 'f', arguments: { b: 1, a: [2] } } },
        { id: 'c2', type: 'function', function: { name: 'g', arguments: {} } },
      ],
    },
    { role: 'tool', content: 'one', tool_name: 'f', tool_call_id: 'c1' },
    { role: 'tool', content: 'two', images: [PNG], tool_name: 'g', tool_call_id: 'c2' },
  ],
  tools: [{ type: 'function', function: { name: 'f', description: 'does', parameters: { type: 'object' } } }],
  format: { type: 'object', properties: { z: {}, a: {} } },
  think: 'high',
  options: {
    num_predict: 9,
    temperature: 0,
    top_p: 0.5,
    top_k: 4,
    seed: 1,
    stop: ['END'],
    presence_penalty: 0.1,
    frequency_penalty: 0.2,
  },
  stream: true,
};

test('a whole request comes through the hub byte for byte, without a loss', () => {
  const decoded = ollamaCodec.decodeRequest(OLLAMA, WHOLE);
  assert.deepEqual(decoded.losses, []);
  assert.ok(decoded.request !== undefined);
  assert.deepEqual(decoded.request.messages[1]?.parts, [
    { kind: 'text', text: 'look' },
    { kind: 'image', source: { kind: 'base64', mediaType: 'image/png', data: PNG } },
  ]);
  assert.deepEqual(decoded.request.messages[2]?.parts.slice(2), [
    { kind: 'tool-call', id: 'c1', name: 'f', args: '{"b":1,"a":[2]}' },
    { kind: 'tool-call', id: 'c2', name: 'g', args: '{}' },
  ]);
  const encoded = encode(decoded.request);
  assert.deepEqual(encoded.losses, []);
  assert.equal(JSON.stringify(encoded.body), JSON.stringify(WHOLE));
  assert.equal(encoded.body['format'], WHOLE.format, 'schemas go on by reference');
});

test('defaults: it streams, and -1 tokens is no limit', () => {
  assert.equal(decode({}).stream, true);
  assert.equal(decode({ stream: false }).stream, false);
  assert.equal(decode({ options: { num_predict: -1 } }).maxOutputTokens, undefined);
  assert.equal(encode({ stream: false }).body['stream'], false);
});

test('format and think in all their forms', () => {
  assert.deepEqual(decode({ format: 'json' }).output, { kind: 'json-object' });
  assert.equal(encode({ output: { kind: 'json-object' } }).body['format'], 'json');
  for (const think of [true, false, 'low', 'medium', 'high']) {
    assert.equal(encode({ reasoning: decode({ think }).reasoning }).body['think'], think);
  }
  const budget = encode({ reasoning: { effort: undefined, budgetTokens: 100, visible: undefined } });
  assert.equal(budget.body['think'], 'low');
  assert.deepEqual(codes(budget), ['reasoning-effort']);
});

test('results find their calls by id, by name, by order', () => {
  const call = (name: string) => ({ function: { name, arguments: {} } });
  const { messages } = decode({
    messages: [
      { role: 'assistant', tool_calls: [call('f'), call('g'), call('f'), { id: 'x', ...call('h') }] },
      { role: 'tool', tool_call_id: 'x', content: '' },
      { role: 'tool', tool_name: 'g', content: '' },
      { role: 'tool', name: 'f', content: '' },
      { role: 'tool', content: '' },
    ],
  });
  const results = messages.flatMap(({ parts }) => parts.flatMap((part) => (part.kind === 'tool-result' ? [part] : [])));
  assert.deepEqual(
    results.map(({ id, name }) => `${id} ${name}`),
    ['x h', 'call_0_1 g', 'call_0_0 f', 'call_0_2 f'],
  );
});

test('each loss of a request that comes from Ollama', () => {
  const cases: readonly (readonly [object, string, boolean])[] = [
    [{ logprobs: true }, 'logprobs /logprobs', true],
    [{ keep_alive: '5m' }, 'service-tier /keep_alive', false],
    [{ truncate: true }, 'truncation /truncate', false],
    [{ unheard_of: 1 }, 'unknown-field ', false],
    [{ options: { num_ctx: 8192 } }, 'truncation /options/num_ctx', false],
    [{ options: { repeat_penalty: 1.1 } }, 'penalties /options/repeat_penalty', false],
    [{ options: { min_p: 0.1 } }, 'top-p /options/min_p', false],
    [{ options: { temperature: 'hot' } }, 'not-understood /options/temperature', true],
    [{ format: 'yaml' }, 'no-json-schema /format', true],
    [{ think: 'galactic' }, 'reasoning-effort /think', false],
    [{ messages: [{ role: 'user', content: '', images: ['AAAA'] }] }, 'media-type /messages/0/images', true],
    [{ messages: [{ role: 'tool', content: 'x', tool_name: 'f' }] }, 'tool-pairing /messages/0', true],
    [{ messages: [{ role: 'oracle' }] }, 'unknown-part /messages/0', true],
    [{ messages: [{ role: 'assistant', tool_calls: [{}] }] }, 'not-understood /messages/0/tool_calls/0', true],
    [{ messages: [{ role: 'user', content: [1] }] }, 'not-understood /messages/0/content', true],
  ];
  for (const [body, expected, essential] of cases) {
    const { losses } = ollamaCodec.decodeRequest(OLLAMA, { ...PLAIN, ...body });
    assert.deepEqual(
      losses.map(({ code, at }) => `${code} ${at}`),
      [expected],
    );
    assert.equal(losses.some(isEssential), essential, expected);
  }
});

test('/api/generate and what is no request are not understood, and nothing throws', () => {
  for (const body of [
    null,
    1,
    'x',
    [],
    {},
    { model: 'm', prompt: 'hello' },
    { messages: [] },
    { model: 1, messages: [] },
  ]) {
    const { request, losses } = ollamaCodec.decodeRequest(OLLAMA, body);
    assert.equal(request, undefined);
    assert.deepEqual(losses, [{ code: 'not-understood', at: '' }]);
  }
});

test('each loss of a request that goes to Ollama', () => {
  const user = (part: Part): Partial<HubRequest> => ({ messages: [{ role: 'user', parts: [part] }] });
  const said = (...parts: readonly Part[]): Partial<HubRequest> => ({
    messages: [
      { role: 'assistant', parts },
      { role: 'user', parts: [{ kind: 'text', text: 'go' }] },
    ],
  });
  const tool = { name: 'f', description: undefined, parameters: undefined, strict: undefined };
  const schema = { kind: 'json-schema', name: 'o', schema: { type: 'object' }, strict: true } as const;
  const opaque = { dialect: 'anthropic-messages', form: 'signature', data: 'x' } as const;
  const cases: readonly (readonly [Partial<HubRequest>, Partial<ModelFacts>, readonly string[]])[] = [
    [{ cacheKey: 'k', user: 'u', verbosity: 'low' }, {}, ['cache-key', 'user', 'verbosity']],
    [{ tools: [tool], toolChoice: { kind: 'required' } }, {}, ['tool-choice']],
    [{ tools: [tool], parallelTools: false }, {}, ['parallel-tools']],
    [{ tools: [{ ...tool, strict: true, cache: { ttl: undefined } }] }, {}, ['tool-strict', 'cache-control']],
    [{ tools: [tool] }, { tools: false }, ['no-tools']],
    [{ output: schema }, { jsonSchema: false }, ['no-json-schema']],
    [{ maxOutputTokens: 9 }, { outputTokens: 5 }, ['max-tokens-lowered']],
    [
      { reasoning: { effort: 'high', budgetTokens: undefined, visible: undefined } },
      { reasoning: false },
      ['reasoning-unsupported'],
    ],
    [user({ kind: 'image', source: { kind: 'url', url: 'https://e.com/i', mediaType: undefined } }), {}, ['image-url']],
    [
      user({ kind: 'image', source: { kind: 'base64', mediaType: 'image/png', data: PNG }, detail: 'low' }),
      { images: false },
      ['image-detail', 'no-images'],
    ],
    [
      user({ kind: 'document', source: { kind: 'url', url: 'https://e.com/d', mediaType: undefined } }),
      {},
      ['document-url'],
    ],
    [
      user({ kind: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'AA' } }),
      {},
      ['no-documents'],
    ],
    [user({ kind: 'document', name: 'n', source: { kind: 'text', text: 't' } }), {}, ['document-name']],
    [
      user({ kind: 'tool-result', id: 'x', name: 'f', parts: [], isError: true }),
      {},
      ['tool-pairing', 'tool-error-flag'],
    ],
    [said({ kind: 'refusal', text: 'no' }), {}, ['refusal-as-text']],
    [said({ kind: 'reasoning', text: 'hm', opaque }), {}, ['reasoning-dropped']],
    [said({ kind: 'tool-call', id: 'c', name: 'f', args: '{"half' }), {}, ['not-understood']],
    [said({ kind: 'tool-call', id: 'c', name: 'f', args: '[1]' }), {}, ['not-understood']],
    [{ messages: [{ role: 'assistant', parts: [{ kind: 'text', text: 'I' }] }] }, {}, ['prefill']],
    [{ messages: [{ role: 'user', name: 'ada', parts: [] }] }, {}, ['participant-name']],
  ];
  for (const [request, facts, expected] of cases) assert.deepEqual(codes(encode(request, facts)), expected);
});

test('no tools are shown where none may be called', () => {
  const tools = [{ name: 'f', description: undefined, parameters: undefined, strict: undefined }];
  const encoded = encode({ tools, toolChoice: { kind: 'none' } });
  assert.equal('tools' in encoded.body, false);
  assert.deepEqual(encoded.losses, []);
});
