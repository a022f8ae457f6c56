// SPDX-License-Identifier: Apache-2.0
// Converse requests to the hub and back: whole documents, and one loss after the other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_REQUEST, NO_FACTS } from '../../../../../test/fakes/hub-request.ts';
import type { Recognised } from '../../dialect.ts';
import type { EncodeTarget, ModelFacts } from '../../hub/codec.ts';
import type { HubRequest, Message, Part } from '../../hub/hub.ts';
import type { Loss } from '../../hub/loss.ts';
import { bedrockConverseCodec } from './codec.ts';
import { createDocumentNames } from './media.ts';

const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
const HERE: Recognised = { dialect: 'bedrock-converse', operation: 'generate', pathModel: CLAUDE, pathStream: true };
const text: Part = { kind: 'text', text: 'x' };
const HELLO: readonly Message[] = [{ role: 'user', parts: [text] }];

function hub(members: Partial<HubRequest>): HubRequest {
  return { ...EMPTY_REQUEST, model: CLAUDE, stream: true, messages: HELLO, ...members };
}

function codes(losses: readonly Loss[]): readonly string[] {
  return [...new Set(losses.map(({ code }) => code))].sort();
}

function encode(
  members: Partial<HubRequest>,
  target: Partial<Omit<EncodeTarget, 'facts'>> = {},
  facts: Partial<ModelFacts> = {},
) {
  const encoded = bedrockConverseCodec.encodeRequest(hub(members), {
    model: CLAUDE,
    quirks: {},
    defaultMaxTokens: 4_096,
    mayUseOpaque: false,
    ...target,
    facts: { ...NO_FACTS, ...facts },
  });
  return { ...encoded, codes: codes(encoded.losses) };
}

const schema = { type: 'object', properties: { z: { type: 'string' } }, additionalProperties: false };

/** What both directions must make of each other. */
const BODY = {
  system: [{ text: 'Be brief.' }, { cachePoint: { type: 'default', ttl: '1h' } }],
  messages: [
    {
      role: 'user',
      content: [
        { text: 'look' },
        { image: { format: 'jpeg', source: { bytes: 'AAAA' } } },
        { document: { format: 'pdf', name: 'My paper', source: { bytes: 'JVBE' } } },
        { cachePoint: { type: 'default' } },
      ],
    },
    {
      role: 'assistant',
      content: [
        { reasoningContent: { reasoningText: { text: 'hm', signature: 'sig' } } },
        { reasoningContent: { redactedContent: 'cnI=' } },
        { toolUse: { toolUseId: 'c1', name: 'find', input: { q: 1 } } },
      ],
    },
    {
      role: 'user',
      content: [
        {
          toolResult: {
            toolUseId: 'c1',
            content: [{ text: 'none' }, { image: { format: 'png', source: { bytes: 'BBBB' } } }],
            status: 'error',
          },
        },
      ],
    },
  ],
  inferenceConfig: { maxTokens: 3000, topP: 0.99, stopSequences: ['END'] },
  toolConfig: {
    tools: [
      { toolSpec: { name: 'find', description: 'finds', inputSchema: { json: schema }, strict: true } },
      { cachePoint: { type: 'default' } },
    ],
    toolChoice: { auto: {} },
  },
  outputConfig: {
    textFormat: { type: 'json_schema', structure: { jsonSchema: { schema: JSON.stringify(schema), name: 'out' } } },
  },
  additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 2000 } },
};

