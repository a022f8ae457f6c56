// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DialectId, Operation, Recognised, RequestFacts } from './dialect.ts';
import { dialectOf, spliceModel } from './index.ts';

interface Asked {
  readonly facts: RequestFacts;
  readonly body: Buffer;
}

function ask(dialect: DialectId, request: unknown, path: Partial<Recognised> = {}): Asked {
  const body = Buffer.from(typeof request === 'string' ? request : JSON.stringify(request));
  const operation: Operation = path.operation ?? 'generate';
  const recognised = { pathModel: undefined, pathStream: undefined, ...path, dialect, operation };
  return { facts: dialectOf(dialect).readRequest(recognised, body), body };
}

/** Role, pointer and decoded text of each span; every pointer must lead to that very text. */
function texts({ facts, body }: Asked): readonly (readonly [string, string, string])[] {
  return facts.textSpans().map(({ role, pointer, start, end }) => {
    const text = JSON.parse(body.toString('utf8', start, end)) as string;
    let at: unknown = JSON.parse(body.toString());
    for (const token of pointer.split('/').slice(1)) {
      at = (at as Record<string, unknown>)[token.replaceAll('~1', '/').replaceAll('~0', '~')];
    }
    assert.equal(at, text, pointer);
    return [role, pointer, text];
  });
}

test('chat: facts and texts', () => {
  const asked = ask('openai-chat', {
    model: 'gpt-4o',
    stream: true,
    messages: [
      { role: 'developer', content: 'sys' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'ü"\n' },
          { type: 'image_url', image_url: { url: 'data:x' } },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [{ function: { name: 'f', arguments: '{"a/b":1}' } }] },
      { role: 'tool', tool_call_id: 'c', content: 'out' },
    ],
    tools: [
      { type: 'function', function: { name: 'f' } },
      { type: 'custom', custom: { name: 'c' } },
      { type: 'web_search' },
    ],
  });
  const { facts } = asked;
  assert.deepEqual([facts.understood, facts.model, facts.stream, facts.messageCount], [true, 'gpt-4o', true, 4]);
  assert.deepEqual(facts.toolNames, ['f', 'c', 'web_search']);
  assert.deepEqual(texts(asked), [
    ['system', '/messages/0/content', 'sys'],
    ['user', '/messages/1/content/0/text', 'ü"\n'],
    ['assistant', '/messages/2/tool_calls/0/function/arguments', '{"a/b":1}'],
    ['tool', '/messages/3/content', 'out'],
  ]);
});

test('the model can be replaced and nothing else changes', () => {
  const source = '{ "messages" : [{"role":"user","content":"gpt-4o"}],\n "model" :"gpt-4o" ,"n":1.0 }';
  const { facts, body } = ask('openai-chat', source);
  assert.ok(facts.modelSpan);
  assert.equal(spliceModel(body, facts.modelSpan, 'other').toString(), source.replace(':"gpt-4o" ,', ':"other" ,'));
});

test('of two models the last one counts, as for the provider', () => {
  const { facts, body } = ask('openai-chat', '{"model":"allowed","messages":[],"mod\\u0065l":"denied"}');
  assert.equal(facts.model, 'denied');
  assert.equal(body.toString('utf8', facts.modelSpan?.start, facts.modelSpan?.end), '"denied"');
});

/** Body, model of the path → model and other model. */
const NAMED: readonly (readonly [string, string | undefined, string | undefined, string | undefined])[] = [
  ['{"model":"a","Model":"b"}', undefined, 'a', 'b'],
  ['{"MODEL":"b","model":"a"}', undefined, 'a', 'b'],
  ['{"model":"a","m\\u006fDel":"b"}', undefined, 'a', 'b'],
  ['{"model":"b","model":"a"}', undefined, 'a', 'b'],
  ['{"model":"b","model":null}', undefined, 'b', undefined],
  ['{"Model":"b"}', undefined, 'b', undefined],
  ['{"model":"a","Model":"a","mode":"b","models":"c","x":{"model":"d"}}', undefined, 'a', undefined],
  ['{"model":"b"}', 'a', 'a', 'b'],
  ['{"model":"A"}', 'a', 'a', 'A'],
  ['{"model":"a"}', 'a', 'a', undefined],
  ['{"model":"a","Model":"b","MODEL":"c"}', undefined, undefined, undefined],
  ['{"model":"b","Model":"c"}', 'a', undefined, undefined],
  [`{"model":"a","Model":"${'b'.repeat(257)}"}`, undefined, undefined, undefined],
];

