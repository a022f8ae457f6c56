// SPDX-License-Identifier: Apache-2.0
// Google's genai SDK as an app would use it. Where it goes is decided by its environment alone.

import { GoogleGenAI } from '@google/genai';
import { PNG, report } from './report.ts';

const client = new GoogleGenAI({ apiKey: 'app-key' });
const model = 'gemini-2.5-flash';

await report({
  text: async () => ({ text: (await client.models.generateContent({ model, contents: 'Grüße 👋' })).text ?? '' }),
  stream: async () => {
    let text = '';
    let pieces = 0;
    for await (const chunk of await client.models.generateContentStream({ model, contents: 'count to ten' })) {
      text += chunk.text ?? '';
      pieces += 1;
    }
    return { text, pieces };
  },
  tools: async () => {
    const answer = await client.models.generateContent({
      model,
      contents: 'please use the tool',
      config: { tools: [{ functionDeclarations: [{ name: 'get_weather' }] }] },
    });
    return { tool: answer.functionCalls?.[0]?.name ?? '' };
  },
  image: async () => {
    const answer = await client.models.generateContent({
      model,
      contents: [{ role: 'user', parts: [{ text: 'look' }, { inlineData: { mimeType: 'image/png', data: PNG } }] }],
    });
    return { text: answer.text ?? '' };
  },
  error: async () => {
    await client.models.generateContent({ model: `${model}+status=429`, contents: 'x' });
    return {};
  },
  broken: async () => {
    let pieces = 0;
    for await (const _ of await client.models.generateContentStream({
      model: `${model}+cut=3`,
      contents: 'a stream that dies',
    })) {
      pieces += 1;
    }
    return { pieces };
  },
  refused: async () => {
    await client.models.generateContent({ model: 'forbidden-model', contents: 'x' });
    return {};
  },
  refusedStream: async () => {
    for await (const _ of await client.models.generateContentStream({ model: 'forbidden-model', contents: 'x' }));
    return {};
  },
  cancel: async () => {
    const controller = new AbortController();
    const stream = await client.models.generateContentStream({
      model: `${model}+gap=50+pieces=400+size=1`,
      contents: 'cancel me',
      config: { abortSignal: controller.signal },
    });
    for await (const _ of stream) break;
    controller.abort();
    return {};
  },
});
