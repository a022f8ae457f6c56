// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FACTS } from '../../../../../test/fakes/hub-request.ts';
import { QUESTION } from '../../../../../test/fakes/hub-target.ts';
import type { EncodedRequest, EncodeTarget, ModelFacts, Quirks } from '../../hub/codec.ts';
import type { HubRequest, Message, Part } from '../../hub/hub.ts';
import { asArray, asObject } from '../../json/values.ts';
import { encodeChatRequest } from './encode-request.ts';

/** The caller asks for no usage. */
const HUB: HubRequest = { ...QUESTION, streamUsage: false };
const TOOL = { name: 'f', description: undefined, parameters: { type: 'object' }, strict: undefined };
const CLOSED = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false };

function encode(request: Partial<HubRequest>, quirks: Quirks = {}, facts: Partial<ModelFacts> = {}): EncodedRequest {
  const target: EncodeTarget = {
    model: 'target-1',
    facts: { ...NO_FACTS, ...facts },
    quirks,
    defaultMaxTokens: 4096,
    mayUseOpaque: false,
  };
  return encodeChatRequest({ ...HUB, ...request }, target);
}

function codes({ losses }: EncodedRequest): readonly string[] {
  return losses.map(({ code }) => code);
}

function messagesOf(messages: readonly Message[], quirks: Quirks = {}): unknown {
  return encode({ messages }, quirks).body['messages'];
}

test('the document has a fixed order, and asks a stream for its usage', () => {
  const encoded = encode({
    stream: true,
    tools: [{ name: 'f', description: 'does', parameters: CLOSED, strict: true }],
    toolChoice: { kind: 'required' },
    parallelTools: true,
    output: { kind: 'json-schema', name: 'out', schema: CLOSED, strict: true },
    reasoning: { effort: 'low', budgetTokens: undefined, visible: undefined },
    maxOutputTokens: 10,
    temperature: 0,
    topP: 1,
    stop: ['a'],
    seed: 1,
    presencePenalty: 0,
    frequencyPenalty: 0,
    cacheKey: 'k',
    user: 'u',
    verbosity: 'high',
  });
  assert.deepEqual(encoded.losses, []);
  assert.equal(
    JSON.stringify(encoded.body),
    '{"model":"target-1","messages":[{"role":"user","content":"hi"}],' +
      `"tools":[{"type":"function","function":{"name":"f","description":"does","parameters":${JSON.stringify(CLOSED)},"strict":true}}],` +
      '"tool_choice":"required","parallel_tool_calls":true,' +
      `"response_format":{"type":"json_schema","json_schema":{"name":"out","schema":${JSON.stringify(CLOSED)},"strict":true}},` +
      '"reasoning_effort":"low","max_completion_tokens":10,"temperature":0,"top_p":1,"stop":["a"],"seed":1,' +
      '"presence_penalty":0,"frequency_penalty":0,"prompt_cache_key":"k","user":"u","verbosity":"high",' +
      '"stream":true,"stream_options":{"include_usage":true}}',
  );
});

