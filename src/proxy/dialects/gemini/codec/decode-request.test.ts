// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Recognised } from '../../dialect.ts';
import type { HubRequest } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { decodeRequest } from './decode-request.ts';

const AT: Recognised = { dialect: 'gemini', operation: 'generate', pathModel: 'gemini-2.5-flash', pathStream: true };
const HELLO = [{ role: 'user', parts: [{ text: 'hello' }] }];

function decode(body: unknown): { request: HubRequest; codes: readonly LossCode[]; at: readonly string[] } {
  const { request, losses } = decodeRequest(AT, body);
  assert.ok(request !== undefined, JSON.stringify(losses));
  return { request, codes: losses.map(({ code }) => code), at: losses.map(({ at }) => at) };
}

const codesOf = (body: object) => decode({ contents: HELLO, ...body }).codes;

test('a whole request: system, tools, choice, configuration', () => {
  const schema = { type: 'object', properties: { z: { type: 'string' }, a: { type: 'number' } } };
  const { request, codes } = decode({
    systemInstruction: { parts: [{ text: 'Be brief.' }] },
    contents: HELLO,
    tools: [{ functionDeclarations: [{ name: 'look', description: 'looks', parametersJsonSchema: schema }] }],
    toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['look'] } },
    generationConfig: {
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      maxOutputTokens: 100,
      stopSequences: ['END'],
      seed: 7,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
      thinkingConfig: { thinkingBudget: 2048, includeThoughts: true },
    },
  });
  assert.deepEqual(codes, []);
  assert.deepEqual(request, {
    model: 'gemini-2.5-flash',
    stream: true,
    streamUsage: true,
    messages: [
      { role: 'system', parts: [{ kind: 'text', text: 'Be brief.' }] },
      { role: 'user', parts: [{ kind: 'text', text: 'hello' }] },
    ],
    tools: [{ name: 'look', description: 'looks', parameters: schema, strict: undefined }],
    toolChoice: { kind: 'tool', name: 'look' },
    parallelTools: undefined,
    output: { kind: 'json-schema', name: undefined, schema, strict: undefined },
    reasoning: { effort: undefined, budgetTokens: 2048, visible: true },
    maxOutputTokens: 100,
    temperature: 0.5,
    topP: 0.9,
    topK: 40,
    stop: ['END'],
    seed: 7,
    presencePenalty: 0.1,
    frequencyPenalty: 0.2,
    cacheKey: undefined,
    user: undefined,
    verbosity: undefined,
  });
  assert.equal(request.tools[0]?.parameters, schema, "the caller's own object");
});

test('snake case says the same as camel case', () => {
  const camel = {
    contents: [
      { role: 'user', parts: [{ inlineData: { mimeType: 'image/png', data: 'AAAA' } }] },
      { role: 'model', parts: [{ functionCall: { name: 'f', args: { snake_case: 1 } }, thoughtSignature: 'c2ln' }] },
      { role: 'user', parts: [{ functionResponse: { name: 'f', response: { output: 'x' } } }] },
    ],
    systemInstruction: { parts: [{ text: 's' }] },
    tools: [{ functionDeclarations: [{ name: 'f', parametersJsonSchema: { type: 'object', my_key: 1 } }] }],
    toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] } },
    generationConfig: { maxOutputTokens: 5, thinkingConfig: { thinkingLevel: 'LOW', includeThoughts: false } },
  };
  const snake = {
    contents: [
      { role: 'user', parts: [{ inline_data: { mime_type: 'image/png', data: 'AAAA' } }] },
      { role: 'model', parts: [{ function_call: { name: 'f', args: { snake_case: 1 } }, thought_signature: 'c2ln' }] },
      { role: 'user', parts: [{ function_response: { name: 'f', response: { output: 'x' } } }] },
    ],
    system_instruction: { parts: [{ text: 's' }] },
    tools: [{ function_declarations: [{ name: 'f', parameters_json_schema: { type: 'object', my_key: 1 } }] }],
    tool_config: { function_calling_config: { mode: 'ANY', allowed_function_names: ['f'] } },
    generation_config: { max_output_tokens: 5, thinking_config: { thinking_level: 'LOW', include_thoughts: false } },
  };
  const [one, other] = [decode(camel), decode(snake)];
  assert.deepEqual(other, one);
  assert.deepEqual(one.codes, []);
  assert.match(JSON.stringify(one.request), /snake_case.*my_key/);
});

