// SPDX-License-Identifier: Apache-2.0
// The vendor's own client reads what the encoder writes, and the decoder of requests reads what the client sends.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Content, GoogleGenAI } from '@google/genai';
import { CodecServer } from '../../../../../test/fakes/codec-server.ts';
import { MIXED_CALLS, spoken } from '../../../../../test/fakes/hub-answers.ts';
import { geminiCodec } from './codec.ts';

const server = new CodecServer(geminiCodec);
let client: GoogleGenAI;

before(async () => {
  const origin = await server.listen();
  client = new GoogleGenAI({ apiKey: 'sim-key', httpOptions: { baseUrl: origin } });
});
after(() => server.close());

const model = 'gemini-2.5-flash';
const config = { thinkingConfig: { includeThoughts: true } };

test('document: text, thoughts, reason, usage', async () => {
  server.answer = spoken('length');
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
  assert.equal(server.asked?.reasoning?.visible, true);
});

test('stream: the same, and a chat keeps it as valid history', async () => {
  server.answer = spoken('length');
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
  assert.equal(server.asked?.stream, true);
});

for (const streamed of [false, true]) {
  test(`parallel tools, ${streamed ? 'streamed' : 'whole'}, and the results on the way back`, async () => {
    server.answer = MIXED_CALLS;
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
      server.asked?.tools.map(({ name, parameters }) => [name, parameters]),
      [
        ['first', { type: 'object' }],
        ['second', { type: 'object' }],
      ],
    );
    server.answer = spoken('length');
    const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []).filter((p) => p.functionCall);
    const results = calls.map((call) => ({
      functionResponse: { id: call.id ?? '', name: call.name ?? '', response: { result: 'ok' } },
    }));
    await client.models.generateContent({
      model,
      contents: [...contents, { role: 'model', parts }, { role: 'user', parts: results }],
      config: { tools },
    });
    const results2 = server.asked?.messages[2]?.parts.map(
      (part) => part.kind === 'tool-result' && [part.id, part.name],
    );
    assert.deepEqual(results2, [
      ['c1', 'first'],
      ['c2', 'second'],
    ]);
    assert.ok(!JSON.stringify(server.asked?.messages[1]).includes('opaque'), 'the sentinel is nobody’s signature');
  });
}

test('JSON schema and an image arrive', async () => {
  server.answer = [
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
  assert.deepEqual(server.asked?.output, { kind: 'json-schema', name: undefined, schema, strict: undefined });
  assert.deepEqual(server.asked?.messages[1]?.parts[1], {
    kind: 'image',
    source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' },
  });
});
