// SPDX-License-Identifier: Apache-2.0
// The protocols for which no SDK is at hand: read here by small readers of their own.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { WebSocket } from 'ws';
import { send } from './client.ts';
import { at, list, number, text } from './json.ts';
import { SimulatedProvider } from './simulated-provider.ts';

const provider = new SimulatedProvider({ pieces: 3 });
before(() => provider.listen());
after(() => provider.close());

async function post(
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = { authorization: 'Bearer sim' },
) {
  const seen = await send({ url: provider.origin + path, body: JSON.stringify(body), headers });
  return { ...seen, json: () => JSON.parse(seen.body.toString()) as unknown };
}

interface Frame {
  readonly headers: Readonly<Record<string, string>>;
  readonly value: unknown;
}

/** Reads AWS event-stream messages and insists on both CRCs. */
function frames(bytes: Buffer): Frame[] {
  const found: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const total = bytes.readUInt32BE(at);
    const message = bytes.subarray(at, at + total);
    assert.equal(message.length, total, 'a frame is cut short');
    assert.equal(crc32(message.subarray(0, 8)), message.readUInt32BE(8), 'prelude CRC');
    assert.equal(crc32(message.subarray(0, total - 4)), message.readUInt32BE(total - 4), 'message CRC');
    const headersEnd = 12 + message.readUInt32BE(4);
    const headers: Record<string, string> = {};
    for (let here = 12; here < headersEnd; ) {
      const nameEnd = here + 1 + message.readUInt8(here);
      const valueEnd = nameEnd + 3 + message.readUInt16BE(nameEnd + 1);
      assert.equal(message.readUInt8(nameEnd), 7);
      headers[message.toString('utf8', here + 1, nameEnd)] = message.toString('utf8', nameEnd + 3, valueEnd);
      here = valueEnd;
    }
    found.push({ headers, value: JSON.parse(message.toString('utf8', headersEnd, total - 4)) as unknown });
    at += total;
  }
  return found;
}

const nova = encodeURIComponent('amazon.nova-lite-v1:0');
const claude = encodeURIComponent('anthropic.claude-sonnet-4-6-v1:0');
const conversation = { messages: [{ role: 'user', content: [{ text: 'hello bedrock' }] }] };

test('bedrock converse, whole and streamed in event-stream frames', async () => {
  const whole = (await post(`/model/${nova}/converse`, conversation)).json();
  assert.equal(text(whole, 'output', 'message', 'content', 0, 'text'), 'Simulated echo: hello bedrock');
  assert.ok((number(whole, 'usage', 'cacheReadInputTokens') ?? 0) > 0);
  const stream = await post(`/model/${nova}/converse-stream`, conversation);
  assert.equal(stream.headers['content-type'], 'application/vnd.amazon.eventstream');
  const seen = frames(stream.body);
  assert.deepEqual(
    seen.map(({ headers }) => headers[':event-type']),
    [
      'messageStart',
      ...Array.from({ length: 3 }, () => 'contentBlockDelta'),
      'contentBlockStop',
      'messageStop',
      'metadata',
    ],
  );
  assert.equal(seen.map(({ value }) => text(value, 'delta', 'text') ?? '').join(''), 'Simulated echo: hello bedrock');
  const tool = {
    toolSpec: { name: 'look_up', inputSchema: { json: { type: 'object', properties: { word: { type: 'string' } } } } },
  };
  const called = await post(`/model/${nova}/converse-stream`, {
    ...conversation,
    toolConfig: { tools: [tool], toolChoice: { any: {} } },
  });
  const input = frames(called.body).map(({ value }) => text(value, 'delta', 'toolUse', 'input') ?? '');
  assert.deepEqual(JSON.parse(input.join('')), { word: 'simulated' });
});

