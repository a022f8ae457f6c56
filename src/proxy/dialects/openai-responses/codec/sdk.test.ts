// SPDX-License-Identifier: Apache-2.0
// The vendor's own client reads what the encoder writes, and the decoder of requests reads what the client sends. Then the way out:
// the encoder of requests against a simulated provider.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { CodecServer } from '../../../../../test/fakes/codec-server.ts';
import { decodeSse, START, spoken, USAGE } from '../../../../../test/fakes/hub-answers.ts';
import { QUESTION, TARGET } from '../../../../../test/fakes/hub-target.ts';
import { SimulatedProvider } from '../../../../../test/fakes/provider/simulated-provider.ts';
import type { HubEvent, HubRequest } from '../../hub/hub.ts';
import { parseValue } from '../../json/values.ts';
import { responsesCodec } from './codec.ts';
import { createDecoder } from './decode-answer.ts';
import { encodeRequest } from './encode-request.ts';

const server = new CodecServer(responsesCodec);
let client: OpenAI;

before(async () => {
  const origin = await server.listen();
  client = new OpenAI({ apiKey: 'sim-key', baseURL: `${origin}/v1`, maxRetries: 0 });
});
after(() => server.close());

const model = 'gpt-5';
const TOOLS: readonly HubEvent[] = [
  START,
  { kind: 'text', text: 'I look.' },
  { kind: 'tool-start', id: 'call_A', name: 'read' },
  { kind: 'tool-args', id: 'call_A', text: '{"path":' },
  { kind: 'tool-start', id: 'call_B', name: 'list' },
  { kind: 'tool-args', id: 'call_A', text: '"a"}' },
  { kind: 'tool-end', id: 'call_A' },
  USAGE,
  { kind: 'stop', stop: 'tool-use' },
];
const SCHEMA = {
  type: 'object',
  properties: { path: { type: 'string' } },
  required: ['path'],
  additionalProperties: false,
};
const tools = (['read', 'list'] as const).map((name) => {
  return { type: 'function', name, description: name, parameters: SCHEMA, strict: true } as const;
});

test('text and reasoning, whole and streamed', async () => {
  server.answer = spoken('stop');
  const ask = { model, input: 'hi', reasoning: { effort: 'low', summary: 'auto' } } as const;
  const whole = await client.responses.create(ask);
  assert.deepEqual(server.asked?.reasoning, { effort: 'low', budgetTokens: undefined, visible: true });
  const stream = client.responses.stream(ask);
  const deltas: string[] = [];
  stream.on('response.output_text.delta', ({ delta }) => deltas.push(delta));
  const streamed = await stream.finalResponse();
  assert.deepEqual(deltas, ['Grüße, ', '🌍!']);
  for (const response of [whole, streamed]) {
    assert.equal(response.output_text, 'Grüße, 🌍!');
    assert.deepEqual([response.status, response.model, response.id], ['completed', model, 'resp_id1']);
    const [reasoning] = response.output;
    assert.ok(reasoning?.type === 'reasoning');
    assert.deepEqual(reasoning.summary, [{ type: 'summary_text', text: 'thinking' }]);
    assert.deepEqual(
      [response.usage?.input_tokens, response.usage?.input_tokens_details.cached_tokens, response.usage?.total_tokens],
      [12, 8, 21],
    );
  }
});

test('parallel calls, whole and streamed in pieces', async () => {
  server.answer = TOOLS;
  const ask = { model, input: 'hi', tools, tool_choice: 'required', parallel_tool_calls: true } as const;
  const whole = await client.responses.create(ask);
  const streamed = await client.responses.stream(ask).finalResponse();
  const parsed = await client.responses.parse(ask);
  for (const response of [whole, streamed, parsed]) {
    assert.deepEqual(
      response.output.flatMap((item) =>
        item.type === 'function_call' ? [[item.call_id, item.name, item.arguments]] : [],
      ),
      [
        ['call_A', 'read', '{"path":"a"}'],
        ['call_B', 'list', '{}'],
      ],
    );
    assert.equal(response.output_text, 'I look.');
  }
  const [, call] = parsed.output;
  assert.deepEqual(call?.type === 'function_call' ? call.parsed_arguments : undefined, { path: 'a' });
  assert.deepEqual(
    server.asked?.tools.map(({ name, strict }) => [name, strict]),
    [
      ['read', true],
      ['list', true],
    ],
  );
});

