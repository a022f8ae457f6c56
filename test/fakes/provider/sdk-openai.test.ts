// SPDX-License-Identifier: Apache-2.0
// The real openai SDK against the simulated provider: what it accepts proves the wire format.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI, { APIError, AuthenticationError, NotFoundError, RateLimitError } from 'openai';
import { SimulatedProvider } from './simulated-provider.ts';

const provider = new SimulatedProvider();
let client: OpenAI;

before(async () => {
  await provider.listen();
  client = new OpenAI({ apiKey: 'sim-key', baseURL: `${provider.origin}/v1`, maxRetries: 0 });
});
after(() => provider.close());

const tool = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } },
  },
} as const;

test('chat: text with usage, labelled as simulated', async () => {
  const { data, response } = await client.chat.completions
    .create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'Grüße 👋' }] })
    .withResponse();
  assert.equal(data.choices[0]?.message.content, 'Simulated echo: Grüße 👋');
  assert.equal(data.choices[0]?.finish_reason, 'stop');
  assert.equal(data.model, 'gpt-4o-simulated');
  assert.equal(data.system_fingerprint, 'simulated');
  assert.ok((data.usage?.prompt_tokens_details?.cached_tokens ?? 0) > 0);
  assert.ok((data.usage?.completion_tokens_details?.reasoning_tokens ?? 0) > 0);
  assert.equal(response.headers.get('x-simulated-provider'), 'openai');
  assert.equal(response.headers.get('x-ratelimit-remaining-requests'), '9999');
  assert.match(response.headers.get('x-request-id') ?? '', /^req_sim_\d+$/);
});

test('chat: a stream says the same as the whole answer and ends with usage', async () => {
  const stream = await client.chat.completions.create({
    model: 'gpt-4o',
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: 'user', content: 'count to ten' }],
  });
  let words = '';
  let pieces = 0;
  let usage = 0;
  for await (const chunk of stream) {
    const piece = chunk.choices[0]?.delta.content ?? '';
    if (piece !== '') pieces += 1;
    words += piece;
    usage = chunk.usage?.total_tokens ?? usage;
  }
  assert.equal(words, 'Simulated echo: count to ten');
  assert.equal(pieces, 8);
  assert.ok(usage > 0);
});

test('chat: tools are called when asked for, streamed or not, and their result is repeated', async () => {
  const messages = [{ role: 'user', content: 'please use the tool' }] as const;
  const whole = await client.chat.completions.create({ model: 'gpt-4o', messages: [...messages], tools: [tool] });
  const call = whole.choices[0]?.message.tool_calls?.[0];
  assert.ok(call?.type === 'function');
  assert.deepEqual(JSON.parse(call.function.arguments), { city: 'simulated', days: 1 });
  assert.equal(whole.choices[0]?.finish_reason, 'tool_calls');

  const streamed = await client.chat.completions
    .stream({ model: 'gpt-4o', messages: [...messages], tools: [tool] })
    .finalChatCompletion();
  const streamedCall = streamed.choices[0]?.message.tool_calls?.[0];
  assert.ok(streamedCall?.type === 'function');
  assert.equal(streamedCall.function.arguments, call.function.arguments);

  const last = await client.chat.completions.create({
    model: 'gpt-4o',
    tools: [tool],
    messages: [
      ...messages,
      { role: 'assistant', tool_calls: [call] },
      { role: 'tool', tool_call_id: call.id, content: 'rain' },
    ],
  });
  assert.equal(last.choices[0]?.message.content, 'The tool said: rain');
});

test('chat: two named tools are called in parallel', async () => {
  const second = {
    type: 'function',
    function: { name: 'get_time', parameters: { type: 'object', properties: {} } },
  } as const;
  const whole = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'get_weather and get_time' }],
    tools: [tool, second],
  });
  assert.deepEqual(
    whole.choices[0]?.message.tool_calls?.map((call) => call.type === 'function' && call.function.name),
    ['get_weather', 'get_time'],
  );
});

test('chat: an image is acknowledged by its size and hash', async () => {
  const url = `data:image/png;base64,${Buffer.from('not really a picture').toString('base64')}`;
  const answer = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'image_url', image_url: { url } },
        ],
      },
    ],
  });
  assert.match(answer.choices[0]?.message.content ?? '', /look \[image of 20 bytes, sha256 [0-9a-f]{12}\]/);
});