const REQUEST = hub({
  messages: [
    { role: 'system', parts: [{ kind: 'text', text: 'Be brief.', cache: { ttl: '1h' } }] },
    {
      role: 'user',
      parts: [
        { kind: 'text', text: 'look' },
        { kind: 'image', source: { kind: 'base64', mediaType: 'image/jpeg', data: 'AAAA' } },
        {
          kind: 'document',
          source: { kind: 'base64', mediaType: 'application/pdf', data: 'JVBE' },
          name: 'My paper',
          cache: { ttl: undefined },
        },
      ],
    },
    {
      role: 'assistant',
      parts: [
        { kind: 'reasoning', text: 'hm', opaque: { dialect: 'bedrock-converse', form: 'signature', data: 'sig' } },
        { kind: 'reasoning', text: '', opaque: { dialect: 'bedrock-converse', form: 'redacted', data: 'cnI=' } },
        { kind: 'tool-call', id: 'c1', name: 'find', args: '{"q":1}' },
      ],
    },
    {
      role: 'user',
      parts: [
        {
          kind: 'tool-result',
          id: 'c1',
          name: 'find',
          parts: [
            { kind: 'text', text: 'none' },
            { kind: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'BBBB' } },
          ],
          isError: true,
        },
      ],
    },
  ],
  tools: [{ name: 'find', description: 'finds', parameters: schema, strict: true, cache: { ttl: undefined } }],
  toolChoice: { kind: 'auto' },
  output: { kind: 'json-schema', name: 'out', schema, strict: true },
  reasoning: { effort: undefined, budgetTokens: 2000, visible: undefined },
  maxOutputTokens: 3000,
  topP: 0.99,
  stop: ['END'],
});

test('a full request decodes to the hub without a loss', () => {
  const { request, losses } = bedrockConverseCodec.decodeRequest(HERE, BODY);
  assert.deepEqual(losses, []);
  assert.deepEqual(request, REQUEST);
});

test('the same request encodes to exactly that document', () => {
  const { body, losses } = encode(REQUEST, { mayUseOpaque: true });
  assert.deepEqual(losses, []);
  assert.equal(JSON.stringify(body), JSON.stringify(BODY));
});

test('what only Bedrock can do, or nobody can read, is a loss when it is read', () => {
  const base = { messages: [{ role: 'user', content: [{ text: 'hi' }] }] };
  const withBlock = (block: unknown) => ({ messages: [{ role: 'user', content: [block] }] });
  const s3 = { s3Location: { uri: 's3://bucket/key' } };
  const cases: readonly (readonly [unknown, string])[] = [
    [{ ...base, guardrailConfig: { guardrailIdentifier: 'g' } }, 'safety-settings'],
    [{ ...base, promptVariables: { a: { text: 'x' } } }, 'stored-state'],
    [{ ...base, performanceConfig: { latency: 'optimized' } }, 'service-tier'],
    [{ ...base, serviceTier: { type: 'flex' } }, 'service-tier'],
    [{ ...base, requestMetadata: { a: 'b' } }, 'metadata'],
    [{ ...base, additionalModelResponseFieldPaths: ['/stop_sequence'] }, 'include'],
    [{ ...base, brandNew: 1 }, 'unknown-field'],
    [{ ...base, additionalModelRequestFields: { other: 1 } }, 'unknown-field'],
    [{ ...base, inferenceConfig: { maxTokens: '7' } }, 'not-understood'],
    [{ ...base, inferenceConfig: [], toolConfig: 7 }, 'not-understood'],
    [{ ...base, toolConfig: { tools: [{ systemTool: { name: 'nova_grounding' } }] } }, 'server-tool'],
    [{ ...base, toolConfig: { tools: [{ cachePoint: { type: 'default' } }] } }, 'cache-control'],
    [{ ...base, toolConfig: { tools: [{}] } }, 'not-understood'],
    [{ ...base, toolConfig: { toolChoice: { maybe: {} } } }, 'not-understood'],
    [{ ...base, outputConfig: { textFormat: { type: 'json_schema', structure: {} } } }, 'not-understood'],
    [{ ...base, system: 'Be brief.' }, 'not-understood'],
    [{ messages: [...base.messages, { role: 'assistant', content: [{ text: 'Sure: ' }] }] }, 'prefill'],
    [withBlock({ cachePoint: { type: 'default' } }), 'cache-control'],
    [withBlock({ image: { format: 'png', source: s3 } }), 'file-reference'],
    [withBlock({ document: { format: 'pdf', name: 'a', source: s3 } }), 'file-reference'],
    [withBlock({ image: { format: 'tiff', source: { bytes: 'AA' } } }), 'not-understood'],
    [withBlock({ video: { format: 'mp4', source: s3 } }), 'video'],
    [withBlock({ audio: {} }), 'audio'],
    [withBlock({ guardContent: { text: { text: 'x' } } }), 'safety-settings'],
    [withBlock({ citationsContent: { content: [{ text: 'x' }] } }), 'citations'],
    [withBlock({ hologram: {} }), 'unknown-part'],
    [withBlock({ toolUse: { toolUseId: 'a', name: 'f', input: {}, type: 'server_tool_use' } }), 'server-tool'],
    [withBlock({ toolUse: { name: 'f' } }), 'not-understood'],
    [withBlock({ toolResult: { content: [] } }), 'not-understood'],
    [withBlock(5), 'not-understood'],
  ];
  for (const [body, code] of cases) {
    assert.deepEqual(codes(bedrockConverseCodec.decodeRequest(HERE, body).losses), [code], JSON.stringify(body));
  }
});

