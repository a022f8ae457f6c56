// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Recognised } from '../../dialect.ts';
import type { DecodedRequest } from '../../hub/codec.ts';
import type { HubRequest } from '../../hub/hub.ts';
import { isEssential } from '../../hub/loss.ts';
import { decodeChatRequest } from './decode-request.ts';

const CHAT: Recognised = {
  dialect: 'openai-chat',
  operation: 'generate',
  pathModel: undefined,
  pathStream: undefined,
};
const PLAIN = { model: 'gpt-4o', messages: [{ role: 'user', content: 'hello' }] };

function decode(body: unknown): DecodedRequest {
  return decodeChatRequest(CHAT, body);
}

function read(body: object): HubRequest {
  const { request } = decode({ ...PLAIN, ...body });
  assert.ok(request !== undefined);
  return request;
}

function losses(body: object): readonly string[] {
  return decode({ ...PLAIN, ...body }).losses.map(({ code, at }) => `${code} ${at}`);
}

test('a whole request comes through in order and without a loss', () => {
  const parameters = { type: 'object', properties: { z: { type: 'string' }, a: { type: 'integer' } } };
  const schema = { type: 'object', properties: {} };
  const { request, losses } = decode({
    model: 'gpt-4o',
    messages: [
      { role: 'developer', content: 'be short' },
      {
        role: 'user',
        name: 'ada',
        content: [
          { type: 'text', text: 'look', cache_control: { type: 'ephemeral', ttl: '1h' } },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBBB' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        refusal: null,
        reasoning_content: 'hmm',
        tool_calls: [
          { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"b":1, "a":2}' } },
          { id: 'c2', type: 'function', function: { name: 'g', arguments: '' } },
        ],
      },
      { role: 'tool', tool_call_id: 'c2', content: [{ type: 'text', text: 'two' }] },
      { role: 'tool', tool_call_id: 'c1', content: 'one' },
      { role: 'system', content: 'now in German' },
    ],
    stream: true,
    stream_options: { include_usage: true },
    tools: [{ type: 'function', function: { name: 'f', description: 'does f', parameters, strict: true } }],
    tool_choice: { type: 'function', function: { name: 'f' } },
    parallel_tool_calls: false,
    response_format: { type: 'json_schema', json_schema: { name: 'out', schema, strict: true } },
    reasoning_effort: 'high',
    max_completion_tokens: 99,
    temperature: 0,
    top_p: 0.5,
    stop: 'END',
    seed: 7,
    presence_penalty: 0.1,
    frequency_penalty: 0.2,
    prompt_cache_key: 'k',
    user: 'u',
    verbosity: 'low',
    n: 1,
    logprobs: false,
    modalities: ['text'],
    logit_bias: {},
    metadata: null,
  });
  assert.deepEqual(losses, []);
  assert.deepEqual(request, {
    model: 'gpt-4o',
    stream: true,
    streamUsage: true,
    messages: [
      { role: 'system', parts: [{ kind: 'text', text: 'be short' }] },
      {
        role: 'user',
        name: 'ada',
        parts: [
          { kind: 'text', text: 'look', cache: { ttl: '1h' } },
          { kind: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' }, detail: 'low' },
          { kind: 'image', source: { kind: 'url', url: 'https://example.com/a.png', mediaType: undefined } },
          {
            kind: 'document',
            source: { kind: 'base64', mediaType: 'application/pdf', data: 'BBBB' },
            name: 'a.pdf',
          },
        ],
      },
      {
        role: 'assistant',
        parts: [
          { kind: 'reasoning', text: 'hmm' },
          { kind: 'tool-call', id: 'c1', name: 'f', args: '{"b":1, "a":2}' },
          { kind: 'tool-call', id: 'c2', name: 'g', args: '' },
        ],
      },
      {
        role: 'user',
        parts: [{ kind: 'tool-result', id: 'c2', name: 'g', parts: [{ kind: 'text', text: 'two' }], isError: false }],
      },
      {
        role: 'user',
        parts: [{ kind: 'tool-result', id: 'c1', name: 'f', parts: [{ kind: 'text', text: 'one' }], isError: false }],
      },
      { role: 'system', parts: [{ kind: 'text', text: 'now in German' }] },
    ],
    tools: [{ name: 'f', description: 'does f', parameters, strict: true }],
    toolChoice: { kind: 'tool', name: 'f' },
    parallelTools: false,
    output: { kind: 'json-schema', name: 'out', schema, strict: true },
    reasoning: { effort: 'high', budgetTokens: undefined, visible: undefined },
    maxOutputTokens: 99,
    temperature: 0,
    topP: 0.5,
    topK: undefined,
    stop: ['END'],
    seed: 7,
    presencePenalty: 0.1,
    frequencyPenalty: 0.2,
    cacheKey: 'k',
    user: 'u',
    verbosity: 'low',
  });
  assert.equal(request?.tools[0]?.parameters, parameters, 'schemas go on by reference');
});

test('features that only the addressed provider has are essential losses', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ n: 2 }, 'several-choices /n'],
    [{ logprobs: true }, 'logprobs /logprobs'],
    [{ top_logprobs: 3 }, 'logprobs /top_logprobs'],
    [{ modalities: ['text', 'audio'] }, 'output-modality /modalities'],
    [{ audio: { voice: 'alloy' } }, 'audio /audio'],
    [{ prediction: { type: 'content', content: 'x' } }, 'predicted-output /prediction'],
    [{ web_search_options: { search_context_size: 'low' } }, 'server-tool /web_search_options'],
    [{ tools: [{ type: 'web_search' }] }, 'server-tool /tools/0'],
    [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'custom-tool /tools/0'],
    [{ tool_choice: { type: 'allowed_tools', allowed_tools: {} } }, 'tool-choice /tool_choice'],
    [{ functions: [{ name: 'f' }] }, 'not-understood /functions'],
    [{ response_format: { type: 'grammar', grammar: 'x' } }, 'no-json-schema /response_format'],
    [{ messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }, 'audio /messages/0/content/0'],
    [{ messages: [{ role: 'user', content: [{ type: 'video_url' }] }] }, 'video /messages/0/content/0'],
    [
      { messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] }] },
      'file-reference /messages/0/content/0',
    ],
    [{ messages: [{ role: 'user', content: [{ type: 'hologram' }] }] }, 'unknown-part /messages/0/content/0'],
    [{ messages: [{ role: 'oracle', content: 'x' }] }, 'unknown-part /messages/0'],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'tool-pairing /messages/0'],
    [{ messages: [{ role: 'assistant', content: 'x', prefix: true }] }, 'prefill /messages/0/prefix'],
    [{ messages: [{ role: 'assistant', audio: { id: 'a' } }] }, 'audio /messages/0/audio'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'gs://b/i' } }] }] },
      'media-type /messages/0/content/0',
    ],
    [{ max_tokens: '5' }, 'not-understood /max_tokens'],
    [{ tools: 'f' }, 'not-understood /tools'],
  ];
  for (const [body, expected] of cases) {
    const found = decode({ ...PLAIN, ...body }).losses;
    assert.deepEqual(
      found.map(({ code, at }) => `${code} ${at}`),
      [expected],
    );
    assert.ok(found.every(isEssential), expected);
  }
});