for (const [text, pathModel, model, otherModel] of NAMED) {
  test(`every model that is named counts: ${text.slice(0, 60)} with ${pathModel} in the path`, () => {
    const { facts } = ask('openai-chat', text.replace('{', '{"messages":[],'), { pathModel });
    assert.deepEqual([facts.model, facts.otherModel, facts.understood], [model, otherModel, model !== undefined]);
  });
}

test('Gemini: the resource name in the body is the model of the path', () => {
  const named = (model: string) => {
    const { facts } = ask('gemini', { model, contents: [] }, { pathModel: 'gemini-pro' });
    return [facts.model, facts.otherModel];
  };
  assert.deepEqual(named('models/gemini-pro'), ['gemini-pro', undefined]);
  assert.deepEqual(named('projects/p/locations/l/publishers/google/models/gemini-pro'), ['gemini-pro', undefined]);
  assert.deepEqual(named('models/other'), ['gemini-pro', 'other']);
});

test('OpenAI’s dialects at Google: the resource name means the model, elsewhere it is a name of its own', () => {
  const body = '{"messages":[],"input":"x","model":"models/gemini-pro"}';
  for (const dialect of ['openai-chat', 'openai-embeddings'] as const) {
    const { facts } = ask(dialect, body, { resourceNames: true });
    assert.deepEqual([facts.model, facts.otherModel], ['gemini-pro', undefined]);
    assert.equal(body.slice(facts.modelSpan?.start, facts.modelSpan?.end), '"models/gemini-pro"');
    assert.equal(ask(dialect, body).facts.model, 'models/gemini-pro');
  }
});

test('a model in the path goes before the body’s and cannot be spliced', () => {
  const { facts } = ask('openai-chat', { model: 'x', messages: [] }, { pathModel: 'deployment' });
  assert.equal(facts.model, 'deployment');
  assert.equal(facts.modelSpan, undefined);
});

test('responses: input items, instructions, tools of a namespace and of an input item', () => {
  const asked = ask('openai-responses', {
    model: 'gpt-5',
    stream: true,
    instructions: 'be kind',
    tools: [{ type: 'function', name: 'f' }],
    input: [
      {
        type: 'additional_tools',
        tools: [{ type: 'namespace', name: 'ns', tools: [{ type: 'function', name: 'in' }] }],
      },
      { role: 'user', content: 'plain' },
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'rules' }] },
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'think' }], encrypted_content: 'AAAA' },
      { type: 'function_call', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c', output: 'result' },
      { type: 'function_call_output', call_id: 'd', output: [{ type: 'input_text', text: 'part' }] },
      { type: 'custom_tool_call', name: 'exec', input: 'ls' },
    ],
  });
  assert.equal(asked.facts.messageCount, 8);
  assert.deepEqual(asked.facts.toolNames, ['f', 'ns', 'in']);
  assert.deepEqual(texts(asked), [
    ['system', '/instructions', 'be kind'],
    ['user', '/input/1/content', 'plain'],
    ['system', '/input/2/content/0/text', 'rules'],
    ['assistant', '/input/3/summary/0/text', 'think'],
    ['assistant', '/input/4/arguments', '{}'],
    ['tool', '/input/5/output', 'result'],
    ['tool', '/input/6/output/0/text', 'part'],
    ['assistant', '/input/7/input', 'ls'],
  ]);
  assert.deepEqual(texts(ask('openai-responses', { model: 'm', input: 'hi' })), [['user', '/input', 'hi']]);
  assert.ok(ask('openai-responses', { model: 'm', previous_response_id: 'r' }).facts.understood);
});

test('completions and embeddings', () => {
  assert.deepEqual(texts(ask('openai-completions', { model: 'm', prompt: ['a', 'b'], suffix: 's' })), [
    ['user', '/prompt/0', 'a'],
    ['user', '/prompt/1', 'b'],
    ['user', '/suffix', 's'],
  ]);
  const tokens = ask(
    'openai-embeddings',
    { model: 'm', input: [[1, 2, 3]] },
    { operation: 'embed', pathStream: false },
  );
  assert.deepEqual([tokens.facts.understood, texts(tokens).length], [true, 0]);
});