test('calls without ids get one from their place; responses are paired by name in order', () => {
  const { request, codes } = decode({
    contents: [
      ...HELLO,
      {
        role: 'model',
        parts: [
          { functionCall: { name: 'a', args: { n: 1 } } },
          { functionCall: { name: 'a', args: { n: 2 } } },
          { functionCall: { id: 'own', name: 'b' } },
        ],
      },
      {
        role: 'function',
        parts: [
          { functionResponse: { id: 'own', name: 'b', response: { error: 'no' } } },
          { functionResponse: { name: 'a', response: { result: 'first' } } },
          { functionResponse: { name: 'a', response: { sky: 'grey', n: 2 } } },
        ],
      },
    ],
  });
  assert.deepEqual(codes, []);
  assert.deepEqual(request.messages[1]?.parts, [
    { kind: 'tool-call', id: 'call_1_0', name: 'a', args: '{"n":1}' },
    { kind: 'tool-call', id: 'call_1_1', name: 'a', args: '{"n":2}' },
    { kind: 'tool-call', id: 'own', name: 'b', args: '' },
  ]);
  assert.deepEqual(request.messages[2], {
    role: 'user',
    parts: [
      { kind: 'tool-result', id: 'own', name: 'b', parts: [{ kind: 'text', text: 'no' }], isError: true },
      { kind: 'tool-result', id: 'call_1_0', name: 'a', parts: [{ kind: 'text', text: 'first' }], isError: false },
      {
        kind: 'tool-result',
        id: 'call_1_1',
        name: 'a',
        parts: [{ kind: 'text', text: '{"sky":"grey","n":2}' }],
        isError: false,
      },
    ],
  });
});

test('a response without its call is an essential loss, and has an id all the same', () => {
  const { request, codes } = decode({
    contents: [{ role: 'user', parts: [{ functionResponse: { name: 'a', response: { result: 'x' } } }] }],
  });
  assert.deepEqual(codes, ['tool-pairing']);
  assert.equal(request.messages[0]?.parts[0]?.kind === 'tool-result' && request.messages[0].parts[0].id, 'result_0_0');
});

test('media: inline bytes, https addresses, files of Google', () => {
  const parts = (...list: object[]) => decode({ contents: [{ role: 'user', parts: list }] });
  const inline = (mimeType: string, data = 'AAAA') => ({ inlineData: { mimeType, data, displayName: 'n' } });
  assert.deepEqual(parts(inline('image/png', 'a-_b\n'), inline('application/pdf')).request.messages[0]?.parts, [
    { kind: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'a+/b' } },
    { kind: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'AAAA' }, name: 'n' },
  ]);
  const file = (fileUri: string, mimeType?: string) => ({ fileData: { fileUri, mimeType } });
  assert.deepEqual(parts(file('https://a.example/x.png', 'image/png')).request.messages[0]?.parts, [
    { kind: 'image', source: { kind: 'url', url: 'https://a.example/x.png', mediaType: 'image/png' } },
  ]);
  const both = (part: object) => parts({ text: 'x' }, part).codes;
  assert.deepEqual(both(file('gs://bucket/x.png', 'image/png')), ['file-reference']);
  assert.deepEqual(both(file('https://generativelanguage.googleapis.com/v1beta/files/a')), ['file-reference']);
  assert.deepEqual(both(file('https://www.youtube.com/watch?v=1')), ['video']);
  assert.deepEqual(both(file('https://a.example/x')), ['media-type']);
  assert.deepEqual(both(inline('audio/wav')), ['audio']);
  assert.deepEqual(both(inline('video/mp4')), ['video']);
  assert.deepEqual(both({ inlineData: { data: 'AAAA' } }), ['not-understood']);
});