test('what can be left out is an advisory loss, named without any text of the caller', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ store: true }, 'store /store'],
    [{ metadata: { a: 'b' } }, 'metadata /metadata'],
    [{ service_tier: 'flex' }, 'service-tier /service_tier'],
    [{ logit_bias: { 50256: -100 } }, 'logit-bias /logit_bias'],
    [{ my_secret_member: 1 }, 'unknown-field '],
    [{ reasoning_effort: 'galactic' }, 'reasoning-effort /reasoning_effort'],
    [{ verbosity: 'chatty' }, 'verbosity /verbosity'],
    [{ prompt_cache_retention: '24h' }, 'cache-control /prompt_cache_retention'],
    [{ stream_options: { include_obfuscation: true } }, 'stream-options /include_obfuscation'],
    [{ user: 'a', safety_identifier: 'b' }, 'user /safety_identifier'],
    [{ messages: [{ role: 'assistant', content: 'x', annotations: [1] }] }, 'citations /messages/0/annotations'],
    [
      { messages: [{ role: 'assistant', content: 'x', reasoning_details: [{}] }] },
      'reasoning-dropped /messages/0/reasoning_details',
    ],
  ];
  for (const [body, expected] of cases) {
    const found = decode({ ...PLAIN, ...body }).losses;
    assert.deepEqual(
      found.map(({ code, at }) => `${code} ${at}`),
      [expected],
    );
    assert.ok(!found.some(isEssential), expected);
  }
});

test('the words of compatible hosts are understood', () => {
  assert.deepEqual(read({ tool_choice: 'any' }).toolChoice, { kind: 'required' });
  assert.equal(read({ random_seed: 3 }).seed, 3);
  assert.equal(read({ max_tokens: 5 }).maxOutputTokens, 5);
  assert.equal(read({ safety_identifier: 's' }).user, 's');
  assert.deepEqual(read({ reasoning: { max_tokens: 2048, exclude: true } }).reasoning, {
    effort: undefined,
    budgetTokens: 2048,
    visible: false,
  });
  assert.equal(read({ reasoning: { enabled: false } }).reasoning?.effort, 'none');
  const content = [
    {
      type: 'thinking',
      thinking: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
    },
    { type: 'text', text: 'c' },
  ];
  assert.deepEqual(read({ messages: [{ role: 'assistant', content }] }).messages[0]?.parts, [
    { kind: 'reasoning', text: 'ab' },
    { kind: 'text', text: 'c' },
  ]);
});

test('calls without an id get one from their place, arguments as an object become text', () => {
  const tool_calls = [{ function: { name: 'f', arguments: { a: 1 } } }, { function: { name: 'g' } }];
  assert.deepEqual(read({ messages: [{ role: 'assistant', tool_calls }] }).messages[0]?.parts, [
    { kind: 'tool-call', id: 'call_0_0', name: 'f', args: '{"a":1}' },
    { kind: 'tool-call', id: 'call_0_1', name: 'g', args: '' },
  ]);
});

test('the model of the path stands in for one in the body', () => {
  const azure = { ...CHAT, pathModel: 'deployment' };
  assert.equal(decodeChatRequest(azure, { messages: [] }).request?.model, 'deployment');
});

test('what is no chat request is not understood, and nothing throws', () => {
  const nested = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`);
  let object: object = {};
  for (let depth = 0; depth < 20_000; depth++) object = { a: object };
  for (const body of [null, 1, 'x', [], {}, { messages: [] }, { model: 'm' }, { model: 1, messages: [] }, nested]) {
    const { request, losses } = decode(body);
    assert.equal(request, undefined);
    assert.ok(losses.some(isEssential));
  }
  const odd = { role: 'assistant', content: nested, tool_calls: [{ function: { name: 'f', arguments: object } }] };
  assert.ok(decode({ ...PLAIN, messages: [odd, null, 3, []] }).losses.some(isEssential));
  assert.equal(losses({ messages: new Array(50_000).fill({ role: 'x' }) }).length <= 64, true);
});
