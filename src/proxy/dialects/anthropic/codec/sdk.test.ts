// SPDX-License-Identifier: Apache-2.0
// The vendor's own client reads what the encoder writes, and the decoder of requests reads what the client sends.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { CodecServer } from '../../../../../test/fakes/codec-server.ts';
import { MIXED_CALLS, START, spoken, USAGE } from '../../../../../test/fakes/hub-answers.ts';
import type { HubEvent } from '../../hub/hub.ts';
import { anthropicCodec } from './codec.ts';

const server = new CodecServer(anthropicCodec);
let client: Anthropic;

before(async () => {
  const origin = await server.listen();
  client = new Anthropic({ apiKey: 'sim-key', baseURL: origin, maxRetries: 0 });
});
after(() => server.close());

const JSON_ANSWER: readonly HubEvent[] = [
  START,
  { kind: 'text', text: '{"n":' },
  { kind: 'text', text: '5}' },
  { kind: 'stop', stop: 'stop' },
  USAGE,
];

const base = { model: 'claude-sonnet-4-5', max_tokens: 2_000, messages: [{ role: 'user' as const, content: 'hi' }] };
const tools = ['first', 'second'].map((name) => ({ name, input_schema: { type: 'object' as const } }));
const schema = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'], additionalProperties: false };

test('text and thinking: whole and streamed are the same message', async () => {
  server.answer = spoken('length');
  const whole = await client.messages.create(base);
  const streamed = await client.messages.stream(base).finalMessage();
  assert.equal(server.asked?.stream, true);
  for (const message of [whole, streamed]) {
    assert.deepEqual(message.content, [
      { type: 'thinking', thinking: 'thinking', signature: 'MadeUpByOutpost0' },
      { type: 'text', text: 'Grüße, 🌍!' },
    ]);
    assert.equal(message.stop_reason, 'max_tokens');
    assert.equal(message.usage.input_tokens, 4);
    assert.equal(message.usage.cache_read_input_tokens, 8);
    assert.equal(message.usage.output_tokens, 9);
    assert.equal(message.usage.output_tokens_details?.thinking_tokens, 4);
    assert.equal(message.id, 'msg_id1');
    assert.equal(message.model, base.model);
  }
});

test('parallel and interleaved tool calls: whole and streamed', async () => {
  server.answer = MIXED_CALLS;
  const whole = await client.messages.create({ ...base, tools, tool_choice: { type: 'any' } });
  assert.deepEqual(server.asked?.toolChoice, { kind: 'required' });
  const streamed = await client.messages.stream({ ...base, tools }).finalMessage();
  for (const message of [whole, streamed]) {
    assert.deepEqual(
      message.content.map((block) => (block.type === 'tool_use' ? [block.id, block.name, block.input] : block.type)),
      ['text', ['c1', 'first', { a: 1 }], ['c2', 'second', { b: [2] }]],
    );
    assert.equal(message.stop_reason, 'tool_use');
  }
});

test('the raw iterator sees arguments as they come', async () => {
  server.answer = MIXED_CALLS;
  const pieces: string[] = [];
  for await (const event of await client.messages.create({ ...base, tools, stream: true })) {
    if (event.type === 'content_block_delta' && event.delta.type === 'input_json_delta') {
      pieces.push(`${event.index}:${event.delta.partial_json}`);
    }
  }
  assert.deepEqual(pieces, ['1:{"a":1}', '2:{"b":', '2:[2]}']);
});

test('a JSON schema arrives as asked, and its answer parses', async () => {
  server.answer = JSON_ANSWER;
  const message = await client.messages.parse({ ...base, output_config: { format: { type: 'json_schema', schema } } });
  assert.deepEqual(message.parsed_output, { n: 5 });
  assert.deepEqual(server.asked?.output, { kind: 'json-schema', name: undefined, schema, strict: true });
});

test('a tool round trip: what was answered comes back and is understood', async () => {
  server.answer = MIXED_CALLS;
  const first = await client.messages.create({ ...base, tools });
  server.answer = spoken('length');
  const results = first.content.flatMap((block) =>
    block.type === 'tool_use' ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: 'ok' }] : [],
  );
  await client.messages.create({
    ...base,
    tools,
    messages: [...base.messages, { role: 'assistant', content: first.content }, { role: 'user', content: results }],
  });
  assert.deepEqual(
    server.asked?.messages.flatMap(({ parts }) =>
      parts.map((part) => (part.kind === 'tool-result' ? part.name : part.kind)),
    ),
    ['text', 'text', 'tool-call', 'tool-call', 'first', 'second'],
  );
});