test('anthropic: system blocks, tool use and result, documents', () => {
  const asked = ask('anthropic-messages', {
    model: 'claude',
    max_tokens: 1,
    system: [{ type: 'text', text: 'sys', cache_control: { type: 'ephemeral' } }],
    tools: [
      { name: 'f', input_schema: {} },
      { type: 'web_search_20250305', name: 'web_search' },
    ],
    messages: [
      { role: 'user', content: 'hi' },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 'AAAA' },
          { type: 'tool_use', id: 't', name: 'f', input: { 'a/b': ['x', { c: 'y' }], n: 1 } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'res' }] },
          { type: 'tool_result', tool_use_id: 't', content: 'flat' },
          { type: 'document', title: 'T', source: { type: 'text', media_type: 'text/plain', data: 'doc' } },
          { type: 'image', source: { type: 'base64', data: 'AAAA' } },
        ],
      },
    ],
  });
  assert.deepEqual(asked.facts.toolNames, ['f', 'web_search']);
  assert.equal(asked.facts.stream, false);
  assert.deepEqual(texts(asked), [
    ['system', '/system/0/text', 'sys'],
    ['user', '/messages/0/content', 'hi'],
    ['assistant', '/messages/1/content/0/thinking', 'hm'],
    ['assistant', '/messages/1/content/1/input/a~1b/0', 'x'],
    ['assistant', '/messages/1/content/1/input/a~1b/1/c', 'y'],
    ['tool', '/messages/2/content/0/content/0/text', 'res'],
    ['tool', '/messages/2/content/1/content', 'flat'],
    ['user', '/messages/2/content/2/title', 'T'],
    ['user', '/messages/2/content/2/source/data', 'doc'],
  ]);
});

test('gemini: contents, function calls and responses, and the wrapped form of Code Assist', () => {
  const request = {
    systemInstruction: { parts: [{ text: 'sys' }] },
    tools: [{ functionDeclarations: [{ name: 'f' }, { name: 'g' }] }, { googleSearch: {} }],
    contents: [
      { role: 'user', parts: [{ text: 'hi' }, { inlineData: { data: 'AAAA' } }] },
      { role: 'model', parts: [{ functionCall: { name: 'f', args: { q: 'x' } }, thoughtSignature: 'AAAA' }] },
      { role: 'user', parts: [{ functionResponse: { name: 'f', response: { out: 'y' } } }] },
    ],
  };
  const path = { pathModel: 'gemini-pro', pathStream: true };
  const asked = ask('gemini', request, path);
  assert.deepEqual([asked.facts.model, asked.facts.stream, asked.facts.messageCount], ['gemini-pro', true, 3]);
  assert.deepEqual(asked.facts.toolNames, ['f', 'g', 'googleSearch']);
  assert.deepEqual(texts(asked), [
    ['system', '/systemInstruction/parts/0/text', 'sys'],
    ['user', '/contents/0/parts/0/text', 'hi'],
    ['assistant', '/contents/1/parts/0/functionCall/args/q', 'x'],
    ['tool', '/contents/2/parts/0/functionResponse/response/out', 'y'],
  ]);
  const wrapped = ask('gemini', { model: 'gemini-pro', project: 'p', request }, { pathStream: true });
  assert.deepEqual([wrapped.facts.understood, wrapped.facts.model], [true, 'gemini-pro']);
  assert.ok(wrapped.facts.modelSpan);
  assert.deepEqual(
    texts(wrapped).map(([, pointer]) => pointer),
    texts(asked).map(([, pointer]) => `/request${pointer}`),
  );
  const batch = ask('gemini', { requests: [{ content: { parts: [{ text: 'e' }] } }] }, { operation: 'embed' });
  assert.deepEqual(texts(batch), [['user', '/requests/0/content/parts/0/text', 'e']]);
});