test('chat: a JSON schema is honoured, a token limit cuts the answer', async () => {
  const schema = {
    type: 'object',
    properties: {
      colour: { type: 'string', enum: ['red', 'blue'] },
      list: { type: 'array', items: { type: 'number' } },
    },
  };
  const json = await client.chat.completions.create({
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'a colour' }],
    response_format: { type: 'json_schema', json_schema: { name: 'colour', schema } },
  });
  assert.deepEqual(JSON.parse(json.choices[0]?.message.content ?? ''), { colour: 'red', list: [1] });
  const short = await client.chat.completions.create({
    model: 'gpt-4o',
    max_completion_tokens: 2,
    messages: [{ role: 'user', content: 'a long story' }],
  });
  assert.equal(short.choices[0]?.finish_reason, 'length');
});

test('responses: text, stream, tool call', async () => {
  const whole = await client.responses.create({ model: 'gpt-4o', input: 'hello' });
  assert.equal(whole.output_text, 'Simulated echo: hello');
  assert.ok((whole.usage?.input_tokens_details.cached_tokens ?? 0) > 0);
  assert.ok((whole.usage?.output_tokens_details.reasoning_tokens ?? 0) > 0);
  const stream = await client.responses.create({
    model: 'gpt-4o',
    input: [{ role: 'user', content: 'hello' }],
    stream: true,
  });
  const types: string[] = [];
  let words = '';
  for await (const event of stream) {
    types.push(event.type);
    assert.equal(event.sequence_number, types.length - 1);
    if (event.type === 'response.output_text.delta') words += event.delta;
  }
  assert.equal(words, 'Simulated echo: hello');
  assert.equal(types[0], 'response.created');
  assert.equal(types.at(-1), 'response.completed');
  const called = await client.responses.create({
    model: 'gpt-4o',
    input: 'use the tool',
    tools: [{ type: 'function', name: 'get_weather', parameters: tool.function.parameters, strict: false }],
  });
  assert.equal(called.output[0]?.type, 'function_call');
});

test('completions and embeddings', async () => {
  const completion = await client.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt: 'once upon' });
  assert.equal(completion.choices[0]?.text, 'Simulated echo: once upon');
  let words = '';
  for await (const part of await client.completions.create({
    model: 'gpt-3.5-turbo-instruct',
    prompt: 'once',
    stream: true,
  })) {
    words += part.choices[0]?.text ?? '';
  }
  assert.equal(words, 'Simulated echo: once');
  const floats = await client.embeddings.create({
    model: 'text-embedding-3-small',
    input: ['a', 'b'],
    dimensions: 16,
    encoding_format: 'float',
  });
  const base64 = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b'], dimensions: 16 });
  assert.equal(floats.data.length, 2);
  assert.equal(floats.data[0]?.embedding.length, 16);
  assert.deepEqual([...(base64.data[1]?.embedding ?? [])], floats.data[1]?.embedding);
});

test('models are listed', async () => {
  const ids: string[] = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes('gpt-4o'));
});

test('errors: bad key, unknown model, invalid body, rate limit', async () => {
  const messages = [{ role: 'user', content: 'x' }] as const;
  const bad = new OpenAI({ apiKey: 'bad-key', baseURL: `${provider.origin}/v1`, maxRetries: 0 });
  await assert.rejects(bad.chat.completions.create({ model: 'gpt-4o', messages: [...messages] }), AuthenticationError);
  await assert.rejects(client.chat.completions.create({ model: 'unknown-1', messages: [...messages] }), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.equal(error.code, 'model_not_found');
    return true;
  });
  await assert.rejects(client.chat.completions.create({ model: 'gpt-4o', messages: [] }), { status: 400 });
  provider.script('status=429; retry-after=7');
  await assert.rejects(client.chat.completions.create({ model: 'gpt-4o', messages: [...messages] }), (error) => {
    assert.ok(error instanceof RateLimitError);
    assert.equal(error.headers?.get('retry-after'), '7');
    return true;
  });
});

test('an in-band error after content reaches the SDK as an error', async () => {
  const stream = await client.chat.completions.create({
    model: 'gpt-4o+error=3',
    stream: true,
    messages: [{ role: 'user', content: 'a longer story' }],
  });
  let pieces = 0;
  await assert.rejects(async () => {
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) pieces += 1;
  }, APIError);
  assert.equal(pieces, 2);
});

test('a client that cancels is noticed', async () => {
  const controller = new AbortController();
  const stream = await client.chat.completions.create(
    { model: 'gpt-4o+stall=2', stream: true, messages: [{ role: 'user', content: 'cancel me' }] },
    { signal: controller.signal },
  );
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) break;
  }
  controller.abort();
  const seen = await provider.waitFor((request) => request.target.includes('chat') && request.state === 'client-left');
  assert.equal(seen.eventsSent, 2);
  assert.ok(seen.leftAt !== undefined);
});
