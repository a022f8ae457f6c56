// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FACTS } from '../../../../../test/fakes/hub-request.ts';
import { QUESTION, TARGET } from '../../../../../test/fakes/hub-target.ts';
import type { EncodeTarget } from '../../hub/codec.ts';
import type { HubRequest, Message, Part } from '../../hub/hub.ts';
import { isEssential } from '../../hub/loss.ts';
import { decodeRequest } from './decode-request.ts';
import { encodeRequest } from './encode-request.ts';

const SCHEMA = { type: 'object', properties: { z: { type: 'string' }, a: { type: 'number' } }, required: ['z'] };

const TURN = {
  model: 'command-a',
  messages: [
    { role: 'system', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Look' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
      ],
    },
    {
      role: 'assistant',
      tool_plan: 'I look.',
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'read', arguments: '{"z": "1"}' } },
        { id: 'b', type: 'function', function: { name: 'read', arguments: '{"z":"2"}' } },
      ],
    },
    { role: 'tool', tool_call_id: 'a', content: 'one' },
    {
      role: 'tool',
      tool_call_id: 'b',
      content: [
        { type: 'document', document: { data: { text: 'two' }, id: 'd1' } },
        { type: 'text', text: 'three' },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm.' },
        { type: 'text', text: 'So.' },
      ],
    },
    { role: 'user', content: 'Go on' },
  ],
  tools: [{ type: 'function', function: { name: 'read', description: 'reads', parameters: SCHEMA } }],
  strict_tools: true,
  tool_choice: 'REQUIRED',
  thinking: { type: 'enabled', token_budget: 500 },
  max_tokens: 900,
  temperature: 0.5,
  p: 0.9,
  k: 7,
  seed: 3,
  frequency_penalty: 0.1,
  presence_penalty: 0.2,
  stop_sequences: ['END'],
  stream: true,
};

function decoded(body: unknown) {
  const { request, losses } = decodeRequest(body);
  return { request, codes: losses.map(({ code, at }) => `${code} ${at}`) };
}

function encoded(request: Partial<HubRequest>, target: Partial<EncodeTarget> = {}) {
  const { body, losses, toolNames } = encodeRequest({ ...QUESTION, ...request }, { ...TARGET, ...target });
  return { body, codes: losses.map(({ code }) => code), toolNames };
}

test('a whole turn is read; the plan is text before its calls', () => {
  const { request, codes } = decoded(TURN);
  assert.deepEqual(codes, []);
  assert.ok(request);
  assert.deepEqual(
    request.messages.map(({ role, parts }) => [role, parts.map(({ kind }) => kind)]),
    [
      ['system', ['text']],
      ['user', ['text', 'image']],
      ['assistant', ['text', 'tool-call', 'tool-call']],
      ['user', ['tool-result', 'tool-result']],
      ['assistant', ['reasoning', 'text']],
      ['user', ['text']],
    ],
  );
  assert.deepEqual(request.messages[3]?.parts[1], {
    kind: 'tool-result',
    id: 'b',
    name: 'read',
    parts: [
      { kind: 'document', source: { kind: 'text', text: '{"text":"two"}' }, name: 'd1' },
      { kind: 'text', text: 'three' },
    ],
    isError: false,
  });
  assert.deepEqual(request.tools, [{ name: 'read', description: 'reads', parameters: SCHEMA, strict: true }]);
  assert.equal(request.tools[0]?.parameters, SCHEMA);
  assert.deepEqual(
    [request.topK, request.topP, request.stop, request.toolChoice, request.reasoning?.budgetTokens],
    [7, 0.9, ['END'], { kind: 'required' }, 500],
  );
});

test('what was read is written as the same conversation', () => {
  const { request } = decoded(TURN);
  assert.ok(request);
  const { body, losses } = encodeRequest(request, { ...TARGET, model: 'command-a', mayUseOpaque: true });
  assert.deepEqual(losses, []);
  const said = structuredClone(TURN);
  // An object of texts comes back as the text that it is.
  Object.assign(said.messages[4]?.content?.[0] ?? {}, { document: { data: { text: '{"text":"two"}' }, id: 'd1' } });
  assert.deepEqual(body, said);
});

test('results of two turns stay two turns', () => {
  const [, , called, answered] = TURN.messages;
  const { request } = decoded({ model: 'm', messages: [called, answered, called, answered] });
  assert.deepEqual(
    request?.messages.map(({ role, parts }) => [role, parts.length]),
    [
      ['assistant', 3],
      ['user', 1],
      ['assistant', 3],
      ['user', 1],
    ],
  );
});

