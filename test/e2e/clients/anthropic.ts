// SPDX-License-Identifier: Apache-2.0
// The Anthropic SDK as an app would use it. Where it goes is decided by its environment alone.

import Anthropic from '@anthropic-ai/sdk';
import { PNG, picked, report } from './report.ts';

const client = new Anthropic({ apiKey: 'app-key', maxRetries: 0 });
const base = { model: 'claude-sonnet-4', max_tokens: 256 } as const;

await report({
  text: async () => {
    const { data, response } = await client.messages
      .create({ ...base, messages: [{ role: 'user', content: 'Grüße 👋' }] })
      .withResponse();
    const block = data.content.find((part) => part.type === 'text');
    return { text: block?.text ?? '', headers: picked(response.headers) };
  },
  stream: async () => {
    let text = '';
    let pieces = 0;
    for await (const event of client.messages.stream({
      ...base,
      messages: [{ role: 'user', content: 'count to ten' }],
    })) {
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
        text += event.delta.text;
        pieces += 1;
      }
    }
    return { text, pieces };
  },
  tools: async () => {
    const answer = await client.messages.create({
      ...base,
      messages: [{ role: 'user', content: 'please use the tool' }],
      tools: [{ name: 'get_weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } }],
    });
    const block = answer.content.find((part) => part.type === 'tool_use');
    return { tool: block?.name ?? '' };
  },
  image: async () => {
    const answer = await client.messages.create({
      ...base,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'look' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } },
          ],
        },
      ],
    });
    const block = answer.content.find((part) => part.type === 'text');
    return { text: block?.text ?? '' };
  },
  error: async () => {
    await client.messages.create({
      ...base,
      model: 'claude-sonnet-4+status=529',
      messages: [{ role: 'user', content: 'x' }],
    });
    return {};
  },
  broken: async () => {
    let pieces = 0;
    const stream = client.messages.stream({
      ...base,
      model: 'claude-sonnet-4+cut=6',
      messages: [{ role: 'user', content: 'a stream that dies' }],
    });
    for await (const _ of stream) pieces += 1;
    return { pieces };
  },
  refused: async () => {
    await client.messages.create({ ...base, model: 'forbidden-model', messages: [{ role: 'user', content: 'x' }] });
    return {};
  },
  refusedStream: async () => {
    for await (const _ of client.messages.stream({
      ...base,
      model: 'forbidden-model',
      messages: [{ role: 'user', content: 'x' }],
    }));
    return {};
  },
  cancel: async () => {
    const stream = client.messages.stream({
      ...base,
      model: 'claude-sonnet-4+gap=50+pieces=400+size=1',
      messages: [{ role: 'user', content: 'cancel me' }],
    });
    for await (const _ of stream) break;
    stream.abort();
    return {};
  },
});