test('a shape that is no conversation is not understood, and nothing throws', () => {
  let deep: unknown = {};
  for (let n = 0; n < 20_000; n++) deep = { deep };
  const strange = [undefined, null, 7, [], {}, { messages: 1 }, { messages: [{ role: 'user', content: 'hi' }] }];
  for (const body of [...strange, { messages: [{ role: 'system', content: [] }] }]) {
    const { request, losses } = bedrockConverseCodec.decodeRequest(HERE, body);
    assert.equal(request, undefined);
    assert.deepEqual(codes(losses), ['not-understood']);
  }
  const call = { toolUse: { toolUseId: 'a', name: 'f', input: deep } };
  const { losses } = bedrockConverseCodec.decodeRequest(HERE, { messages: [{ role: 'user', content: [call, deep] }] });
  assert.ok(codes(losses).includes('not-understood'));
});

test('results as JSON, and documents as text, become text', () => {
  const { request } = bedrockConverseCodec.decodeRequest(HERE, {
    messages: [
      {
        role: 'user',
        content: [
          { toolResult: { toolUseId: 'a', content: [{ json: { b: 1 } }] } },
          { document: { format: 'txt', name: 'n', source: { text: 'words' }, context: 'why' } },
        ],
      },
    ],
  });
  assert.deepEqual(request?.messages[0]?.parts, [
    { kind: 'tool-result', id: 'a', name: undefined, parts: [{ kind: 'text', text: '{"b":1}' }], isError: false },
    { kind: 'text', text: 'why' },
    { kind: 'document', source: { kind: 'text', text: 'words' }, name: 'n' },
  ]);
});