test('the history that the client sends back is read', async () => {
  server.answer = TOOLS;
  const first = await client.responses.create({ model, input: 'hi', tools });
  server.answer = spoken('stop');
  const said = first.output.filter((item) => item.type === 'message' || item.type === 'function_call');
  const outputs = ['call_A', 'call_B'].map(
    (call_id) => ({ type: 'function_call_output', call_id, output: 'ok' }) as const,
  );
  await client.responses.create({
    model,
    input: [{ role: 'user', content: 'hi' }, ...said, ...outputs],
    tools,
  });
  assert.deepEqual(
    server.asked?.messages.map(({ role, parts }) => [role, parts.map(({ kind }) => kind)]),
    [
      ['user', ['text']],
      ['assistant', ['text', 'tool-call', 'tool-call']],
      ['user', ['tool-result', 'tool-result']],
    ],
  );
});

test('JSON by schema, parsed by the client; and an answer that was cut off', async () => {
  server.answer = [
    { kind: 'text', text: '{"path":"a"}' },
    { kind: 'stop', stop: 'stop' },
  ];
  const format = { type: 'json_schema', name: 'out', schema: SCHEMA, strict: true } as const;
  const ask = { model, input: 'hi', text: { format } };
  const parsed = await client.responses.parse(ask);
  assert.deepEqual(parseValue(parsed.output_text), { path: 'a' });
  assert.deepEqual(server.asked?.output, { kind: 'json-schema', name: 'out', schema: SCHEMA, strict: true });
  server.answer = [
    { kind: 'text', text: '{"pa' },
    { kind: 'stop', stop: 'length' },
  ];
  const cut = await client.responses.stream(ask).finalResponse();
  assert.deepEqual([cut.status, cut.incomplete_details?.reason], ['incomplete', 'max_output_tokens']);
  server.answer = [
    { kind: 'refusal', text: 'No.' },
    { kind: 'stop', stop: 'refusal' },
  ];
  const refused = await client.responses.stream(ask).finalResponse();
  const [message] = refused.output;
  assert.deepEqual(message?.type === 'message' ? message.content[0] : undefined, {
    type: 'refusal',
    refusal: 'No.',
  });
});

test('a provider understands what the encoder asks, and the decoder what it answers', async () => {
  const provider = new SimulatedProvider();
  await provider.listen();
  try {
    const request: HubRequest = {
      ...QUESTION,
      tools: [{ name: 'read', description: undefined, parameters: SCHEMA, strict: true }],
      toolChoice: { kind: 'required' },
    };
    for (const stream of [false, true]) {
      const { body, losses } = encodeRequest({ ...request, stream }, { ...TARGET, model });
      assert.deepEqual(losses, []);
      const headers = { authorization: 'Bearer sim-key', 'content-type': 'application/json' };
      const got = await fetch(`${provider.origin}/v1/responses`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      const bytes = Buffer.from(await got.arrayBuffer());
      assert.equal(got.status, 200, bytes.toString());
      const decoder = createDecoder();
      const events = stream ? decodeSse(decoder, bytes, () => 7) : decoder.document(parseValue(bytes.toString()));
      const args = events.map((event) => (event.kind === 'tool-args' ? event.text : '')).join('');
      assert.ok(typeof parseValue(args) === 'object', args);
      assert.deepEqual(events.at(-1), { kind: 'stop', stop: 'tool-use' });
      assert.equal(events.filter(({ kind }) => kind === 'usage').length, 1);
    }
  } finally {
    await provider.close();
  }
});
