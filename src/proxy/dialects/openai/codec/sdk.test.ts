// SPDX-License-Identifier: Apache-2.0
// The openai SDK's own parsers judge what the encoder writes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { CodecServer } from '../../../../../test/fakes/codec-server.ts';
import { START, spoken, USAGE } from '../../../../../test/fakes/hub-answers.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { openaiChatCodec } from './codec.ts';

const CHAT = { dialect: 'openai-chat', operation: 'generate', pathModel: undefined, pathStream: undefined } as const;

const server = new CodecServer(openaiChatCodec);
let client: OpenAI;

before(async () => {
  const origin = await server.listen();
  client = new OpenAI({ apiKey: 'sim-key', baseURL: `${origin}/v1`, maxRetries: 0 });
});
after(() => server.close());

const user = { role: 'user', content: 'hello' } as const;

function call(id: string, city: string): readonly HubEvent[] {
  return [
    { kind: 'tool-start', id, name: 'get_weather' },
    { kind: 'tool-args', id, text: '{"city":' },
    { kind: 'tool-args', id, text: `"${city}"}` },
  ];
}

/** Two calls whose pieces come mixed. */
const CALLS: readonly HubEvent[] = [
  START,
  ...[...call('c1', 'Bern'), ...call('c2', 'Rom')].sort((a, b) => Number('text' in a) - Number('text' in b)),
  { kind: 'tool-end', id: 'c1' },
  { kind: 'tool-end', id: 'c2' },
  { kind: 'stop', stop: 'tool-use' },
  USAGE,
];
const Weather = z.object({ city: z.string() });

test('text, whole', async () => {
  server.answer = spoken('stop');
  const completion = await client.chat.completions.create({ model: 'gpt-4o', messages: [user] });
  assert.equal(completion.choices[0]?.message.content, 'Grüße, 🌍!');
  assert.equal(completion.choices[0]?.finish_reason, 'stop');
  assert.equal(completion.model, 'gpt-4o');
  assert.equal(completion.usage?.prompt_tokens_details?.cached_tokens, 8);
});

test('text, streamed, with usage', async () => {
  server.answer = spoken('stop');
  const completion = await client.chat.completions
    .stream({ model: 'gpt-4o', messages: [user], stream_options: { include_usage: true } })
    .finalChatCompletion();
  assert.equal(completion.choices[0]?.message.content, 'Grüße, 🌍!');
  assert.equal(completion.usage?.total_tokens, 21);
});

test('parallel calls with strict schemas, whole and streamed in mixed pieces, parsed by the helpers', async () => {
  server.answer = CALLS;
  const tools = [zodFunction({ name: 'get_weather', parameters: Weather })];
  const parsed = await client.chat.completions.parse({ model: 'gpt-4o', messages: [user], tools });
  const streamed = await client.chat.completions
    .stream({ model: 'gpt-4o', messages: [user], tools })
    .finalChatCompletion();
  for (const completion of [parsed, streamed]) {
    assert.equal(completion.choices[0]?.finish_reason, 'tool_calls');
    const calls = completion.choices[0]?.message.tool_calls ?? [];
    assert.deepEqual(
      calls.map((one) => (one.type === 'function' ? [one.id, one.function.parsed_arguments] : one)),
      [
        ['c1', { city: 'Bern' }],
        ['c2', { city: 'Rom' }],
      ],
    );
  }
});

test('JSON schema, whole and streamed', async () => {
  server.answer = [
    START,
    { kind: 'text', text: '{"ci' },
    { kind: 'text', text: 'ty":"Bern"}' },
    { kind: 'stop', stop: 'stop' },
  ];
  const response_format = zodResponseFormat(Weather, 'weather');
  const parsed = await client.chat.completions.parse({ model: 'gpt-4o', messages: [user], response_format });
  assert.deepEqual(parsed.choices[0]?.message.parsed, { city: 'Bern' });
  const streamed = await client.chat.completions
    .stream({ model: 'gpt-4o', messages: [user], response_format })
    .finalChatCompletion();
  assert.deepEqual(streamed.choices[0]?.message.parsed, { city: 'Bern' });
});

test('a refusal stands in its own field', async () => {
  server.answer = [START, { kind: 'refusal', text: 'I will not' }, { kind: 'stop', stop: 'refusal' }];
  const completion = await client.chat.completions.stream({ model: 'gpt-4o', messages: [user] }).finalChatCompletion();
  assert.equal(completion.choices[0]?.message.refusal, 'I will not');
});

test('a conversation that the SDK sends comes out of the codec as it went in', async () => {
  const parameters = { type: 'object', properties: { city: { type: 'string' } } };
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    { role: 'system', content: 'be short' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'a' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
      ],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a": 1}' } }],
    },
    { role: 'tool', tool_call_id: 'c1', content: 'ok' },
    { role: 'user', content: 'and?' },
  ];
  const body = {
    model: 'gpt-4o',
    messages,
    tools: [{ type: 'function', function: { name: 'f', description: 'does', parameters } }],
    tool_choice: 'auto',
    max_completion_tokens: 5,
    temperature: 0.5,
  };
  const { request } = openaiChatCodec.decodeRequest(CHAT, body);
  assert.ok(request !== undefined);
  const facts = {
    contextTokens: undefined,
    outputTokens: undefined,
    images: true,
    documents: true,
    tools: true,
    reasoning: true,
    jsonSchema: true,
    temperature: true,
  };
  const target = { model: 'gpt-4o', facts, quirks: {}, defaultMaxTokens: 1, mayUseOpaque: false };
  const encoded = openaiChatCodec.encodeRequest(request, target);
  assert.deepEqual(encoded.losses, []);
  assert.deepEqual(encoded.body, body);
});