test('bedrock converse obeys a schema, which is a string, and streams arguments in pieces', async () => {
  const schema = { type: 'object', properties: { word: { type: 'string' } } };
  const format = (value: unknown) => ({
    ...conversation,
    outputConfig: { textFormat: { type: 'json_schema', structure: { jsonSchema: { schema: value } } } },
  });
  const obeyed = (await post(`/model/${nova}/converse`, format(JSON.stringify(schema)))).json();
  assert.equal(text(obeyed, 'output', 'message', 'content', 0, 'text'), '{"word":"simulated"}');
  for (const wrong of [schema, 'no JSON']) {
    assert.equal((await post(`/model/${nova}/converse`, format(wrong))).status, 400);
  }
  const tools = [{ toolSpec: { name: 'look_up', inputSchema: { json: schema } } }];
  const streamed = await post(`/model/${nova}/converse-stream`, {
    messages: [{ role: 'user', content: [{ text: 'explain with look_up' }] }],
    toolConfig: { tools },
  });
  const deltas = frames(streamed.body).map(({ value }) => value);
  const input = deltas.flatMap((value) => text(value, 'delta', 'toolUse', 'input') ?? []);
  assert.equal(input.length, 2);
  assert.equal(input.join(''), '{"word":"simulated"}');
  assert.deepEqual(
    new Set(deltas.map((value) => number(value, 'contentBlockIndex'))),
    new Set([undefined, 0, 1]),
    'the call is a block after the text',
  );
});

test('a prompt that says explain gets text before the call, in each dialect’s own place', async () => {
  const prompt = 'explain with look';
  const messages = [{ role: 'user', content: prompt }];
  const parameters = { type: 'object', properties: {} };
  const functions = [{ type: 'function', function: { name: 'look', parameters } }];
  const asked = async (path: string, body: unknown) => (await post(path, body)).json();

  const chat = await asked('/v1/chat/completions', { model: 'gpt-4o', messages, tools: functions });
  assert.match(text(chat, 'choices', 0, 'message', 'content') ?? '', /^Let me look/);
  assert.equal(text(chat, 'choices', 0, 'message', 'tool_calls', 0, 'function', 'name'), 'look');
  const responses = await asked('/v1/responses', {
    model: 'gpt-4o',
    input: prompt,
    tools: [{ type: 'function', name: 'look', parameters }],
  });
  assert.deepEqual(
    list(responses, 'output').map((item) => text(item, 'type')),
    ['message', 'function_call'],
  );
  const claude = await asked('/v1/messages', {
    model: 'claude-sonnet-4-5',
    max_tokens: 99,
    messages,
    tools: [{ name: 'look', input_schema: parameters }],
  });
  assert.deepEqual(
    list(claude, 'content').map((block) => text(block, 'type')),
    ['text', 'tool_use'],
  );
  const google = await asked('/v1beta/models/gemini-2.5-flash:generateContent', {
    contents: [{ role: 'user', parts: [{ text: prompt }] }],
    tools: [{ functionDeclarations: [{ name: 'look' }] }],
  });
  const parts = list(google, 'candidates', 0, 'content', 'parts');
  assert.match(text(parts[0], 'text') ?? '', /^Let me look/);
  assert.equal(text(parts[1], 'functionCall', 'name'), 'look');
  const cohere = await asked('/v2/chat', { model: 'command-a-03-2025', messages, tools: functions });
  assert.match(text(cohere, 'message', 'tool_plan') ?? '', /^Let me look/);
});

test('a picture after a tool’s result belongs to the result, and a document is no picture', async () => {
  const answer = await post('/v1/chat/completions', {
    model: 'gpt-4o',
    messages: [
      { role: 'user', content: 'look' },
      { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'look', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'c', content: 'seen' },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] },
    ],
  });
  assert.equal(text(answer.json(), 'choices', 0, 'message', 'content'), 'The tool said: seen');
  const pdf = { inlineData: { mimeType: 'application/pdf', data: 'AAAA' } };
  const read = await post('/v1beta/models/gemini-2.5-flash:generateContent', {
    contents: [{ role: 'user', parts: [{ text: 'read' }, pdf] }],
  });
  assert.equal(text(read.json(), 'candidates', 0, 'content', 'parts', 0, 'text'), 'Simulated echo: read');
});

test('bedrock invoke with an Anthropic and a Titan body, streamed too', async () => {
  const body = { anthropic_version: 'bedrock-2023-05-31', max_tokens: 50, messages: [{ role: 'user', content: 'hi' }] };
  const whole = await post(`/model/${claude}/invoke`, body);
  assert.equal(text(whole.json(), 'content', 0, 'text'), 'Simulated echo: hi');
  assert.ok(Number(whole.headers['x-amzn-bedrock-input-token-count']) > 0);
  const stream = await post(`/model/${claude}/invoke-with-response-stream`, body);
  const events = frames(stream.body).map(({ value }) => {
    return JSON.parse(Buffer.from(text(value, 'bytes') ?? '', 'base64').toString()) as unknown;
  });
  assert.equal(text(events[0], 'type'), 'message_start');
  assert.equal(text(events.at(-1), 'type'), 'message_stop');
  const titan = await post('/model/amazon.titan-text-lite-v1/invoke', { inputText: 'hi' });
  assert.equal(text(titan.json(), 'results', 0, 'outputText'), 'Simulated echo: hi');
  const vector = await post('/model/amazon.titan-embed-text-v2%3A0/invoke', { inputText: 'hi', dimensions: 4 });
  assert.equal(list(vector.json(), 'embedding').length, 4);
});