test('JSON formats and choices', () => {
  const schema = decoded({ model: 'm', messages: [], response_format: { type: 'json_object', json_schema: SCHEMA } });
  assert.deepEqual(schema.request?.output, { kind: 'json-schema', name: undefined, schema: SCHEMA, strict: true });
  const plain = decoded({ model: 'm', messages: [], response_format: { type: 'json_object' }, tool_choice: 'NONE' });
  assert.deepEqual([plain.request?.output, plain.request?.toolChoice], [{ kind: 'json-object' }, { kind: 'none' }]);
  assert.deepEqual(encoded({ output: { kind: 'json-object' } }).body['response_format'], { type: 'json_object' });
  const { body, codes } = encoded({ output: { kind: 'json-schema', name: 'x', schema: SCHEMA, strict: true } });
  assert.deepEqual([body['response_format'], codes], [{ type: 'json_object', json_schema: SCHEMA }, []]);
});

test('losses of reading, each by its code', () => {
  const rows: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ documents: ['d'] }, 'no-documents /documents'],
    [{ logprobs: true }, 'logprobs /logprobs'],
    [{ priority: 1 }, 'service-tier /priority'],
    [{ citation_options: { mode: 'FAST' } }, 'citations /citation_options'],
    [{ safety_mode: 'STRICT' }, 'safety-settings /safety_mode'],
    [{ tool_choice: 'SOMETIMES' }, 'tool-choice /tool_choice'],
    [{ tools: [{ type: 'magic' }] }, 'custom-tool /tools/0'],
    [{ tools: [{ type: 'function' }] }, 'not-understood /tools/0'],
    [{ response_format: { type: 'xml' } }, 'not-understood /response_format'],
    [{ thinking: { type: 'perhaps' } }, 'not-understood /thinking'],
    [{ stop_sequences: 'x' }, 'not-understood /stop_sequences'],
    [{ max_tokens: '9' }, 'not-understood /max_tokens'],
    [{ surprise: 1 }, 'unknown-field '],
  ];
  for (const [members, expected] of rows)
    assert.deepEqual(decoded({ model: 'm', messages: [], ...members }).codes, [expected]);
  const messages: readonly (readonly [unknown, string])[] = [
    [{ role: 'critic', content: 'x' }, 'not-understood /messages/0'],
    [{ role: 'tool', content: 'x' }, 'tool-pairing /messages/0'],
    [{ role: 'user', content: 7 }, 'not-understood /messages/0/content'],
    [{ role: 'user', content: [{ type: 'audio' }] }, 'unknown-part /messages/0/content/0'],
    [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'gs://x' } }] },
      'not-understood /messages/0/content/0',
    ],
    [{ role: 'assistant', content: 'x', citations: [{ start: 0 }] }, 'citations /messages/0/citations'],
    [{ role: 'assistant', tool_calls: [{ id: 'a' }] }, 'not-understood /messages/0/tool_calls/0'],
  ];
  for (const [message, expected] of messages)
    assert.deepEqual(decoded({ model: 'm', messages: [message] }).codes, [expected]);
  const quiet = { safety_mode: 'CONTEXTUAL', citation_options: { mode: 'OFF' }, logprobs: false, documents: [], k: 0 };
  assert.deepEqual(decoded({ model: 'm', messages: [], ...quiet }).codes, []);
});

test('what is no request of this dialect is not understood, and nothing throws', () => {
  let deep: unknown = 'x';
  for (let depth = 0; depth < 20_000; depth++) deep = [deep];
  for (const body of [null, 7, 'x', [], {}, { model: 'm' }, { messages: [] }]) {
    const { request, losses } = decodeRequest(body);
    assert.equal(request, undefined);
    assert.ok(losses.some(isEssential));
  }
  const document = { role: 'user', content: [{ type: 'document', document: { data: deep } }, deep] };
  const odd = { model: 'm', messages: [document, deep], tools: deep, response_format: deep, thinking: deep };
  assert.ok(decodeRequest(odd).losses.some(isEssential));
});

const user = (...parts: readonly Part[]): Message => ({ role: 'user', parts });
const assistant = (...parts: readonly Part[]): Message => ({ role: 'assistant', parts });
const hi: Part = { kind: 'text', text: 'hi' };
const call = { kind: 'tool-call', id: 'a', name: 'f', args: '' } as const;
const image = { kind: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA' } } as const;
const file = { kind: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'AA' } } as const;
const result = (...parts: readonly (typeof image | typeof file)[]): Part => {
  return { kind: 'tool-result', id: 'a', name: 'f', parts, isError: false };
};
const tool = (name: string, strict: boolean, required: readonly string[] = ['z']) => {
  return { name, description: undefined, parameters: { ...SCHEMA, required }, strict };
};

