// SPDX-License-Identifier: Apache-2.0
// Hub requests as Anthropic's body and InvokeModel's: a whole document, and one loss after the other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_REQUEST, NO_FACTS } from '../../../../../test/fakes/hub-request.ts';
import { bedrockInvokeCodec } from '../../bedrock/codec/invoke.ts';
import type { EncodeTarget, ModelFacts } from '../../hub/codec.ts';
import type { HubRequest, Message } from '../../hub/hub.ts';
import { anthropicCodec } from './codec.ts';

const HELLO: readonly Message[] = [{ role: 'user', parts: [{ kind: 'text', text: 'hello' }] }];

function encode(members: Partial<HubRequest>, target: Partial<EncodeTarget> = {}, codec = anthropicCodec) {
  const encoded = codec.encodeRequest(
    { ...EMPTY_REQUEST, messages: HELLO, maxOutputTokens: 500, ...members },
    {
      model: 'claude-sonnet-4-5',
      facts: NO_FACTS,
      quirks: {},
      defaultMaxTokens: 4_096,
      mayUseOpaque: false,
      ...target,
    },
  );
  return { ...encoded, codes: [...new Set(encoded.losses.map(({ code }) => code))].sort() };
}

test('a full hub request becomes exactly this document', () => {
  const schema = {
    type: 'object',
    properties: { z: { type: 'string' } },
    required: ['z'],
    additionalProperties: false,
  };
  const { body, codes: lost } = encode({
    stream: true,
    messages: [
      { role: 'system', parts: [{ kind: 'text', text: 'Be brief.', cache: { ttl: undefined } }] },
      { role: 'user', parts: [{ kind: 'text', text: 'look' }] },
      {
        role: 'user',
        parts: [
          { kind: 'image', source: { kind: 'base64', mediaType: 'image/jpg', data: 'AAAA' } },
          { kind: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'JVBE' }, name: 'paper' },
          { kind: 'document', source: { kind: 'base64', mediaType: 'text/csv', data: 'YSxi' } },
        ],
      },
      {
        role: 'assistant',
        parts: [
          { kind: 'text', text: '' },
          { kind: 'tool-call', id: 'c1', name: 'find', args: '{"q":1}' },
          { kind: 'tool-call', id: 'c2', name: 'find', args: '' },
        ],
      },
      {
        role: 'user',
        parts: [
          { kind: 'text', text: 'and then' },
          { kind: 'tool-result', id: 'c1', name: 'find', parts: [{ kind: 'text', text: 'one' }], isError: false },
        ],
      },
      { role: 'user', parts: [{ kind: 'tool-result', id: 'c2', name: 'find', parts: [], isError: true }] },
    ],
    tools: [{ name: 'find', description: 'finds', parameters: schema, strict: true, cache: { ttl: '1h' } }],
    toolChoice: { kind: 'tool', name: 'find' },
    parallelTools: false,
    output: { kind: 'json-schema', name: 'x', schema, strict: true },
    temperature: 0.5,
    topK: 4,
    stop: ['END'],
    user: 'u1',
  });
  assert.deepEqual(lost, []);
  assert.equal(
    JSON.stringify(body),
    JSON.stringify({
      model: 'claude-sonnet-4-5',
      max_tokens: 500,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'look' },
            { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'AAAA' } },
            {
              type: 'document',
              source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
              title: 'paper',
            },
            { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a,b' } },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'tool_use', id: 'c1', name: 'find', input: { q: 1 } },
            { type: 'tool_use', id: 'c2', name: 'find', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'c1', content: [{ type: 'text', text: 'one' }] },
            { type: 'tool_result', tool_use_id: 'c2', is_error: true },
            { type: 'text', text: 'and then' },
          ],
        },
      ],
      tools: [
        {
          name: 'find',
          description: 'finds',
          input_schema: schema,
          strict: true,
          cache_control: { type: 'ephemeral', ttl: '1h' },
        },
      ],
      tool_choice: { type: 'tool', name: 'find', disable_parallel_tool_use: true },
      output_config: { format: { type: 'json_schema', schema } },
      temperature: 0.5,
      top_k: 4,
      stop_sequences: ['END'],
      metadata: { user_id: 'u1' },
      stream: true,
    }),
  );
});

