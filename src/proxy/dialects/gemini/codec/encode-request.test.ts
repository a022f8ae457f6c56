// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FACTS } from '../../../../../test/fakes/hub-request.ts';
import { TARGET as ANY_TARGET, QUESTION } from '../../../../../test/fakes/hub-target.ts';
import type { EncodeTarget, ModelFacts } from '../../hub/codec.ts';
import type { HubRequest, Message, Part } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { encodeRequest } from './encode-request.ts';

const TARGET: EncodeTarget = { ...ANY_TARGET, model: 'gemini-3-flash', defaultMaxTokens: 10_000 };

function encode(request: Partial<HubRequest>, target: Partial<EncodeTarget> = {}) {
  const { body, losses, toolNames } = encodeRequest({ ...QUESTION, ...request }, { ...TARGET, ...target });
  return { body, codes: losses.map(({ code }): LossCode => code), toolNames };
}

const says = (role: Message['role'], ...parts: Part[]): Message => ({ role, parts });
const text = (words: string): Part => ({ kind: 'text', text: words });
const call = (id: string, name: string, args: string): Part => ({ kind: 'tool-call', id, name, args });
const withParts = (...parts: Part[]) => ({ messages: [says('user', ...parts)] });

test('a whole request: key order, schemas by reference', () => {
  const schema = { type: 'object', properties: { z: {}, a: {} } };
  const { body, codes } = encode({
    messages: [says('system', text('One.')), says('system', text('Two.')), says('user', text('hi'))],
    tools: [{ name: 'look', description: 'looks', parameters: schema, strict: undefined }],
    toolChoice: { kind: 'required' },
    output: { kind: 'json-schema', name: undefined, schema, strict: undefined },
    maxOutputTokens: 50,
    temperature: 0,
    stop: ['END'],
    seed: 1,
    reasoning: { effort: 'low', budgetTokens: undefined, visible: true },
  });
  assert.deepEqual(codes, []);
  assert.equal(
    JSON.stringify(body),
    JSON.stringify({
      systemInstruction: { parts: [{ text: 'One.' }, { text: 'Two.' }] },
      contents: [{ role: 'user', parts: [{ text: 'hi' }] }],
      tools: [{ functionDeclarations: [{ name: 'look', description: 'looks', parametersJsonSchema: schema }] }],
      toolConfig: { functionCallingConfig: { mode: 'ANY' } },
      generationConfig: {
        temperature: 0,
        maxOutputTokens: 50,
        stopSequences: ['END'],
        seed: 1,
        responseMimeType: 'application/json',
        responseJsonSchema: schema,
        thinkingConfig: { thinkingLevel: 'LOW', includeThoughts: true },
      },
    }),
  );
});

test('foreign calls carry the sentinel at the first call of each turn; results are objects and come first', () => {
  const { body, codes } = encode({
    messages: [
      says('user', text('go')),
      says('assistant', text('ok'), call('a', 'f', '{"z":1,"a":2}'), call('b', 'f', '')),
      says('user', text('by the way'), {
        kind: 'tool-result',
        id: 'a',
        name: undefined,
        parts: [{ kind: 'text', text: 'sunny' }],
        isError: false,
      }),
      says('user', { kind: 'tool-result', id: 'b', name: 'f', parts: [{ kind: 'text', text: 'no' }], isError: true }),
      says('assistant', call('c', 'f', '{}')),
      says('user', { kind: 'tool-result', id: 'c', name: 'f', parts: [], isError: false }),
    ],
  });
  assert.deepEqual(codes, []);
  const sentinel = 'skip_thought_signature_validator';
  assert.deepEqual(body['contents'], [
    { role: 'user', parts: [{ text: 'go' }] },
    {
      role: 'model',
      parts: [
        { text: 'ok' },
        { functionCall: { id: 'a', name: 'f', args: { z: 1, a: 2 } }, thoughtSignature: sentinel },
        { functionCall: { id: 'b', name: 'f', args: {} } },
      ],
    },
    {
      role: 'user',
      parts: [
        { functionResponse: { id: 'a', name: 'f', response: { result: 'sunny' } } },
        { functionResponse: { id: 'b', name: 'f', response: { error: 'no' } } },
        { text: 'by the way' },
      ],
    },
    { role: 'model', parts: [{ functionCall: { id: 'c', name: 'f', args: {} }, thoughtSignature: sentinel }] },
    { role: 'user', parts: [{ functionResponse: { id: 'c', name: 'f', response: { result: '' } } }] },
  ]);
});