test('a conversation: results directly behind their calls, whatever stood between', () => {
  const call = (id: string): Part => ({ kind: 'tool-call', id, name: 'f', args: '' });
  const result = (id: string): Part => ({
    kind: 'tool-result',
    id,
    name: undefined,
    parts: [{ kind: 'text', text: `of ${id}` }],
    isError: false,
  });
  const messages: readonly Message[] = [
    {
      role: 'system',
      parts: [
        { kind: 'text', text: 'a' },
        { kind: 'text', text: 'b' },
      ],
    },
    { role: 'user', parts: [{ kind: 'text', text: 'go' }], name: 'ada' },
    {
      role: 'assistant',
      parts: [
        { kind: 'text', text: 'I ' },
        { kind: 'text', text: 'call' },
      ],
    },
    { role: 'assistant', parts: [call('c1')] },
    { role: 'assistant', parts: [call('c2')] },
    { role: 'system', parts: [{ kind: 'text', text: 'in between' }] },
    { role: 'user', parts: [{ kind: 'text', text: 'well' }, result('c1')] },
    { role: 'user', parts: [result('c2')] },
  ];
  const wire = { type: 'function', function: { name: 'f', arguments: '{}' } };
  const encoded = encode({ messages });
  assert.deepEqual(encoded.losses, []);
  assert.deepEqual(encoded.body['messages'], [
    { role: 'system', content: 'a\nb' },
    { role: 'user', content: 'go', name: 'ada' },
    {
      role: 'assistant',
      content: 'I call',
      tool_calls: [
        { id: 'c1', ...wire },
        { id: 'c2', ...wire },
      ],
    },
    { role: 'tool', tool_call_id: 'c1', content: 'of c1' },
    { role: 'tool', tool_call_id: 'c2', content: 'of c2' },
    { role: 'system', content: 'in between' },
    { role: 'user', content: 'well' },
  ]);
});

test('media: bytes as data URLs, addresses as they are, text documents as text', () => {
  const parts: readonly Part[] = [
    { kind: 'text', text: 'look' },
    { kind: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' }, detail: 'high' },
    { kind: 'image', source: { kind: 'url', url: 'https://example.com/a', mediaType: undefined } },
    { kind: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'BBBB' } },
    { kind: 'document', source: { kind: 'base64', mediaType: 'text/plain', data: 'aGk=' } },
    { kind: 'document', source: { kind: 'text', text: 'plain' } },
  ];
  assert.deepEqual(messagesOf([{ role: 'user', parts }]), [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'look' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'high' } },
        { type: 'image_url', image_url: { url: 'https://example.com/a' } },
        { type: 'file', file: { filename: 'document.pdf', file_data: 'data:application/pdf;base64,BBBB' } },
        { type: 'text', text: 'hi' },
        { type: 'text', text: 'plain' },
      ],
    },
  ]);
});

test("a result's image follows in a message of the user's, with its loss", () => {
  const encoded = encode({
    messages: [
      { role: 'assistant', parts: [{ kind: 'tool-call', id: 'c', name: 'shot', args: '{}' }] },
      {
        role: 'user',
        parts: [
          {
            kind: 'tool-result',
            id: 'c',
            name: 'shot',
            isError: true,
            parts: [
              { kind: 'text', text: 'done' },
              { kind: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } },
            ],
          },
        ],
      },
    ],
  });
  assert.deepEqual(codes(encoded), ['tool-error-flag', 'tool-result-media']);
  assert.deepEqual(encoded.body['messages'], [
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'shot', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'c', content: 'done' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Attached to the result of tool call c:' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      ],
    },
  ]);
});