test('bedrock errors: status with x-amzn-errortype, exception frame inside a stream', async () => {
  const throttled = await post(`/model/${nova}/converse`, conversation, {
    authorization: 'Bearer sim',
    'x-fault': 'status=429',
  });
  assert.match(String(throttled.headers['x-amzn-errortype']), /^ThrottlingException/);
  const broken = await post(`/model/${nova}/converse-stream`, conversation, {
    authorization: 'Bearer sim',
    'x-fault': 'error=preamble',
  });
  const last = frames(broken.body).at(-1);
  assert.equal(last?.headers[':message-type'], 'exception');
  assert.equal(last?.headers[':exception-type'], 'modelStreamErrorException');
  const signed =
    'AWS4-HMAC-SHA256 Credential=bad-id/20300101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0';
  assert.equal((await post(`/model/${nova}/converse`, conversation, { authorization: signed })).status, 403);
});

test('gemini streams one JSON array without alt=sse', async () => {
  const contents = [{ role: 'user', parts: [{ text: 'hello' }] }];
  const key = { 'x-goog-api-key': 'sim' };
  const stream = await post('/v1beta/models/gemini-2.5-flash:streamGenerateContent', { contents }, key);
  assert.equal(stream.headers['content-type'], 'application/json; charset=UTF-8');
  const parts = stream.json();
  assert.equal(
    list(parts)
      .map((part) => text(part, 'candidates', 0, 'content', 'parts', 0, 'text') ?? '')
      .join(''),
    'Simulated echo: hello',
  );
  const broken = await post('/v1beta/models/gemini-2.5-flash+error=2:streamGenerateContent', { contents }, key);
  assert.equal(text(list(broken.json()).at(-1), 'error', 'status'), 'UNAVAILABLE');
  assert.equal((await post('/v1beta/models/gemini-2.5-flash:generateContent', { contents }, {})).status, 400);
});

test('vertex and azure paths name the model', async () => {
  const vertex = '/v1/projects/p/locations/europe-west1/publishers';
  const google = await post(`${vertex}/google/models/gemini-2.5-flash:generateContent`, {
    contents: [{ parts: [{ text: 'hi' }] }],
  });
  assert.equal(text(google.json(), 'candidates', 0, 'content', 'parts', 0, 'text'), 'Simulated echo: hi');
  const body = { anthropic_version: 'vertex-2023-10-16', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] };
  const anthropic = await post(`${vertex}/anthropic/models/claude-sonnet-4-6:streamRawPredict`, body);
  assert.match(anthropic.body.toString(), /event: message_stop/);
  const azure = await post(
    '/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21',
    { messages: [{ role: 'user', content: 'hi' }] },
    { 'api-key': 'sim' },
  );
  assert.equal(text(azure.json(), 'model'), 'my-gpt-simulated');
});

test('cohere chat, stream, tool call, embed', async () => {
  const messages = [{ role: 'user', content: 'hello cohere' }];
  const whole = (await post('/v2/chat', { model: 'command-a-03-2025', messages })).json();
  assert.equal(text(whole, 'message', 'content', 0, 'text'), 'Simulated echo: hello cohere');
  assert.ok((number(whole, 'usage', 'tokens', 'input_tokens') ?? 0) > 0);
  const stream = (await post('/v2/chat', { model: 'command-a-03-2025', messages, stream: true })).body.toString();
  const events = stream
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)) as unknown);
  assert.equal(
    events.map((event) => text(event, 'delta', 'message', 'content', 'text') ?? '').join(''),
    'Simulated echo: hello cohere',
  );
  assert.equal(text(events.at(-1), 'delta', 'finish_reason'), 'COMPLETE');
  const tool = { type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } };
  const called = (
    await post('/v2/chat', { model: 'command-a-03-2025', messages, tools: [tool], tool_choice: 'REQUIRED' })
  ).json();
  assert.equal(text(called, 'finish_reason'), 'TOOL_CALL');
  const embedded = (
    await post('/v2/embed', { model: 'embed-v4.0', texts: ['a', 'b'], input_type: 'search_query' })
  ).json();
  assert.equal(list(embedded, 'embeddings', 'float').length, 2);
  assert.equal(typeof text((await post('/v2/chat', { model: 'unknown', messages })).json(), 'message'), 'string');
});

