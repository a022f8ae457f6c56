// SPDX-License-Identifier: Apache-2.0
// The real @anthropic-ai/sdk against the simulated provider.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic, { APIError, AuthenticationError, NotFoundError } from '@anthropic-ai/sdk';
import { SimulatedProvider } from './simulated-provider.ts';

const provider = new SimulatedProvider();
let client: Anthropic;

before(async () => {
  await provider.listen();
  client = new Anthropic({ apiKey: 'sim-key', baseURL: provider.origin, maxRetries: 0 });
});
after(() => provider.close());

const base = { model: 'claude-sonnet-4-6', max_tokens: 100 } as const;
const tool = {
  name: 'get_weather',
  input_schema: { type: 'object' as const, properties: { city: { type: 'string' } } },
};

test('messages: text, cached usage, request id', async () => {
  const { data, response } = await client.messages
    .create({ ...base, messages: [{ role: 'user', content: 'hello' }] })
    .withResponse();
  assert.deepEqual(data.content, [{ type: 'text', text: 'Simulated echo: hello' }]);
  assert.equal(data.stop_reason, 'end_turn');
  assert.equal(data.model, 'claude-sonnet-4-6-simulated');
  assert.ok((data.usage.cache_read_input_tokens ?? 0) > 0);
  assert.ok((data.usage.cache_creation_input_tokens ?? 0) > 0);
  assert.match(response.headers.get('request-id') ?? '', /^req_sim_\d+$/);
  assert.equal(response.headers.get('anthropic-ratelimit-requests-limit'), '4000');
  assert.equal(response.headers.get('x-simulated-provider'), 'anthropic');
});

test('messages: the stream helper assembles the same message as the whole answer', async () => {
  const request = { ...base, messages: [{ role: 'user' as const, content: 'a short story' }] };
  const whole = await client.messages.create(request);
  const streamed = await client.messages.stream(request).finalMessage();
  assert.deepEqual(
    streamed.content.map((block) => block.type === 'text' && block.text),
    whole.content.map((block) => block.type === 'text' && block.text),
  );
  assert.equal(streamed.stop_reason, 'end_turn');
  assert.equal(streamed.usage.output_tokens, whole.usage.output_tokens);
});

test('messages: tool call, streamed tool call, tool result', async () => {
  const messages = [{ role: 'user' as const, content: 'use the tool' }];
  const whole = await client.messages.create({ ...base, messages, tools: [tool] });
  const use = whole.content[0];
  assert.ok(use?.type === 'tool_use');
  assert.deepEqual(use.input, { city: 'simulated' });
  assert.equal(whole.stop_reason, 'tool_use');
  const streamed = await client.messages.stream({ ...base, messages, tools: [tool] }).finalMessage();
  assert.ok(streamed.content[0]?.type === 'tool_use');
  assert.deepEqual(streamed.content[0].input, use.input);
  const last = await client.messages.create({
    ...base,
    tools: [tool],
    messages: [
      ...messages,
      { role: 'assistant', content: whole.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: 'sunny' }] },
    ],
  });
  assert.deepEqual(last.content, [{ type: 'text', text: 'The tool said: sunny' }]);
});

test('messages: image, thinking, token limit', async () => {
  const data = Buffer.from('pixels').toString('base64');
  const image = await client.messages.create({
    ...base,
    messages: [
      { role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data } }] },
    ],
  });
  assert.ok(image.content[0]?.type === 'text');
  assert.match(image.content[0].text, /\[image of 6 bytes/);
  const thought = await client.messages
    .stream({
      ...base,
      max_tokens: 2000,
      thinking: { type: 'enabled', budget_tokens: 1024 },
      messages: [{ role: 'user', content: 'why' }],
    })
    .finalMessage();
  assert.deepEqual(
    thought.content.map((block) => block.type),
    ['thinking', 'text'],
  );
  const short = await client.messages.create({
    ...base,
    max_tokens: 1,
    messages: [{ role: 'user', content: 'a long story' }],
  });
  assert.equal(short.stop_reason, 'max_tokens');
});

test('count_tokens and models', async () => {
  const counted = await client.messages.countTokens({
    model: base.model,
    messages: [{ role: 'user', content: 'hello' }],
  });
  assert.ok(counted.input_tokens > 0);
  const models = await client.models.list();
  assert.ok(models.data.some((model) => model.id === base.model));
});

test('errors: bad key, unknown model, overload, in-band', async () => {
  const messages = [{ role: 'user' as const, content: 'a longer story' }];
  const bad = new Anthropic({ apiKey: 'bad', baseURL: provider.origin, maxRetries: 0 });
  await assert.rejects(bad.messages.create({ ...base, messages }), AuthenticationError);
  await assert.rejects(client.messages.create({ ...base, model: 'unknown', messages }), NotFoundError);
  await assert.rejects(
    client.messages.create({ ...base, model: 'claude-sonnet-4-6+status=529', messages }),
    (error) => {
      assert.ok(error instanceof APIError);
      assert.equal(error.status, 529);
      assert.equal(error.type, 'overloaded_error');
      return true;
    },
  );
  const stream = await client.messages.create({
    ...base,
    model: 'claude-sonnet-4-6+error=preamble',
    messages,
    stream: true,
  });
  const seen: string[] = [];
  await assert.rejects(async () => {
    for await (const event of stream) seen.push(event.type);
  }, APIError);
  assert.ok(!seen.includes('content_block_delta'));
});

test('a client that cancels is noticed', async () => {
  const stream = client.messages.stream({
    ...base,
    model: 'claude-sonnet-4-6+stall=4',
    messages: [{ role: 'user', content: 'cancel' }],
  });
  await new Promise<void>((resolve) => stream.on('text', () => resolve()));
  stream.abort();
  await assert.rejects(stream.done());
  await provider.waitFor((request) => request.state === 'client-left');
});
