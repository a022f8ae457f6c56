// SPDX-License-Identifier: Apache-2.0
// The openai SDK as an app would use it. Where it goes is decided by its environment alone.

import OpenAI from 'openai';
import { PNG, picked, report } from './report.ts';

const client = new OpenAI({ apiKey: 'app-key', maxRetries: 0 });
const tool = {
  type: 'function',
  function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
} as const;

await report({
  text: async () => {
    const { data, response } = await client.chat.completions
      .create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'Grüße 👋' }] })
      .withResponse();
    return { text: data.choices[0]?.message.content ?? '', headers: picked(response.headers) };
  },
  stream: async () => {
    let text = '';
    let pieces = 0;
    const stream = await client.chat.completions.create({
      model: 'gpt-4o',
      stream: true,
      messages: [{ role: 'user', content: 'count to ten' }],
    });
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      pieces += 1;
    }
    return { text, pieces };
  },
  tools: async () => {
    const answer = await client.chat.completions.create({
      model: 'gpt-4o',
      messages: [{ role: 'user', content: 'please use the tool' }],
      tools: [tool],
    });
    const call = answer.choices[0]?.message.tool_calls?.[0];
    return { tool: call?.type === 'function' ? call.function.name : '' };
  },
  image: async () => {
    const answer = await client.chat.completions.create({
      model: 'gpt-4o',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'look' },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
          ],
        },
      ],
    });
    return { text: answer.choices[0]?.message.content ?? '' };
  },
  responses: async () => {
    let text = '';
    for await (const event of await client.responses.create({ model: 'gpt-4o', input: 'hello', stream: true })) {
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    return { text };
  },
  embeddings: async () => {
    const answer = await client.embeddings.create({ model: 'text-embedding-3-small', input: 'a', dimensions: 8 });
    return { pieces: answer.data[0]?.embedding.length ?? 0 };
  },
  error: async () => {
    await client.chat.completions.create({ model: 'gpt-4o+status=429', messages: [{ role: 'user', content: 'x' }] });
    return {};
  },
  broken: async () => {
    const stream = await client.chat.completions.create({
      model: 'gpt-4o+cut=4',
      stream: true,
      messages: [{ role: 'user', content: 'a stream that dies' }],
    });
    let pieces = 0;
    for await (const _ of stream) pieces += 1;
    return { pieces };
  },
  refused: async () => {
    await client.chat.completions.create({ model: 'forbidden-model', messages: [{ role: 'user', content: 'x' }] });
    return {};
  },
  refusedStream: async () => {
    await client.responses.create({ model: 'forbidden-model', input: 'x', stream: true });
    return {};
  },
  cancel: async () => {
    const controller = new AbortController();
    const stream = await client.chat.completions.create(
      { model: 'gpt-4o+gap=50+pieces=400+size=1', stream: true, messages: [{ role: 'user', content: 'cancel me' }] },
      { signal: controller.signal },
    );
    for await (const _ of stream) break;
    controller.abort();
    return {};
  },
});
