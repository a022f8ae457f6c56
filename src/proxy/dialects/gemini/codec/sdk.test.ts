// SPDX-License-Identifier: Apache-2.0
// The vendor's own client reads what the encoder writes, and the decoder of requests reads what the client sends.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type Content, GoogleGenAI } from '@google/genai';
import type { HubEvent, HubRequest } from '../../hub/hub.ts';
import { parseValue } from '../../json/values.ts';
import { recognise } from '../../recognise.ts';
import { geminiCodec } from './codec.ts';

let server: Server;
let client: GoogleGenAI;
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
      const { request, losses } = geminiCodec.decodeRequest(recognised, parseValue(Buffer.concat(chunks).toString()));
      assert.ok(request !== undefined, JSON.stringify(losses));
      assert.deepEqual(losses, []);
      asked = request;
      const framing = request.stream ? 'sse' : undefined;
      const encoder = geminiCodec.createEncoder({ framing, model: request.model, id: 'id1', createdAt: 0, request });
      outgoing.writeHead(200, { 'content-type': encoder.contentType });
      for (const event of answer) outgoing.write(encoder.push(event));
      outgoing.end(encoder.end());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  client = new GoogleGenAI({ apiKey: 'sim-key', httpOptions: { baseUrl: `http://127.0.0.1:${port}` } });
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const model = 'gemini-2.5-flash';
const USAGE: HubEvent = {
  kind: 'usage',
  usage: { input: 12, output: 9, cacheRead: 8, cacheWrite: undefined, reasoning: 4 },
};
const TEXT: readonly HubEvent[] = [
  { kind: 'start', id: undefined, model: undefined },
  { kind: 'reasoning', text: 'thinking' },
  { kind: 'text', text: 'Grüße, ' },
  { kind: 'text', text: '🌍!' },
  { kind: 'stop', stop: 'length' },
  USAGE,
];
const TOOLS: readonly HubEvent[] = [
  { kind: 'start', id: undefined, model: undefined },
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
const config = { thinkingConfig: { includeThoughts: true } };

test('document: text, thoughts, reason, usage', async () => {
  answer = TEXT;
  const read = await client.models.generateContent({ model, contents: 'hi', config });
  assert.equal(read.text, 'Grüße, 🌍!');
  assert.equal(read.candidates?.[0]?.content?.parts?.[0]?.thought, true);
  assert.equal(read.candidates?.[0]?.finishReason, 'MAX_TOKENS');
  assert.equal(read.modelVersion, model);
  assert.equal(read.responseId, 'id1');
  const usage = read.usageMetadata;
  assert.deepEqual(
    [usage?.promptTokenCount, usage?.candidatesTokenCount, usage?.thoughtsTokenCount, usage?.totalTokenCount],
    [12, 5, 4, 21],
  );
  assert.equal(asked?.reasoning?.visible, true);
});

test('stream: the same, and a chat keeps it as valid history', async () => {
  answer = TEXT;
  const chat = client.chats.create({ model, config });
  let text = '';
  let finish: string | undefined;
  for await (const chunk of await chat.sendMessageStream({ message: 'hi' })) {
    text += chunk.text ?? '';
    finish = chunk.candidates?.[0]?.finishReason ?? finish;
  }
  assert.equal(text, 'Grüße, 🌍!');
  assert.equal(finish, 'MAX_TOKENS');
  assert.equal(chat.getHistory(true).length >= 2, true, 'the answer counts as valid');
  assert.equal(asked?.stream, true);
});

for (const streamed of [false, true]) {
  test(`parallel tools, ${streamed ? 'streamed' : 'whole'}, and the results on the way back`, async () => {
    answer = TOOLS;
    const declared = [
      { name: 'first', parametersJsonSchema: { type: 'object' } },
      { name: 'second', parametersJsonSchema: { type: 'object' } },
    ];
    const tools = [{ functionDeclarations: declared }];
    const contents: Content[] = [{ role: 'user', parts: [{ text: 'use both' }] }];
    const request = { model, contents, config: { tools } };
    const chunks = [];
    if (streamed) for await (const chunk of await client.models.generateContentStream(request)) chunks.push(chunk);
    else chunks.push(await client.models.generateContent(request));
    const calls = chunks.flatMap((chunk) => chunk.functionCalls ?? []);
    assert.deepEqual(calls, [
      { id: 'c1', name: 'first', args: { a: 1 } },
      { id: 'c2', name: 'second', args: { b: [2] } },
    ]);
    assert.deepEqual(
      asked?.tools.map(({ name, parameters }) => [name, parameters]),
      [
        ['first', { type: 'object' }],
        ['second', { type: 'object' }],
      ],
    );
    answer = TEXT;
    const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []).filter((p) => p.functionCall);
    const results = calls.map((call) => ({
      functionResponse: { id: call.id ?? '', name: call.name ?? '', response: { result: 'ok' } },
    }));
    await client.models.generateContent({
      model,
      contents: [...contents, { role: 'model', parts }, { role: 'user', parts: results }],
      config: { tools },
    });
    const results2 = asked?.messages[2]?.parts.map((part) => part.kind === 'tool-result' && [part.id, part.name]);
    assert.deepEqual(results2, [
      ['c1', 'first'],
      ['c2', 'second'],
    ]);
    assert.ok(!JSON.stringify(asked?.messages[1]).includes('opaque'), 'the sentinel is nobody’s signature');
  });
}

test('JSON schema and an image arrive', async () => {
  answer = [
    { kind: 'text', text: '{"colour":"red"}' },
    { kind: 'stop', stop: 'stop' },
  ];
  const schema = { type: 'object', properties: { colour: { type: 'string' } } };
  const read = await client.models.generateContent({
    model,
    contents: [{ text: 'see' }, { inlineData: { mimeType: 'image/png', data: 'AAAA' } }],
    config: { responseMimeType: 'application/json', responseJsonSchema: schema, systemInstruction: 'Be brief.' },
  });
  assert.deepEqual(JSON.parse(read.text ?? ''), { colour: 'red' });
  assert.deepEqual(asked?.output, { kind: 'json-schema', name: undefined, schema, strict: undefined });
  assert.deepEqual(asked?.messages[1]?.parts[1], {
    kind: 'image',
    source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' },
  });
});