test('own signatures go back where they were, and only to the provider that made them', () => {
  const opaque = { dialect: 'gemini', form: 'signature', data: 'c2ln' } as const;
  const messages = [
    says('user', text('go')),
    says(
      'assistant',
      { kind: 'reasoning', text: 'hm', opaque },
      text('well'),
      { kind: 'reasoning', text: '', opaque },
      { ...call('a', 'f', '{}'), kind: 'tool-call', id: 'a', name: 'f', args: '{}', opaque },
    ),
    says('user', { kind: 'tool-result', id: 'a', name: 'f', parts: [], isError: false }),
  ];
  const own = encode({ messages }, { mayUseOpaque: true });
  assert.deepEqual(own.codes, []);
  assert.deepEqual((own.body['contents'] as { parts: unknown }[])[1]?.parts, [
    { text: 'hm', thought: true, thoughtSignature: 'c2ln' },
    { text: 'well', thoughtSignature: 'c2ln' },
    { functionCall: { id: 'a', name: 'f', args: {} }, thoughtSignature: 'c2ln' },
  ]);
  const foreign = encode({ messages });
  assert.ok(foreign.codes.includes('reasoning-dropped'));
  assert.ok(!JSON.stringify(foreign.body).includes('c2ln'));
  assert.ok(!JSON.stringify(foreign.body).includes('hm'));
});

test('images of a result: inside it from generation 3 on, beside it before', () => {
  const image = { kind: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } } as const;
  const messages = [
    says('user', text('go')),
    says('assistant', call('a', 'f', '{}')),
    says('user', { kind: 'tool-result', id: 'a', name: 'f', parts: [image], isError: false }),
  ];
  const inline = { inlineData: { mimeType: 'image/png', data: 'AAAA' } };
  const last = (model: string) => (encode({ messages }, { model }).body['contents'] as { parts: unknown }[])[2]?.parts;
  assert.deepEqual(last('gemini-3.1-pro'), [
    { functionResponse: { id: 'a', name: 'f', response: { result: '' }, parts: [inline] } },
  ]);
  assert.deepEqual(last('gemini-2.5-pro'), [
    { functionResponse: { id: 'a', name: 'f', response: { result: '' } } },
    inline,
  ]);
});

test('tool names are made to fit and can be mapped back', () => {
  const { body, codes, toolNames } = encode({
    tools: [{ name: 'mcp.files/read file', description: undefined, parameters: undefined, strict: true }],
    toolChoice: { kind: 'tool', name: 'mcp.files/read file' },
  });
  assert.deepEqual(codes, ['tool-name', 'tool-strict']);
  assert.deepEqual([...toolNames], [['mcp_files_read_file', 'mcp.files/read file']]);
  assert.deepEqual(body['tools'], [{ functionDeclarations: [{ name: 'mcp_files_read_file' }] }]);
  assert.deepEqual(body['toolConfig'], {
    functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['mcp_files_read_file'] },
  });
});

test('thinking: a budget before generation 3, a word from then on', () => {
  const thinking = (model: string, reasoning: Partial<NonNullable<HubRequest['reasoning']>>) => {
    const { body, codes } = encode(
      { reasoning: { effort: undefined, budgetTokens: undefined, visible: undefined, ...reasoning } },
      { model },
    );
    return [(body['generationConfig'] as { thinkingConfig?: unknown } | undefined)?.thinkingConfig, ...codes];
  };
  assert.deepEqual(thinking('gemini-2.5-flash', { effort: 'medium' }), [{ thinkingBudget: 5_000 }]);
  assert.deepEqual(thinking('gemini-2.5-flash', { effort: 'none' }), [{ thinkingBudget: 0 }]);
  assert.deepEqual(thinking('gemini-2.5-pro', { effort: 'none' }), [{ thinkingBudget: 128 }, 'reasoning-effort']);
  assert.deepEqual(thinking('gemini-2.5-flash', { budgetTokens: 60_000 }), [
    { thinkingBudget: 24_576 },
    'reasoning-effort',
  ]);
  assert.deepEqual(thinking('gemini-3.1-pro', { effort: 'minimal' }), [{ thinkingLevel: 'LOW' }, 'reasoning-effort']);
  assert.deepEqual(thinking('gemini-3-flash', { effort: 'minimal' }), [{ thinkingLevel: 'MINIMAL' }]);
  assert.deepEqual(thinking('gemini-3-flash', { effort: 'max' }), [{ thinkingLevel: 'HIGH' }, 'reasoning-effort']);
  assert.deepEqual(thinking('gemini-3-flash', { budgetTokens: 4_000 }), [{ thinkingBudget: 4_000 }]);
  assert.deepEqual(thinking('gemini-flash-latest', { effort: 'high' }), [{ thinkingBudget: 8_000 }]);
  assert.deepEqual(thinking('gemini-3-flash', { visible: true }), [{ includeThoughts: true }]);
  assert.deepEqual(thinking('gemini-3-flash', {}), [undefined]);
});