test('what Anthropic cannot be told is a loss', () => {
  const say = (parts: Message['parts']) => ({ messages: [{ role: 'user' as const, parts }] });
  const text = { kind: 'text', text: 'x' } as const;
  const tool = { name: 'f', description: undefined, parameters: undefined, strict: undefined };
  const call = { kind: 'tool-call', id: 'a', name: 'f', args: '{}' } as const;
  const result = { kind: 'tool-result', id: 'a', name: 'f', parts: [text], isError: false } as const;
  const image = (url: string) => say([{ kind: 'image', source: { kind: 'url', url, mediaType: undefined } }, text]);
  const cases: readonly (readonly [Partial<HubRequest>, Partial<ModelFacts>, readonly string[]])[] = [
    [{ maxOutputTokens: undefined }, {}, ['max-tokens-added']],
    [{ maxOutputTokens: 9000 }, { outputTokens: 8000 }, ['max-tokens-lowered']],
    [{ temperature: 1.5 }, {}, ['temperature']],
    [{ temperature: 0.5, topP: 0.5 }, {}, ['top-p']],
    [{ temperature: 0.5, topK: 1 }, { temperature: false }, ['temperature', 'top-k']],
    [
      { seed: 1, presencePenalty: 1, cacheKey: 'k', verbosity: 'low' },
      {},
      ['cache-key', 'penalties', 'seed', 'verbosity'],
    ],
    [{ stop: [' ', 'x'] }, {}, ['stop-sequences']],
    [{ user: 'u'.repeat(300) }, {}, ['user']],
    [{ output: { kind: 'json-object' } }, {}, ['json-object-mode']],
    [
      { output: { kind: 'json-schema', name: 'n', schema: {}, strict: true } },
      { jsonSchema: false },
      ['no-json-schema'],
    ],
    [
      { output: { kind: 'json-schema', name: 'n', schema: { type: 'object', minProperties: 1 }, strict: true } },
      {},
      ['schema-simplified'],
    ],
    [{ tools: [{ ...tool, parameters: { type: 'object' }, strict: true }] }, {}, ['tool-strict']],
    [{ tools: [{ ...tool, name: 'a.b' }] }, {}, ['tool-name']],
    [{ tools: [tool] }, { tools: false }, ['no-tools']],
    [{ toolChoice: { kind: 'required' } }, {}, ['tool-choice']],
    [image('http://example.com/a.png'), {}, ['image-url']],
    [image('https://example.com/a.png'), { images: false }, ['no-images']],
    [
      say([{ kind: 'image', detail: 'low', source: { kind: 'base64', mediaType: 'image/tiff', data: '' } }]),
      {},
      ['image-detail', 'media-type'],
    ],
    [
      say([text, { kind: 'document', source: { kind: 'url', url: 'ftp://x', mediaType: undefined } }]),
      {},
      ['document-url'],
    ],
    [say([{ kind: 'document', source: { kind: 'text', text: 'x' } }]), { documents: false }, ['no-documents']],
    [
      say([{ kind: 'document', source: { kind: 'base64', mediaType: 'application/msword', data: '' } }]),
      {},
      ['media-type'],
    ],
    [{ messages: [...HELLO, { role: 'system', parts: [text] }] }, {}, ['system-position']],
    [{ messages: [{ role: 'system', parts: [text] }] }, {}, ['system-position']],
    [{ messages: [{ role: 'user', name: 'bob', parts: [text] }] }, {}, ['participant-name']],
    [
      { messages: [...HELLO, { role: 'assistant', parts: [{ kind: 'refusal', text: 'no' }] }, ...HELLO] },
      {},
      ['refusal-as-text'],
    ],
    [
      { messages: [...HELLO, { role: 'assistant', parts: [{ kind: 'reasoning', text: 'r' }, text] }, ...HELLO] },
      {},
      ['reasoning-dropped'],
    ],
    [{ messages: [...HELLO, { role: 'assistant', parts: [text] }] }, {}, ['prefill']],
    [{ messages: [{ role: 'assistant', parts: [text] }, ...HELLO] }, {}, ['not-understood']],
    [{ messages: [] }, {}, ['not-understood']],
    [say([{ kind: 'text', text: ' \n' }]), {}, ['not-understood']],
    [{ messages: [...HELLO, { role: 'user', parts: [result] }], tools: [tool] }, {}, ['tool-pairing']],
    [{ messages: [...HELLO, { role: 'assistant', parts: [call] }, ...HELLO], tools: [tool] }, {}, ['tool-pairing']],
    [
      {
        messages: [
          ...HELLO,
          { role: 'assistant', parts: [{ ...call, args: '{"a"' }] },
          { role: 'user', parts: [result] },
        ],
        tools: [tool],
      },
      {},
      ['not-understood'],
    ],
    [
      { messages: [...HELLO, { role: 'assistant', parts: [call] }, { role: 'user', parts: [result] }] },
      {},
      ['tool-stub'],
    ],
  ];
  for (const [members, facts, expected] of cases) {
    const { codes: lost } = encode(members, { facts: { ...NO_FACTS, ...facts } });
    assert.deepEqual(lost, expected, JSON.stringify(members));
  }
});