test('quirks: each one does what it says', () => {
  const tools = [{ ...TOOL, parameters: CLOSED, strict: true }];
  assert.equal(encode({ maxOutputTokens: 5 }, { maxTokensKey: 'max_tokens' }).body['max_tokens'], 5);
  assert.deepEqual(
    messagesOf([{ role: 'system', parts: [{ kind: 'text', text: 's' }] }], { systemRole: 'developer' }),
    [{ role: 'developer', content: 's' }],
  );
  assert.equal('stream_options' in encode({ stream: true }, { noStreamOptions: true }).body, false);
  assert.equal(
    encode({ tools, toolChoice: { kind: 'required' } }, { toolChoiceRequired: 'any' }).body['tool_choice'],
    'any',
  );

  const strict = encode({ tools }, { noStrictTools: true });
  assert.equal(JSON.stringify(strict.body['tools']).includes('strict'), false);
  assert.deepEqual(codes(strict), ['tool-strict']);

  const parallel = encode({ tools, parallelTools: false }, { noParallelTools: true });
  assert.equal('parallel_tool_calls' in parallel.body, false);
  assert.deepEqual(codes(parallel), ['parallel-tools']);

  const output = { kind: 'json-schema', name: 'o', schema: CLOSED, strict: true } as const;
  assert.deepEqual(codes(encode({ output }, { jsonSchema: 'json-object' })), ['no-json-schema']);
  assert.deepEqual(encode({ output: { kind: 'json-object' } }, { jsonSchema: 'json-object' }).body['response_format'], {
    type: 'json_object',
  });
  assert.deepEqual(codes(encode({ output: { kind: 'json-object' } }, { jsonSchema: 'none' })), ['json-object-mode']);

  const refused = encode(
    { seed: 1, user: 'u', temperature: 1 },
    { refuses: ['seed', 'user'], renames: { temperature: 'heat' } },
  );
  assert.deepEqual(Object.keys(refused.body), ['model', 'messages', 'heat']);
  assert.deepEqual(codes(refused), ['seed', 'user']);
  const nothing = {
    stream: true,
    presencePenalty: 0,
    tools: [TOOL],
    toolChoice: { kind: 'auto' },
    parallelTools: true,
  } as const;
  const members = ['stream_options', 'presence_penalty', 'tool_choice', 'parallel_tool_calls'];
  const unasked = encode(nothing, { refuses: members });
  assert.deepEqual(unasked.losses, []);
  assert.deepEqual(Object.keys(unasked.body), ['model', 'messages', 'tools', 'stream']);
  assert.deepEqual(encode({ seed: 1 }, { renames: { seed: 'random_seed' } }).body['random_seed'], 1);
});

test('reasoning of the history travels only where the host takes it', () => {
  const messages: readonly Message[] = [
    {
      role: 'assistant',
      parts: [
        { kind: 'reasoning', text: 'hm' },
        { kind: 'text', text: 'hi' },
      ],
    },
    { role: 'user', parts: [{ kind: 'text', text: 'go' }] },
  ];
  const kept = encode({ messages }, { reasoningKey: 'reasoning' });
  assert.deepEqual(kept.losses, []);
  assert.deepEqual(asArray(kept.body['messages'])[0], { role: 'assistant', content: 'hi', reasoning: 'hm' });
  const dropped = encode({ messages });
  assert.deepEqual(codes(dropped), ['reasoning-dropped']);
  assert.deepEqual(asArray(dropped.body['messages'])[0], { role: 'assistant', content: 'hi' });
});

test('short tool ids: nine characters, the same in every request, one for call and result', () => {
  const messages: readonly Message[] = [
    {
      role: 'assistant',
      parts: ['toolu_01', 'toolu_02', 'abcDEF123'].map((id) => ({ kind: 'tool-call', id, name: 'f', args: '{}' })),
    },
    {
      role: 'user',
      parts: ['toolu_02', 'toolu_01', 'abcDEF123'].map((id) => ({
        kind: 'tool-result',
        id,
        name: 'f',
        parts: [],
        isError: false,
      })),
    },
  ];
  const text = JSON.stringify(messagesOf(messages, { shortToolIds: true }));
  const ids = [...text.matchAll(/"(?:id|tool_call_id)":"([^"]*)"/g)].map(([, id]) => id ?? '');
  assert.equal(ids.length, 6);
  assert.ok(
    ids.every((id) => /^[A-Za-z0-9]{9}$/.test(id)),
    text,
  );
  assert.deepEqual([ids[3], ids[4], ids[5]], [ids[1], ids[0], 'abcDEF123']);
  assert.equal(new Set(ids).size, 3);
  assert.equal(JSON.stringify(messagesOf(messages, { shortToolIds: true })), text);

  const long = 'x'.repeat(64);
  const longIds = JSON.stringify(
    messagesOf([{ role: 'assistant', parts: [{ kind: 'tool-call', id: long, name: 'f', args: '' }] }]),
  );
  assert.match(longIds, /"id":"call_[a-z0-9]{9}"/);
});