test('only a system prompt: it becomes what the user says', () => {
  const { body, codes } = encode({ messages: [says('system', text('Tell a joke.'))] });
  assert.deepEqual(body, { contents: [{ role: 'user', parts: [{ text: 'Tell a joke.' }] }] });
  assert.deepEqual(codes, ['system-position']);
});

test('what Gemini or the model cannot take is a loss', () => {
  const facts = (known: Partial<ModelFacts>) => ({ facts: { ...NO_FACTS, ...known } });
  const bytes = (mediaType: string) => ({ kind: 'base64', mediaType, data: 'AAAA' }) as const;
  const url = { kind: 'url', url: 'https://a.example/x', mediaType: undefined } as const;
  const imagePart = { kind: 'image', source: bytes('image/png') } as const;
  const image: Part = imagePart;
  const schema: Partial<HubRequest> = {
    output: { kind: 'json-schema', name: undefined, schema: { type: 'object' }, strict: undefined },
  };
  const tools: HubRequest['tools'] = [{ name: 'f', description: undefined, parameters: undefined, strict: undefined }];
  const cases: readonly (readonly [{ codes: readonly LossCode[] }, LossCode])[] = [
    [encode(withParts({ kind: 'image', source: url })), 'image-url'],
    [encode(withParts({ kind: 'document', source: url })), 'document-url'],
    [encode(withParts({ kind: 'image', source: bytes('image/gif') })), 'media-type'],
    [encode(withParts({ kind: 'document', source: bytes('application/msword') })), 'media-type'],
    [encode(withParts({ ...image, kind: 'image', detail: 'high' } as Part)), 'image-detail'],
    [encode(withParts({ kind: 'document', source: { kind: 'text', text: 'x' }, name: 'n' })), 'document-name'],
    [encode(withParts({ kind: 'text', text: 'x', cache: { ttl: undefined } })), 'cache-control'],
    [encode(withParts(image), facts({ images: false })), 'no-images'],
    [
      encode(withParts({ kind: 'document', source: bytes('application/pdf') }), facts({ documents: false })),
      'no-documents',
    ],
    [
      encode(
        {
          messages: [
            says('assistant', call('a', 'f', '{}')),
            says('user', { kind: 'tool-result', id: 'a', name: 'f', parts: [imagePart], isError: false }),
          ],
        },
        { model: 'gemini-2.5-pro' },
      ),
      'tool-result-media',
    ],
    [encode({ tools }, facts({ tools: false })), 'no-tools'],
    [encode(schema, facts({ jsonSchema: false })), 'no-json-schema'],
    [encode(schema, { quirks: { jsonSchema: 'json-object' } }), 'no-json-schema'],
    [encode({ ...schema, tools }, { model: 'gemini-2.5-flash' }), 'no-json-schema'],
    [encode({ temperature: 1 }, facts({ temperature: false })), 'temperature'],
    [encode({ topP: 1 }, facts({ temperature: false })), 'top-p'],
    [encode({ maxOutputTokens: 100 }, facts({ outputTokens: 50 })), 'max-tokens-lowered'],
    [
      encode(
        { reasoning: { effort: 'low', budgetTokens: undefined, visible: undefined } },
        facts({ reasoning: false }),
      ),
      'reasoning-unsupported',
    ],
    [encode({ stop: ['1', '2', '3', '4', '5', '6'] }), 'stop-sequences'],
    [encode({ tools, parallelTools: false }), 'parallel-tools'],
    [encode({ cacheKey: 'k' }), 'cache-key'],
    [encode({ user: 'u' }), 'user'],
    [encode({ verbosity: 'low' }), 'verbosity'],
    [encode({ messages: [{ role: 'user', parts: [text('a')], name: 'Ann' }] }), 'participant-name'],
    [encode({ messages: [says('user', text('a')), says('system', text('b'))] }), 'system-position'],
    [encode({ messages: [says('user', text('a')), says('assistant', text('b'))] }), 'prefill'],
    [encode({ messages: [] }), 'not-understood'],
    [encode({ messages: [says('user', text('a')), says('assistant', call('a', 'f', '{'))] }), 'not-understood'],
    [encode(withParts({ kind: 'tool-result', id: 'lost', name: 'f', parts: [], isError: false })), 'tool-pairing'],
    [encode({ messages: [says('assistant', call('a', 'f', '')), says('user', text('well?'))] }), 'tool-pairing'],
    [
      encode({
        messages: [
          says('user', text('a')),
          says('assistant', { kind: 'refusal', text: 'no' }),
          says('user', text('b')),
        ],
      }),
      'refusal-as-text',
    ],
  ];
  for (const [{ codes }, expected] of cases) assert.ok(codes.includes(expected), `${expected} in [${codes.join()}]`);
});
