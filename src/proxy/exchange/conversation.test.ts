// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DialectId } from '../dialects/dialect.ts';
import { dialectOf } from '../dialects/index.ts';
import { type Conversation, conversationOf } from './conversation.ts';

interface Asked {
  readonly dialect?: DialectId;
  readonly headers?: readonly string[];
}

function conversation(body: unknown, { dialect = 'openai-chat', headers = [] }: Asked = {}): Conversation {
  const bytes = Buffer.from(JSON.stringify(body));
  const recognised = { dialect, operation: 'generate', pathModel: undefined, pathStream: undefined } as const;
  return conversationOf(dialectOf(dialect).readRequest(recognised, bytes), bytes, headers);
}

const system = { role: 'system', content: 'You are terse.' };
const question = { role: 'user', content: 'Why?' };
const chat = (...messages: readonly unknown[]) => ({ model: 'm', messages: [system, question, ...messages] });

test('the key stays the same from turn to turn', () => {
  const first = conversation(chat()).key;
  assert.match(first ?? '', /^[\w-]{43}$/);
  const later = chat({ role: 'assistant', content: 'Because.' }, { role: 'user', content: 'And?' });
  assert.equal(conversation(later).key, first);
});

test('another question, prompt, model, or set of tools is another conversation', () => {
  const tools = [{ type: 'function', function: { name: 'f' } }];
  const keys = [
    conversation(chat()),
    conversation({ model: 'm', messages: [system, { role: 'user', content: 'How?' }] }),
    conversation({ model: 'm', messages: [question] }),
    conversation({ ...chat(), model: 'n' }),
    conversation({ ...chat(), tools }),
  ].map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(!keys.includes(undefined));
});

test('a session that the client names counts before the text', () => {
  const at = (headers: readonly string[], text: string) =>
    conversation({ model: 'm', messages: [{ role: 'user', content: text }] }, { headers }).key;
  assert.equal(at(['Session_Id', 's1'], 'a'), at(['session_id', 's1'], 'b'));
  assert.notEqual(at(['session_id', 's1'], 'a'), at(['session_id', 's2'], 'a'));
  assert.equal(conversation({ model: 'm', messages: [] }).key, undefined, 'nothing to tell it by');
});

test('only the beginning of long texts is looked at, so that growing them at the end changes nothing', () => {
  const long = 'x'.repeat(20_000);
  const at = (text: string) => conversation({ model: 'm', messages: [{ role: 'user', content: text }] }).key;
  assert.equal(at(`${long}a`), at(`${long}b`));
  assert.notEqual(at(`a${long}`), at(`b${long}`));
});

const loops: readonly (readonly [dialect: DialectId, body: unknown])[] = [
  [
    'openai-chat',
    chat(
      {
        role: 'assistant',
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":"b"}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: 'r' },
    ),
  ],
  [
    'openai-responses',
    {
      model: 'm',
      instructions: 'i',
      input: [
        question,
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{"a":"b"}' },
        { type: 'function_call_output', call_id: 'c', output: 'r' },
      ],
    },
  ],
  [
    'anthropic-messages',
    {
      model: 'm',
      messages: [
        question,
        { role: 'assistant', content: [{ type: 'tool_use', id: 'c', name: 'f', input: { a: 'b' } }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c', content: 'r' }] },
      ],
      system: 'Be terse.',
    },
  ],
  [
    'gemini',
    {
      contents: [
        { role: 'user', parts: [{ text: 'q' }] },
        { role: 'model', parts: [{ functionCall: { name: 'f', args: { a: 'b' } } }] },
        { role: 'user', parts: [{ functionResponse: { name: 'f', response: { result: 'r' } } }] },
      ],
      systemInstruction: { parts: [{ text: 's' }] },
    },
  ],
  [
    'bedrock-converse',
    {
      messages: [
        { role: 'user', content: [{ text: 'q' }] },
        { role: 'assistant', content: [{ toolUse: { toolUseId: 'c', name: 'f', input: { a: 'b' } } }] },
        { role: 'user', content: [{ toolResult: { toolUseId: 'c', content: [{ text: 'r' }] } }] },
      ],
      system: [{ text: 's' }],
    },
  ],
];
for (const [dialect, body] of loops) {
  test(`${dialect}: a turn of tool results is in a tool loop`, () => {
    assert.equal(conversation(body, { dialect }).inToolLoop, true);
  });
}

test('a plain question ends the loop; a remark beside the results does not', () => {
  const asked = { role: 'user', content: [{ type: 'text', text: 'q' }] };
  const called = { role: 'assistant', content: [{ type: 'tool_use', id: 'c', name: 'f', input: {} }] };
  const result = { type: 'tool_result', tool_use_id: 'c', content: 'r' };
  const at = (...messages: readonly unknown[]) =>
    conversation({ model: 'm', messages: [asked, called, ...messages] }, { dialect: 'anthropic-messages' }).inToolLoop;
  assert.equal(at({ role: 'user', content: [result, { type: 'text', text: 'reminder' }] }), true);
  assert.equal(at({ role: 'user', content: [result] }, { role: 'assistant', content: 'done' }, asked), false);
  assert.equal(conversation(chat()).inToolLoop, false);
});

test('an hour of prompt cache is noticed, and tokens are estimated from the text alone', () => {
  const cached = (ttl: string) => ({
    model: 'm',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl } }] }],
  });
  assert.equal(conversation(cached('1h'), { dialect: 'anthropic-messages' }).longCache, true);
  assert.equal(conversation(cached('5m'), { dialect: 'anthropic-messages' }).longCache, false);
  const picture = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(40_000)}` } };
  const { promptTokens } = conversation({
    model: 'm',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'x'.repeat(400) }, picture] }],
  });
  assert.ok(promptTokens >= 100 && promptTokens < 110, String(promptTokens));
});

test('a body that could not be read has no conversation, unless the client names a session', () => {
  const recognised = {
    dialect: 'openai-chat',
    operation: 'generate',
    pathModel: undefined,
    pathStream: undefined,
  } as const;
  const facts = dialectOf('openai-chat').readRequest(recognised, undefined);
  const unknown = { key: undefined, inToolLoop: false, longCache: false, promptTokens: 0 };
  assert.deepEqual(conversationOf(facts, undefined, []), unknown);
  assert.notEqual(conversationOf(facts, undefined, ['session_id', 's']).key, undefined);
});