test('tools that only the history knows are declared but cannot be called', () => {
  const { body } = encode({
    messages: [
      ...HELLO,
      { role: 'assistant', parts: [{ kind: 'tool-call', id: 'x', name: 'old', args: '' }] },
      { role: 'user', parts: [{ kind: 'tool-result', id: 'x', name: 'old', parts: [], isError: false }] },
    ],
  });
  assert.deepEqual(body['tools'], [{ name: 'old', input_schema: { type: 'object', properties: {} } }]);
  assert.deepEqual(body['tool_choice'], { type: 'none' });
});

test('odd tool ids and names fit and stay paired', () => {
  const { body, toolNames } = encode({
    messages: [
      ...HELLO,
      { role: 'assistant', parts: [{ kind: 'tool-call', id: 'call.1|x', name: 'ns.find', args: '' }] },
      { role: 'user', parts: [{ kind: 'tool-result', id: 'call.1|x', name: 'ns.find', parts: [], isError: false }] },
    ],
    tools: [{ name: 'ns.find', description: undefined, parameters: undefined, strict: undefined }],
  });
  const [, call, result] = body['messages'] as { content: Record<string, unknown>[] }[];
  assert.equal(call?.content[0]?.['id'], 'call_1_x');
  assert.equal(result?.content[0]?.['tool_use_id'], 'call_1_x');
  assert.equal(call?.content[0]?.['name'], 'ns_find');
  assert.deepEqual([...toolNames], [['ns_find', 'ns.find']]);
});

test('quirks of a compatible host drop or rename members, with their loss', () => {
  const { body, codes: lost } = encode(
    { temperature: 0.5, topK: 3, user: 'u' },
    { quirks: { refuses: ['top_k', 'metadata'], renames: { max_tokens: 'max_output' } } },
  );
  assert.deepEqual(Object.keys(body), ['model', 'max_output', 'messages', 'temperature']);
  assert.deepEqual(lost, ['top-k', 'user']);
});

const LONG_LIVED: Partial<HubRequest> = {
  messages: [
    { role: 'system', parts: [{ kind: 'text', text: 's', cache: { ttl: '1h' } }] },
    { role: 'user', parts: [{ kind: 'text', text: 'x', cache: { ttl: '5m' } }] },
  ],
};

test('InvokeModel: version instead of model, no stream flag', () => {
  const { body, codes: lost } = encode({ stream: true, user: 'u', ...LONG_LIVED }, {}, bedrockInvokeCodec);
  assert.deepEqual(body, {
    anthropic_version: 'bedrock-2023-05-31',
    max_tokens: 500,
    system: [{ type: 'text', text: 's', cache_control: { type: 'ephemeral', ttl: '1h' } }],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '5m' } }] },
    ],
    metadata: { user_id: 'u' },
  });
  assert.deepEqual(lost, []);
});

test('a cache time goes where the host takes none for the model; its mark stays', () => {
  const quirks = { cacheMembers: { ttl: 4.05 } };
  const old = encode(LONG_LIVED, { model: 'claude-sonnet-4-20250514', quirks });
  assert.deepEqual(old.body['system'], [{ type: 'text', text: 's', cache_control: { type: 'ephemeral' } }]);
  assert.match(JSON.stringify(old.body['messages']), /"cache_control":\{"type":"ephemeral"\}/);
  assert.deepEqual(old.codes, ['cache-control']);
  assert.deepEqual(encode(LONG_LIVED, { model: 'claude-sonnet-4-5', quirks }).codes, []);
});

test('a host that fetches nothing gets no URLs', () => {
  const source = { kind: 'url', url: 'https://example.com/a', mediaType: undefined } as const;
  const messages: readonly Message[] = [
    {
      role: 'user',
      parts: [
        { kind: 'image', source },
        { kind: 'document', source },
      ],
    },
  ];
  assert.deepEqual(encode({ messages }, { quirks: { noUrls: true } }).codes, [
    'document-url',
    'image-url',
    'not-understood',
  ]);
  assert.deepEqual(encode({ messages }).codes, []);
});