test('losses of writing, each by its code', () => {
  const rows: readonly (readonly [Partial<HubRequest>, readonly string[]])[] = [
    [{ cacheKey: 'k', user: 'u', verbosity: 'low' }, ['cache-key', 'user', 'verbosity']],
    [{ topP: 0, topK: 900, presencePenalty: -1, frequencyPenalty: 2 }, ['top-p', 'top-k', 'penalties']],
    [{ topP: 1, topK: 500, presencePenalty: 1 }, []],
    [{ stop: ['1', '2', '3', '4', '5', '6'] }, ['stop-sequences']],
    [{ reasoning: { effort: 'low', budgetTokens: undefined, visible: undefined } }, ['reasoning-effort']],
    [{ tools: [tool('a', true), tool('b', false)] }, ['tool-strict']],
    [{ tools: [tool('a', true, [])] }, ['tool-strict']],
    [{ tools: [tool('a.b', false)] }, ['tool-name']],
    [{ tools: [tool('a', false)], parallelTools: false }, ['parallel-tools']],
    [{ tools: [tool('a', false)], toolChoice: { kind: 'tool', name: 'b' } }, ['tool-choice']],
    [{ tools: [tool('a', false)], output: { kind: 'json-object' } }, ['json-object-mode']],
    [
      { tools: [tool('a', false)], output: { kind: 'json-schema', name: 'x', schema: SCHEMA, strict: true } },
      ['no-json-schema'],
    ],
    [{ messages: [user(file)] }, ['no-documents', 'not-understood']],
    [{ messages: [user({ ...image, detail: 'original' })] }, ['image-detail']],
    [{ messages: [user({ ...hi, cache: { ttl: undefined } })] }, ['cache-control']],
    [{ messages: [{ ...user(hi), name: 'Bo' }] }, ['participant-name']],
    [{ messages: [user(hi), assistant(hi)] }, ['prefill']],
    [{ messages: [user(result())] }, ['tool-pairing']],
    [{ messages: [user(hi), assistant(call), user(result(image, file))] }, ['no-images', 'no-documents']],
    [
      { messages: [user(hi), assistant({ kind: 'reasoning', text: 'x' }, { kind: 'refusal', text: 'no' }), user(hi)] },
      ['reasoning-dropped', 'refusal-as-text'],
    ],
  ];
  for (const [request, expected] of rows) assert.deepEqual(encoded(request).codes, expected, JSON.stringify(expected));
  const facts = {
    ...NO_FACTS,
    images: false,
    tools: false,
    reasoning: false,
    temperature: false,
    outputTokens: 10,
  };
  const reasoning = { effort: undefined, budgetTokens: undefined, visible: undefined };
  const asked = { messages: [user(image)], tools: [tool('a', false)], reasoning, temperature: 1, maxOutputTokens: 20 };
  assert.deepEqual(encoded(asked, { facts }).codes, [
    'no-images',
    'no-tools',
    'reasoning-unsupported',
    'max-tokens-lowered',
    'temperature',
  ]);
});

test('one forced tool is the only one that is offered', () => {
  const { body, codes } = encoded({
    tools: [tool('a', false), tool('b', false)],
    toolChoice: { kind: 'tool', name: 'b' },
  });
  assert.deepEqual(codes, []);
  const sent = body['tools'] as readonly { readonly function: { readonly name: string } }[];
  assert.deepEqual([sent.map((each) => each.function.name), body['tool_choice']], [['b'], 'REQUIRED']);
});

test('reasoning by effort becomes a budget, none switches it off', () => {
  const thinking = (reasoning: HubRequest['reasoning']) =>
    encoded({ reasoning, maxOutputTokens: 10_000 }).body['thinking'];
  assert.deepEqual(thinking({ effort: 'high', budgetTokens: undefined, visible: undefined }), {
    type: 'enabled',
    token_budget: 8_000,
  });
  assert.deepEqual(thinking({ effort: 'none', budgetTokens: undefined, visible: undefined }), { type: 'disabled' });
  assert.equal(thinking(undefined), undefined);
});

test('text around results keeps its place', () => {
  const { body, codes } = encoded({ messages: [user(hi), assistant(hi, call), user(hi, result(), hi)] });
  assert.deepEqual(codes, []);
  assert.deepEqual(body['messages'], [
    { role: 'user', content: 'hi' },
    {
      role: 'assistant',
      tool_plan: 'hi',
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
    },
    { role: 'user', content: 'hi' },
    { role: 'tool', tool_call_id: 'a', content: '' },
    { role: 'user', content: 'hi' },
  ]);
});
