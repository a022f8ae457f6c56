// SPDX-License-Identifier: Apache-2.0
// The real @google/genai against the simulated provider.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApiError, FunctionCallingConfigMode, GoogleGenAI } from '@google/genai';
import { SimulatedProvider } from './simulated-provider.ts';

const provider = new SimulatedProvider();
let client: GoogleGenAI;
const model = 'gemini-2.5-flash';

before(async () => {
  await provider.listen();
  client = new GoogleGenAI({ apiKey: 'sim-key', httpOptions: { baseUrl: provider.origin } });
});
after(() => provider.close());

test('generate: text and usage', async () => {
  const answer = await client.models.generateContent({ model, contents: 'hello' });
  assert.equal(answer.text, 'Simulated echo: hello');
  assert.equal(answer.modelVersion, 'gemini-2.5-flash-simulated');
  assert.equal(answer.candidates?.[0]?.finishReason, 'STOP');
  assert.ok((answer.usageMetadata?.cachedContentTokenCount ?? 0) > 0);
  assert.ok((answer.usageMetadata?.thoughtsTokenCount ?? 0) > 0);
});

test('stream: same text, usage at the end', async () => {
  let words = '';
  let total: number | undefined;
  for await (const chunk of await client.models.generateContentStream({ model, contents: 'hello again' })) {
    words += chunk.text ?? '';
    total = chunk.usageMetadata?.totalTokenCount ?? total;
  }
  assert.equal(words, 'Simulated echo: hello again');
  assert.ok((total ?? 0) > 0);
});

test('tools, result, image, JSON', async () => {
  const tools = [
    {
      functionDeclarations: [
        { name: 'get_weather', parametersJsonSchema: { type: 'object', properties: { city: { type: 'string' } } } },
      ],
    },
  ];
  const config = { tools, toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.ANY } } };
  const called = await client.models.generateContent({ model, contents: 'weather', config });
  assert.deepEqual(called.functionCalls?.[0]?.args, { city: 'simulated' });
  const after = await client.models.generateContent({
    model,
    config: { tools },
    contents: [
      { role: 'user', parts: [{ text: 'weather' }] },
      { role: 'model', parts: [{ functionCall: called.functionCalls?.[0] ?? {} }] },
      { role: 'user', parts: [{ functionResponse: { name: 'get_weather', response: { sky: 'grey' } } }] },
    ],
  });
  assert.equal(after.text, 'The tool said: {"sky":"grey"}');
  const data = Buffer.from('pixels').toString('base64');
  const image = await client.models.generateContent({
    model,
    contents: [{ role: 'user', parts: [{ text: 'look' }, { inlineData: { mimeType: 'image/png', data } }] }],
  });
  assert.match(image.text ?? '', /look \[image of 6 bytes/);
  const json = await client.models.generateContent({
    model,
    contents: 'a colour',
    config: {
      responseMimeType: 'application/json',
      responseJsonSchema: { type: 'object', properties: { colour: { type: 'string' } } },
    },
  });
  assert.deepEqual(JSON.parse(json.text ?? ''), { colour: 'simulated' });
});

test('count and embed', async () => {
  const counted = await client.models.countTokens({ model, contents: 'hello' });
  assert.ok((counted.totalTokens ?? 0) > 0);
  const embedded = await client.models.embedContent({
    model: 'gemini-embedding-001',
    contents: 'hello',
    config: { outputDimensionality: 12 },
  });
  assert.equal(embedded.embeddings?.[0]?.values?.length, 12);
});

test('errors and cancel', async () => {
  await assert.rejects(client.models.generateContent({ model: 'unknown', contents: 'x' }), (error) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.status, 404);
    assert.match(error.message, /NOT_FOUND/);
    return true;
  });
  const controller = new AbortController();
  const stream = await client.models.generateContentStream({
    model: `${model}+stall=1`,
    contents: 'cancel',
    config: { abortSignal: controller.signal },
  });
  await assert.rejects(async () => {
    for await (const _ of stream) controller.abort();
  });
  await provider.waitFor((request) => request.state === 'client-left');
});
