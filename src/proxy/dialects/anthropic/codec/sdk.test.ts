// SPDX-License-Identifier: Apache-2.0
// The vendor's own client reads what the encoder writes, and the decoder of requests reads what the client sends.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type { HubEvent, HubRequest } from '../../hub/hub.ts';
import { parseValue } from '../../json/values.ts';
import { recognise } from '../../recognise.ts';
import { anthropicCodec } from './codec.ts';

let server: Server;
let client: Anthropic;
let answer: readonly HubEvent[] = [];
let asked: HubRequest | undefined;

before(async () => {
  server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const path = (incoming.url ?? '').split('?', 1)[0] ?? '';
      const recognised = recognise({ method: 'POST', host: 'localhost', path });
      assert.ok(recognised !== undefined);
      const { request, losses } = anthropicCodec.decodeRequest(
        recognised,
        parseValue(Buffer.concat(chunks).toString()),
      );
      assert.ok(request !== undefined, JSON.stringify(losses));
      assert.deepEqual(losses, []);
      asked = request;
      const framing = request.stream ? 'sse' : undefined;
      const encoder = anthropicCodec.createEncoder({ framing, model: request.model, id: 'id1', createdAt: 0, request });
      outgoing.writeHead(200, { 'content-type': encoder.contentType });
      for (const event of answer) outgoing.write(encoder.push(event));
      outgoing.end(encoder.end());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  client = new Anthropic({ apiKey: 'sim-key', baseURL: `http://127.0.0.1:${port}`, maxRetries: 0 });
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const USAGE: HubEvent = {
  kind: 'usage',
  usage: { input: 12, output: 9, cacheRead: 8, cacheWrite: undefined, reasoning: 4 },
};
const START: HubEvent = { kind: 'start', id: undefined, model: undefined };
const TEXT: readonly HubEvent[] = [
  START,
  { kind: 'reasoning', text: 'thin' },
  { kind: 'reasoning', text: 'king' },
  { kind: 'text', text: 'Grüße, ' },
  { kind: 'text', text: '🌍!' },
  { kind: 'stop', stop: 'length' },
  USAGE,
];
const TOOLS: readonly HubEvent[] = [
  START,
  { kind: 'text', text: 'two calls' },
  { kind: 'tool-start', id: 'c1', name: 'first' },
  { kind: 'tool-start', id: 'c2', name: 'second' },
  { kind: 'tool-args', id: 'c2', text: '{"b":' },
  { kind: 'tool-args', id: 'c1', text: '{"a":1}' },
  { kind: 'tool-args', id: 'c2', text: '[2]}' },
  { kind: 'tool-end', id: 'c1' },
  { kind: 'tool-end', id: 'c2' },
  { kind: 'stop', stop: 'tool-use' },
  USAGE,
];
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
  answer = TEXT;
  const whole = await client.messages.create(base);
  const streamed = await client.messages.stream(base).finalMessage();
  assert.equal(asked?.stream, true);
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
  answer = TOOLS;
  const whole = await client.messages.create({ ...base, tools, tool_choice: { type: 'any' } });
  assert.deepEqual(asked?.toolChoice, { kind: 'required' });
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
  answer = TOOLS;
  const pieces: string[] = [];
  for await (const event of await client.messages.create({ ...base, tools, stream: true })) {
    if (event.type === 'content_block_delta' && event.delta.type === 'input_json_delta') {
      pieces.push(`${event.index}:${event.delta.partial_json}`);
    }
  }
  assert.deepEqual(pieces, ['1:{"a":1}', '2:{"b":', '2:[2]}']);
});

test('a JSON schema arrives as asked, and its answer parses', async () => {
  answer = JSON_ANSWER;
  const message = await client.messages.parse({ ...base, output_config: { format: { type: 'json_schema', schema } } });
  assert.deepEqual(message.parsed_output, { n: 5 });
  assert.deepEqual(asked?.output, { kind: 'json-schema', name: undefined, schema, strict: true });
});

test('a tool round trip: what was answered comes back and is understood', async () => {
  answer = TOOLS;
  const first = await client.messages.create({ ...base, tools });
  answer = TEXT;
  const results = first.content.flatMap((block) =>
    block.type === 'tool_use' ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: 'ok' }] : [],
  );
  await client.messages.create({
    ...base,
    tools,
    messages: [...base.messages, { role: 'assistant', content: first.content }, { role: 'user', content: results }],
  });
  assert.deepEqual(
    asked?.messages.flatMap(({ parts }) => parts.map((part) => (part.kind === 'tool-result' ? part.name : part.kind))),
    ['text', 'text', 'tool-call', 'tool-call', 'first', 'second'],
  );
});
