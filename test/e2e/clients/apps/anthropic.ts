// SPDX-License-Identifier: Apache-2.0
// An app on Anthropic's SDK. Streams go through the SDK's own accumulator.

import Anthropic from '@anthropic-ai/sdk';
import { type App, type Heard, type MakeApp, type ToolAnswer, type Wish, watchedFetch } from './app.ts';

type Params = Anthropic.MessageCreateParamsNonStreaming;
type Message = Anthropic.MessageParam;

export const anthropic: MakeApp = (base, apiKey): App => {
  const { fetch, header } = watchedFetch();
  const client = new Anthropic({ apiKey, baseURL: base, maxRetries: 0, fetch });
  return (wish) => turn({ client, wish, header }, [userMessage(wish)]);
};

function userMessage({ prompt, image, document }: Wish): Message {
  if (image === undefined && document === undefined) return { role: 'user', content: prompt };
  const content: Anthropic.ContentBlockParam[] = [{ type: 'text', text: prompt }];
  if (image !== undefined) content.push(imageBlock(image));
  if (document !== undefined) {
    const source = { type: 'base64', media_type: 'application/pdf', data: document.toString('base64') } as const;
    content.push({ type: 'document', source });
  }
  return { role: 'user', content };
}

function imageBlock(image: Buffer): Anthropic.ImageBlockParam {
  return { type: 'image', source: { type: 'base64', media_type: 'image/png', data: image.toString('base64') } };
}

function contentOf({ text, image }: ToolAnswer): Anthropic.ToolResultBlockParam['content'] & {} {
  return image === undefined ? text : [{ type: 'text', text }, imageBlock(image)];
}

const STOPS: Readonly<Record<string, string>> = { end_turn: 'end', tool_use: 'tools', max_tokens: 'limit' };

interface Talk {
  readonly client: Anthropic;
  readonly wish: Wish;
  readonly header: Heard['header'];
}

async function turn(talk: Talk, messages: readonly Message[]): Promise<Heard> {
  const { client, wish } = talk;
  const params: Params = {
    model: wish.model,
    max_tokens: wish.limit ?? 4096,
    system: wish.system,
    messages: [...messages],
    ...(wish.tools === undefined
      ? {}
      : {
          tools: wish.tools.map(({ name, description, schema }) => ({
            name,
            description,
            input_schema: { ...schema, required: [...schema.required] },
          })),
        }),
    ...(wish.schema === undefined
      ? {}
      : { output_config: { format: { type: 'json_schema', schema: { ...wish.schema } } } }),
    ...(wish.mustCall ? { tool_choice: { type: 'any' } } : {}),
    ...(wish.thinks ? { thinking: { type: 'enabled', budget_tokens: 1024 } } : {}),
  };
  let pieces = 0;
  let message: Anthropic.Message;
  if (wish.stream) {
    const stream = client.messages.stream(params);
    for await (const event of stream) if (event.type === 'content_block_delta') pieces += 1;
    message = await stream.finalMessage();
  } else {
    message = await client.messages.create(params);
  }
  const uses = message.content.filter((block) => block.type === 'tool_use');
  const { usage } = message;
  return {
    text: message.content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    calls: uses.map(({ name, input }) => ({ name, args: input })),
    stop: STOPS[message.stop_reason ?? ''] ?? String(message.stop_reason),
    tokens: {
      input: usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0),
      output: usage.output_tokens,
    },
    pieces,
    header: talk.header,
    results: (answers) =>
      turn(talk, [
        ...messages,
        { role: 'assistant', content: message.content },
        {
          role: 'user',
          content: uses.map(({ id }, at) => ({
            type: 'tool_result',
            tool_use_id: id,
            content: contentOf(answers[at] ?? { text: '' }),
          })),
        },
      ]),
  };
}