test('what Converse or the model family cannot be told is a loss', () => {
  const say = (...parts: Part[]) => ({ messages: [{ role: 'user' as const, parts }] });
  const tool = { name: 'f', description: '', parameters: undefined, strict: undefined };
  const call: Part = { kind: 'tool-call', id: 'a', name: 'f', args: '{}' };
  const result = { kind: 'tool-result', id: 'a', name: 'f', parts: [text], isError: true } as const;
  const loop: readonly Message[] = [...HELLO, { role: 'assistant', parts: [call] }, { role: 'user', parts: [result] }];
  const url = { kind: 'url', url: 'https://example.com/x', mediaType: undefined } as const;
  const llama = { model: 'meta.llama4-maverick-17b-instruct-v1:0' };
  const high = { effort: 'high', budgetTokens: undefined, visible: undefined } as const;
  const cases: readonly (readonly [
    Partial<HubRequest>,
    Partial<EncodeTarget>,
    Partial<ModelFacts>,
    readonly string[],
  ])[] = [
    [{ topK: 4, reasoning: high }, llama, {}, ['reasoning-unsupported', 'top-k']],
    [{ reasoning: high }, {}, {}, ['max-tokens-added']],
    [{ maxOutputTokens: 9000 }, {}, { outputTokens: 8000 }, ['max-tokens-lowered']],
    [{ user: 'u', seed: 1, cacheKey: 'k' }, {}, {}, ['cache-key', 'seed', 'user']],
    [{ tools: [tool], parallelTools: false }, {}, {}, ['parallel-tools']],
    [{ tools: [tool], toolChoice: { kind: 'none' } }, {}, {}, []],
    [{ tools: [tool], toolChoice: { kind: 'none' }, messages: loop }, {}, {}, ['tool-choice']],
    [{ messages: loop }, {}, {}, ['tool-stub']],
    [{ messages: loop, tools: [tool] }, llama, {}, ['tool-error-flag']],
    [{ tools: [{ ...tool, strict: true, parameters: { type: 'object' } }] }, {}, {}, ['tool-strict']],
    [{ tools: [tool] }, {}, { tools: false }, ['no-tools']],
    [{ output: { kind: 'json-object' } }, {}, {}, ['json-object-mode']],
    [
      { output: { kind: 'json-schema', name: undefined, schema, strict: true } },
      {},
      { jsonSchema: false },
      ['no-json-schema'],
    ],
    [
      { output: { kind: 'json-schema', name: undefined, schema: { type: 'object' }, strict: true } },
      {},
      {},
      ['schema-simplified'],
    ],
    [say(text, { kind: 'image', source: url }), {}, {}, ['image-url']],
    [say(text, { kind: 'document', source: url }), {}, {}, ['document-url']],
    [
      say(text, { kind: 'image', source: { kind: 'base64', mediaType: 'image/tiff', data: '' } }),
      {},
      {},
      ['media-type'],
    ],
    [
      say(text, { kind: 'document', source: { kind: 'base64', mediaType: 'video/mp4', data: '' } }),
      {},
      {},
      ['media-type'],
    ],
    [say(text, { kind: 'document', name: 'a_b.pdf', source: { kind: 'text', text: 'x' } }), {}, {}, ['document-name']],
    [say({ ...text, cache: { ttl: undefined } }), llama, {}, ['cache-control']],
    [say({ ...text, cache: { ttl: '1h' } }), { model: 'amazon.nova-pro-v1:0' }, {}, ['cache-control']],
    [
      { messages: [...HELLO, { role: 'assistant', parts: [{ kind: 'reasoning', text: 'r' }, text] }, ...HELLO] },
      {},
      {},
      ['reasoning-dropped'],
    ],
    [{ messages: [...HELLO, { role: 'system', parts: [text] }] }, {}, {}, ['system-position']],
  ];
  for (const [members, target, facts, expected] of cases) {
    assert.deepEqual(encode(members, target, facts).codes, expected, JSON.stringify([members, target]));
  }
});

test('a cache time goes where Bedrock takes none for the model; its mark stays', () => {
  const quirks = { cacheMembers: { ttl: 4.05 } };
  const system: Message = { role: 'system', parts: [{ kind: 'text', text: 's', cache: { ttl: '1h' } }] };
  const at = (model: string) => encode({ messages: [system, ...HELLO] }, { model, quirks });
  const old = at('us.anthropic.claude-opus-4-1-20250805-v1:0');
  assert.deepEqual(old.body['system'], [{ text: 's' }, { cachePoint: { type: 'default' } }]);
  assert.deepEqual(old.codes, ['cache-control']);
  const recent = at('us.anthropic.claude-opus-4-8');
  assert.deepEqual(recent.body['system'], [{ text: 's' }, { cachePoint: { type: 'default', ttl: '1h' } }]);
  assert.deepEqual(recent.codes, []);
});

test('document names fit, are short and come once', () => {
  const name = createDocumentNames();
  assert.deepEqual(
    [name('My paper (1)'), name('My paper (1)'), name('a_b.pdf'), name(undefined), name('__'), name(' x  y ')],
    ['My paper (1)', 'My paper (1) 2', 'a b pdf', 'document', 'document 3', 'x y'],
  );
  assert.ok(name('n'.repeat(500)).length <= 200);
});
