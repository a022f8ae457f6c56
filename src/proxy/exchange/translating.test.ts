// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_FACTS } from '../../../test/fakes/hub-request.ts';
import type { DialectId, Operation } from '../dialects/dialect.ts';
import { dialectOf, type HubEvent } from '../dialects/index.ts';
import * as translation from '../dialects/translation.ts';
import { callersFraming, createTranslating, lossCodes, type TranslatingInput } from './translating.ts';

interface Asked {
  readonly dialect?: DialectId;
  readonly operation?: Operation;
  readonly target?: string;
  readonly sealed?: boolean;
}

function input(
  body: unknown,
  { dialect = 'openai-chat', operation = 'generate', ...rest }: Asked = {},
): TranslatingInput {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const pathModel = dialect === 'gemini' || dialect === 'bedrock-converse' ? 'm' : undefined;
  const recognised = { dialect, operation, pathModel, pathStream: undefined } as const;
  const facts = dialectOf(dialect).readRequest(recognised, bytes);
  return { recognised, facts, body: bytes, target: '/', now: 5_000, fresh: () => 'fresh', sealed: false, ...rest };
}

const TARGET = { model: 'theirs', facts: NO_FACTS, quirks: {}, defaultMaxTokens: 77, mayUseOpaque: false } as const;
const QUESTION = { model: 'm', seed: 1, messages: [{ role: 'user', content: 'Why?' }] };

test('a request is said anew for each target, with the losses of reading and of writing', () => {
  const translating = createTranslating(translation, input({ ...QUESTION, metadata: { a: 'b' } }));
  assert.ok(translating);
  const encoded = translating.encode('anthropic-messages', TARGET);
  assert.equal(encoded.body['model'], 'theirs');
  assert.equal(encoded.body['max_tokens'], 77);
  assert.deepEqual(new Set(lossCodes(encoded.losses)), new Set(['metadata', 'seed', 'max-tokens-added']));
  assert.equal(translating.encode('gemini', TARGET).body['contents'] !== undefined, true);
});

test('what the memory of the conversation adds goes along', () => {
  const translating = createTranslating(translation, input(QUESTION));
  const encoded = translating?.encode('openai-responses', TARGET, (request) => ({ ...request, user: 'remembered' }));
  assert.ok(JSON.stringify(encoded?.body).includes('remembered'));
});

test('what cannot be translated at all is said at once', () => {
  assert.equal(createTranslating(translation, input(QUESTION, { operation: 'count-tokens' })), undefined);
  assert.equal(createTranslating(translation, input({ input: 'x' }, { dialect: 'openai-embeddings' })), undefined);
});

const hostile: readonly (readonly [what: string, body: string])[] = [
  ['no JSON', '{"messages":'],
  ['a list', '[]'],
  ['small, but nested ten thousand deep', `{"messages":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  ['a schema nested ten thousand deep', `{"messages":[],"tools":[${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}]}`],
];
const DIALECTS = [
  'openai-chat',
  'openai-responses',
  'anthropic-messages',
  'gemini',
  'bedrock-converse',
  'cohere-chat',
  'ollama',
] as const;
for (const [what, body] of hostile) {
  test(`${what} is an essential loss and no exception`, () => {
    for (const dialect of DIALECTS) {
      const translating = createTranslating(translation, input(body, { dialect }));
      assert.deepEqual(lossCodes(translating?.decoded().losses ?? []).slice(0, 1), ['not-understood'], dialect);
      assert.equal(translating?.decoded().request, undefined);
      assert.deepEqual(translating?.encode('openai-chat', TARGET).body, {});
    }
  });
}

test('nesting that may just be, in schemas and in arguments, is walked and written by every dialect', () => {
  const schema = `${'{"type":"object","properties":{"a":'.repeat(200)}{}${'}}'.repeat(200)}`;
  const args = JSON.stringify(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`);
  const body = `{"model":"m","messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":${args}}}]},{"role":"tool","tool_call_id":"c","content":"r"}],"tools":[{"type":"function","function":{"name":"f","parameters":${schema}}}],"response_format":{"type":"json_schema","json_schema":{"name":"s","strict":true,"schema":${schema}}}}`;
  const translating = createTranslating(translation, input(body));
  assert.ok(translating?.decoded().request);
  for (const dialect of DIALECTS) {
    const text = JSON.stringify(translating.encode(dialect, TARGET).body);
    assert.ok(text.length > schema.length, dialect);
  }
});

const FRAMES: readonly (readonly [Asked, unknown, ReturnType<typeof callersFraming>])[] = [
  [{}, { ...QUESTION, stream: true }, 'sse'],
  [{}, QUESTION, undefined],
  [{ dialect: 'anthropic-messages' }, { ...QUESTION, stream: true }, 'sse'],
  [{ dialect: 'ollama' }, { ...QUESTION, stream: true }, 'ndjson'],
];
for (const [asked, body, expected] of FRAMES) {
  test(`${asked.dialect ?? 'openai-chat'} ${JSON.stringify(body)} expects ${expected ?? 'a document'}`, () => {
    assert.equal(callersFraming(input(body, asked)), expected);
  });
}

test('Gemini’s query and Bedrock’s path say how a stream is framed', () => {
  const streamed = (dialect: DialectId, target: string) => {
    const recognised = { dialect, operation: 'generate', pathModel: 'm', pathStream: true } as const;
    return callersFraming({ recognised, facts: dialectOf(dialect).readRequest(recognised, Buffer.from('{}')), target });
  };
  assert.equal(streamed('gemini', '/v1beta/models/m:streamGenerateContent?key=k&alt=sse'), 'sse');
  assert.equal(streamed('gemini', '/v1beta/models/m:streamGenerateContent'), 'json-array');
  assert.equal(streamed('bedrock-converse', '/model/m/converse-stream'), 'aws-event-stream');
});

const THOUGHT = {
  id: 'c',
  model: 'x',
  choices: [
    { index: 0, finish_reason: 'stop', message: { role: 'assistant', reasoning_content: 'Hm.', content: 'Yes.' } },
  ],
};

for (const sealed of [false, true]) {
  test(`a caller that ${sealed ? 'signs its history' : 'signs nothing'} is shown ${sealed ? 'no' : 'the'} reasoning of others`, () => {
    const body = { messages: [{ role: 'user', content: [{ text: 'q' }] }] };
    const translating = createTranslating(translation, input(body, { dialect: 'bedrock-converse', sealed }));
    assert.ok(translating);
    const encoded = translating.encode('openai-chat', TARGET);
    const seen: HubEvent[] = [];
    const answer = translating.answer('openai-chat', encoded, { model: 'm', observe: (event) => seen.push(event) });
    answer.watch.document(THOUGHT);
    answer.end();
    const text = answer.take().toString();
    assert.ok(text.includes('Yes.'));
    assert.equal(text.includes('Hm.'), !sealed);
    assert.deepEqual(lossCodes(answer.losses.found), sealed ? ['reasoning-dropped'] : []);
    assert.ok(seen.some(({ kind }) => kind === 'reasoning'));
  });
}

test('codes stand once each, essential ones first', () => {
  const at = '';
  const losses = [
    { code: 'seed', at },
    { code: 'audio', at },
    { code: 'seed', at: '/x' },
    { code: 'user', at },
  ] as const;
  assert.deepEqual(lossCodes(losses), ['audio', 'seed', 'user']);
});