test('thoughts and signatures; the sentinel for foreign history is no signature', () => {
  const { request } = decode({
    contents: [
      ...HELLO,
      {
        role: 'model',
        parts: [
          { text: 'hm', thought: true },
          { text: 'answer', thoughtSignature: 'c2lnMQ==' },
          { functionCall: { name: 'f' }, thoughtSignature: 'skip_thought_signature_validator' },
        ],
      },
      { role: 'user', parts: [{ functionResponse: { name: 'f' } }] },
    ],
  });
  assert.deepEqual(request.messages[1]?.parts, [
    { kind: 'reasoning', text: 'hm' },
    { kind: 'text', text: 'answer' },
    { kind: 'reasoning', text: '', opaque: { dialect: 'gemini', form: 'signature', data: 'c2lnMQ==' } },
    { kind: 'tool-call', id: 'call_1_0', name: 'f', args: '' },
  ]);
});

test("Google's own schema language becomes JSON Schema on a copy", () => {
  const parameters = {
    type: 'OBJECT',
    properties: {
      zeta: { type: 'STRING', nullable: true, enum: ['a', 'b'] },
      Alpha: { type: 'ARRAY', items: { type: 'INTEGER' }, minItems: '2' },
      either: { any_of: [{ type: 'STRING' }, { type: 'NUMBER' }], nullable: true },
    },
    required: ['zeta'],
    propertyOrdering: ['zeta', 'Alpha', 'either'],
  };
  const before = structuredClone(parameters);
  const { request, codes } = decode({
    contents: HELLO,
    tools: { functionDeclarations: { name: 'f', parameters } },
    generationConfig: { responseMimeType: 'application/json', responseSchema: { type: 'STRING' } },
  });
  assert.deepEqual(codes, []);
  assert.equal(
    JSON.stringify(request.tools[0]?.parameters),
    JSON.stringify({
      type: 'object',
      properties: {
        zeta: { type: ['string', 'null'], enum: ['a', 'b', null] },
        Alpha: { type: 'array', items: { type: 'integer' }, minItems: 2 },
        either: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'null' }] },
      },
      required: ['zeta'],
    }),
  );
  assert.deepEqual(parameters, before);
  assert.deepEqual(request.output?.kind === 'json-schema' && request.output.schema, { type: 'string' });
});

test('thinking: zero is off, minus one is up to the model, a level is an effort', () => {
  const thinking = (thinkingConfig: object) =>
    decode({ contents: HELLO, generationConfig: { thinkingConfig } }).request.reasoning;
  assert.deepEqual(thinking({ thinkingBudget: 0 }), { effort: 'none', budgetTokens: undefined, visible: undefined });
  assert.deepEqual(thinking({ thinkingBudget: -1 }), {
    effort: undefined,
    budgetTokens: undefined,
    visible: undefined,
  });
  assert.deepEqual(thinking({ thinkingLevel: 'high', includeThoughts: true }), {
    effort: 'high',
    budgetTokens: undefined,
    visible: true,
  });
});