test('bedrock converse and count-tokens', () => {
  const converse = {
    system: [{ text: 'sys' }],
    toolConfig: { tools: [{ toolSpec: { name: 'f' } }, { cachePoint: { type: 'default' } }] },
    messages: [
      { role: 'user', content: [{ text: 'hi' }, { document: { source: { text: 'doc' } } }] },
      { role: 'assistant', content: [{ toolUse: { name: 'f', input: { a: 'x' } } }] },
      { role: 'user', content: [{ toolResult: { content: [{ text: 'r' }, { json: { k: 'v' } }] } }] },
    ],
  };
  const asked = ask('bedrock-converse', converse, { pathModel: 'm', pathStream: false });
  assert.deepEqual([asked.facts.messageCount, asked.facts.toolNames], [3, ['f']]);
  assert.deepEqual(texts(asked), [
    ['system', '/system/0/text', 'sys'],
    ['user', '/messages/0/content/0/text', 'hi'],
    ['user', '/messages/0/content/1/document/source/text', 'doc'],
    ['assistant', '/messages/1/content/0/toolUse/input/a', 'x'],
    ['tool', '/messages/2/content/0/toolResult/content/0/text', 'r'],
    ['tool', '/messages/2/content/0/toolResult/content/1/json/k', 'v'],
  ]);
  const count = ask('bedrock-converse', { input: { converse } }, { operation: 'count-tokens', pathModel: 'm' });
  assert.equal(count.facts.messageCount, 3);
  assert.equal(texts(count)[0]?.[1], '/input/converse/system/0/text');
});

test('bedrock invoke: the body’s family decides', () => {
  const anthropic = ask('bedrock-invoke', {
    anthropic_version: 'v',
    system: 's',
    messages: [{ role: 'user', content: 'u' }],
  });
  assert.deepEqual(texts(anthropic), [
    ['system', '/system', 's'],
    ['user', '/messages/0/content', 'u'],
  ]);
  assert.deepEqual(texts(ask('bedrock-invoke', { inputText: 't' })), [['user', '/inputText', 't']]);
  const nova = ask('bedrock-invoke', {
    inferenceConfig: {},
    system: [{ text: 's' }],
    messages: [{ role: 'user', content: [{ text: 'n' }] }],
  });
  assert.deepEqual(texts(nova), [
    ['system', '/system/0/text', 's'],
    ['user', '/messages/0/content/0/text', 'n'],
  ]);
  const calling = ask('bedrock-invoke', {
    toolConfig: { tools: [{ toolSpec: { name: 'f' } }] },
    messages: [{ role: 'user', content: [{ toolResult: { content: [{ text: 'r' }] } }] }],
  });
  assert.deepEqual(calling.facts.toolNames, ['f']);
  assert.deepEqual(texts(calling), [['tool', '/messages/0/content/0/toolResult/content/0/text', 'r']]);
  assert.equal(ask('bedrock-invoke', { other: 1 }).facts.understood, false);
});

test('cohere and ollama', () => {
  const cohere = ask('cohere-chat', {
    model: 'command-a',
    stream: true,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'c' }] }],
    documents: [{ data: { t: 'd' } }],
  });
  assert.deepEqual(texts(cohere), [
    ['user', '/messages/0/content/0/text', 'c'],
    ['tool', '/documents/0/data/t', 'd'],
  ]);
  assert.deepEqual(texts(ask('cohere-embed', { model: 'e', texts: ['t'] })), [['user', '/texts/0', 't']]);
  const chat = ask('ollama', { model: 'l', messages: [{ role: 'user', content: 'o' }] });
  assert.equal(chat.facts.stream, true, 'Ollama streams unless told not to');
  assert.equal(ask('ollama', { model: 'l', prompt: 'p', stream: false }).facts.stream, false);
  assert.equal(
    ask('ollama', { model: 'l', input: 'p' }, { operation: 'embed', pathStream: false }).facts.stream,
    false,
  );
});

test('a body that could not be decoded leaves what the path says', () => {
  const recognised = { dialect: 'gemini', operation: 'generate', pathModel: 'm', pathStream: true } as const;
  const facts = dialectOf('gemini').readRequest(recognised, undefined);
  assert.deepEqual([facts.understood, facts.model, facts.stream, facts.textSpans().length], [false, 'm', true, 0]);
});

test('a model name beyond any real length is no model, and the body counts as not understood', () => {
  const { facts } = ask('openai-chat', { model: 'x'.repeat(300), messages: [] });
  assert.deepEqual([facts.understood, facts.model, facts.modelSpan], [false, undefined, undefined]);
});

test('tool names are bounded in number and length', () => {
  const tools = Array.from({ length: 1000 }, () => ({ name: 'n'.repeat(1000) }));
  const { facts } = ask('anthropic-messages', { model: 'm', messages: [], tools });
  assert.equal(facts.toolNames.length, 256);
  assert.ok(facts.toolNames.every((name) => name.length === 128));
});