test('ollama chat and generate stream unless told not to, and need no key', async () => {
  const lines = (body: Buffer) =>
    body
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  const messages = [{ role: 'user', content: 'hello llama' }];
  const chat = await post('/api/chat', { model: 'llama3.2', messages }, {});
  assert.equal(chat.headers['content-type'], 'application/x-ndjson');
  const events = lines(chat.body);
  assert.equal(events.map((event) => text(event, 'message', 'content') ?? '').join(''), 'Simulated echo: hello llama');
  assert.equal(at(events.at(-1), 'done'), true);
  assert.ok((number(events.at(-1), 'eval_count') ?? 0) > 0);
  const whole = (await post('/api/generate', { model: 'llama3.2', prompt: 'hello', stream: false }, {})).json();
  assert.equal(text(whole, 'response'), 'Simulated echo: hello');
  const embedded = (await post('/api/embed', { model: 'all-minilm', input: ['a', 'b'] }, {})).json();
  assert.equal(list(embedded, 'embeddings').length, 2);
  assert.equal((await post('/api/chat', { model: 'unknown', messages }, {})).status, 404);
});

test('unknown paths and bodies that are not JSON are refused in the vendor’s shape', async () => {
  assert.equal((await post('/v1/nothing', {})).status, 404);
  const seen = await send({ url: `${provider.origin}/v1/messages`, body: 'not json', headers: { 'x-api-key': 'sim' } });
  assert.equal(seen.status, 400);
  assert.equal(text(JSON.parse(seen.body.toString()), 'error', 'type'), 'invalid_request_error');
  const wrong = await post(
    '/v1/chat/completions',
    { model: 'gpt-4o', messages: [] },
    { authorization: 'Bearer k', 'x-fault': 'explode' },
  );
  assert.match(wrong.body.toString(), /unknown fault/);
});

function open(headers: Readonly<Record<string, string>>): Promise<WebSocket> {
  const socket = new WebSocket(`${provider.origin.replace('http', 'ws')}/v1/responses`, { headers });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Messages until the terminal one, or until the socket closes. */
function conversationOf(
  socket: WebSocket,
  model: string,
): Promise<{ readonly types: string[]; readonly closed: number | undefined }> {
  return new Promise((resolve) => {
    const types: string[] = [];
    socket.on('message', (data) => {
      const type = text(JSON.parse(data.toString()), 'type') ?? '';
      types.push(type);
      if (['response.completed', 'error'].includes(type)) resolve({ types, closed: undefined });
    });
    socket.on('close', (code) => resolve({ types, closed: code }));
    socket.send(JSON.stringify({ type: 'response.create', model, input: 'hello socket' }));
  });
}

test('responses over a WebSocket with permessage-deflate, its faults, and refusals of the upgrade', async () => {
  const headers = { authorization: 'Bearer sim' };
  const socket = await open(headers);
  assert.equal(socket.extensions, 'permessage-deflate');
  const good = await conversationOf(socket, 'gpt-4o');
  assert.equal(good.types[0], 'response.created');
  assert.equal(good.types.at(-1), 'response.completed');
  socket.terminate();
  const seen = await provider.waitFor((r) => r.kind === 'websocket' && r.leftAt !== undefined);
  assert.equal(seen.messages.length, 1);
  assert.equal(seen.state, 'answered');

  assert.deepEqual((await conversationOf(await open(headers), 'gpt-4o+cut=3')).closed, 1006);
  assert.deepEqual((await conversationOf(await open(headers), 'gpt-4o+truncate=3')).closed, 1000);
  const failed = await open(headers);
  assert.deepEqual((await conversationOf(failed, 'gpt-4o+error=preamble')).types.at(-1), 'error');
  failed.terminate();
  await assert.rejects(open({ authorization: 'Bearer bad' }), /401/);
});