test('every member without a place in the hub is a loss', () => {
  const config = (generationConfig: object) => codesOf({ generationConfig });
  const part = (one: object) => codesOf({ contents: [{ role: 'user', parts: [{ text: 'a' }, one] }] });
  const cases: readonly (readonly [readonly LossCode[], LossCode])[] = [
    [codesOf({ safetySettings: [{ category: 'c' }] }), 'safety-settings'],
    [codesOf({ cachedContent: 'cachedContents/1' }), 'cached-content'],
    [codesOf({ labels: { a: 'b' } }), 'metadata'],
    [codesOf({ serviceTier: 'flex' }), 'service-tier'],
    [codesOf({ newThing: 1 }), 'unknown-field'],
    [codesOf({ tools: [{ googleSearch: {} }] }), 'server-tool'],
    [codesOf({ tools: [{ code_execution: {} }] }), 'server-tool'],
    [codesOf({ tools: [{ functionDeclarations: [{ description: 'nameless' }] }] }), 'not-understood'],
    [codesOf({ tools: [{ functionDeclarations: [{ name: 'f', behavior: 'BLOCKING' }] }] }), 'unknown-field'],
    [codesOf({ toolConfig: { functionCallingConfig: { mode: 'VALIDATED' } } }), 'tool-strict'],
    [codesOf({ toolConfig: { functionCallingConfig: { mode: 'WILD' } } }), 'tool-choice'],
    [
      codesOf({
        tools: [{ functionDeclarations: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }],
        toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['a', 'b'] } },
      }),
      'tool-choice',
    ],
    [codesOf({ toolConfig: { retrievalConfig: { languageCode: 'de' } } }), 'unknown-field'],
    [config({ candidateCount: 2 }), 'several-choices'],
    [config({ responseLogprobs: true }), 'logprobs'],
    [config({ responseModalities: ['TEXT', 'IMAGE'] }), 'output-modality'],
    [config({ speechConfig: { voice: 'v' } }), 'audio'],
    [config({ mediaResolution: 'LOW' }), 'image-detail'],
    [config({ responseMimeType: 'text/x.enum' }), 'no-json-schema'],
    [config({ responseFormat: [{ text: {} }] }), 'no-json-schema'],
    [config({ temperature: 'warm' }), 'not-understood'],
    [config({ thinkingConfig: { thinkingLevel: 'ENORMOUS' } }), 'reasoning-effort'],
    [codesOf({ tools: 'all' }), 'not-understood'],
    [codesOf({ tools: [{ functionDeclarations: 'all' }] }), 'not-understood'],
    [codesOf({ toolConfig: 'AUTO' }), 'not-understood'],
    [config({ stopSequences: 7 }), 'not-understood'],
    [config({ thinkingConfig: 5 }), 'not-understood'],
    [part({ text: 'b', functionCall: { name: 'f' } }), 'not-understood'],
    [part({ executableCode: { code: '1' } }), 'server-tool'],
    [part({ somethingNew: { a: 1 } }), 'unknown-part'],
    [part({ text: 'b', videoMetadata: { fps: 1 } }), 'video'],
    [part({ functionCall: { name: 'f', args: 'text' } }), 'not-understood'],
    [codesOf({ contents: [...HELLO, { role: 'model', parts: [{ text: 'Well' }] }] }), 'prefill'],
    [codesOf({ contents: [{ role: 'system', parts: [{ text: 'a' }] }] }), 'not-understood'],
    [codesOf({ systemInstruction: { parts: [{ inlineData: { mimeType: 'image/png', data: '' } }] } }), 'unknown-part'],
  ];
  for (const [codes, expected] of cases) assert.ok(codes.includes(expected), `${expected} in [${codes.join()}]`);
});

test('members that say nothing make no loss', () => {
  assert.deepEqual(codesOf({ safetySettings: [], cachedContent: null, labels: {}, tools: [], toolConfig: {} }), []);
  assert.deepEqual(
    codesOf({ generationConfig: { candidateCount: 1, responseLogprobs: false, stopSequences: [] } }),
    [],
  );
  assert.deepEqual(codesOf({ generationConfig: { responseModalities: ['TEXT'], responseMimeType: 'text/plain' } }), []);
});

test('what is no conversation of this dialect is refused: other operations, wrapped and empty bodies', () => {
  const refused = (recognised: Recognised, body: unknown) => {
    const { request, losses } = decodeRequest(recognised, body);
    return request === undefined && losses.some(({ code }) => code === 'not-understood');
  };
  assert.ok(refused({ ...AT, operation: 'count-tokens' }, { contents: HELLO }));
  for (const body of [
    undefined,
    null,
    1,
    'x',
    [],
    {},
    { contents: [] },
    { model: 'm', request: { contents: HELLO } },
  ]) {
    assert.ok(refused(AT, body), JSON.stringify(body));
  }
});

test('deep nesting and huge lists do not throw', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`);
  const { codes } = decode({
    contents: [{ role: 'model', parts: [{ functionCall: { name: 'f', args: deep } }] }, ...HELLO],
    tools: [{ functionDeclarations: [{ name: 'f', parameters: { type: 'OBJECT', items: deepItems(5_000) } }] }],
  });
  assert.ok(codes.includes('not-understood'));
  const many = { role: 'user', parts: Array.from({ length: 200_000 }, () => ({ text: 'x' })) };
  assert.equal(decode({ contents: [many] }).request.messages[0]?.parts.length, 200_000);
});

function deepItems(levels: number): unknown {
  let schema: unknown = { type: 'STRING' };
  for (let n = 0; n < levels; n++) schema = { type: 'ARRAY', items: schema };
  return schema;
}