test('tool names that the API refuses are changed, with the way back', () => {
  const encoded = encode({
    tools: [{ ...TOOL, name: 'files.read' }],
    toolChoice: { kind: 'tool', name: 'files.read' },
  });
  assert.deepEqual([...encoded.toolNames], [['files_read', 'files.read']]);
  assert.deepEqual(codes(encoded), ['tool-name']);
  assert.deepEqual(encoded.body['tool_choice'], { type: 'function', function: { name: 'files_read' } });
});

test('what the model is known not to take is a loss', () => {
  const image: Part = { kind: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA' } };
  const pdf: Part = { kind: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'AA' } };
  const user = (part: Part): Partial<HubRequest> => ({ messages: [{ role: 'user', parts: [part] }] });
  const schema = { kind: 'json-schema', name: 'o', schema: CLOSED, strict: true } as const;
  const think = { effort: 'high', budgetTokens: undefined, visible: undefined } as const;
  const cases: readonly (readonly [Partial<HubRequest>, Partial<ModelFacts>, readonly string[]])[] = [
    [user(image), { images: false }, ['no-images']],
    [user(pdf), { documents: false }, ['no-documents']],
    [{ tools: [TOOL] }, { tools: false }, ['no-tools']],
    [{ output: schema }, { jsonSchema: false }, ['no-json-schema']],
    [{ reasoning: think }, { reasoning: false }, ['reasoning-unsupported']],
    [{ maxOutputTokens: 100 }, { outputTokens: 50 }, ['max-tokens-lowered']],
    [{ temperature: 1, topP: 1, presencePenalty: 1 }, { temperature: false }, ['temperature', 'top-p', 'penalties']],
    [{ topK: 4 }, {}, ['top-k']],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, {}, ['stop-sequences']],
    [{ reasoning: { ...think, effort: 'max' } }, {}, ['reasoning-effort']],
    [{ reasoning: { ...think, effort: 'none' } }, {}, ['reasoning-effort']],
    [{ reasoning: { ...think, effort: undefined, budgetTokens: 9000 } }, {}, ['reasoning-effort']],
    [{ tools: [{ ...TOOL, strict: true }] }, {}, ['tool-strict']],
    [{ output: { ...schema, schema: { type: 'object' } } }, {}, ['schema-simplified']],
    [{ toolChoice: { kind: 'required' } }, {}, ['tool-choice']],
    [user({ kind: 'text', text: 'x', cache: { ttl: undefined } }), {}, ['cache-control']],
    [
      user({ kind: 'document', source: { kind: 'url', url: 'https://e.com/d', mediaType: undefined } }),
      {},
      ['document-url'],
    ],
    [user({ kind: 'document', name: 'n', source: { kind: 'text', text: 't' } }), {}, ['document-name']],
    [user({ kind: 'image', source: { kind: 'base64', mediaType: 'image/heic', data: 'AA' } }), {}, ['media-type']],
    [user({ kind: 'tool-result', id: 'x', name: 'f', parts: [], isError: false }), {}, ['tool-pairing']],
    [user({ kind: 'reasoning', text: 'x' }), {}, ['unknown-part']],
    [{ messages: [{ role: 'assistant', parts: [{ kind: 'text', text: 'I think' }] }] }, {}, ['prefill']],
    [
      {
        messages: [
          { role: 'assistant', parts: [{ kind: 'tool-call', id: 'c', name: 'f', args: '' }] },
          { role: 'user', parts: [{ kind: 'text', text: 'no answer' }] },
        ],
      },
      {},
      ['tool-pairing'],
    ],
  ];
  for (const [request, facts, expected] of cases) assert.deepEqual(codes(encode(request, {}, facts)), expected);
});

test("the caller's schema objects are passed on, never copied", () => {
  const { body } = encode({ tools: [{ ...TOOL, parameters: CLOSED }] });
  const tool = asObject(asObject(asArray(body['tools'])[0])?.['function']);
  assert.equal(tool?.['parameters'], CLOSED);
});
