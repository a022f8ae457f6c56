// SPDX-License-Identifier: Apache-2.0
// An app on the openai SDK's chat completions. Streams go through the SDK's own accumulator.

import OpenAI from 'openai';
import { type App, type Heard, type MakeApp, type Wish, watchedFetch } from './app.ts';

type Params = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;
type Message = OpenAI.Chat.ChatCompletionMessageParam;

export const openaiChat: MakeApp = (base, apiKey): App => {
  const { fetch, header } = watchedFetch();
  const client = new OpenAI({ apiKey, baseURL: `${base}/v1`, maxRetries: 0, fetch });
  return (wish) => turn({ client, wish, header }, [{ role: 'system', content: wish.system }, userMessage(wish)]);
};

function userMessage({ prompt, image, document }: Wish): Message {
  if (image === undefined && document === undefined) return { role: 'user', content: prompt };
  const content: OpenAI.Chat.ChatCompletionContentPart[] = [{ type: 'text', text: prompt }];
  if (image !== undefined) {
    content.push({ type: 'image_url', image_url: { url: `data:image/png;base64,${image.toString('base64')}` } });
  }
  if (document !== undefined) {
    const file_data = `data:application/pdf;base64,${document.toString('base64')}`;
    content.push({ type: 'file', file: { filename: 'report.pdf', file_data } });
  }
  return { role: 'user', content };
}

const STOPS: Readonly<Record<string, string>> = { stop: 'end', tool_calls: 'tools', length: 'limit' };

interface Talk {
  readonly client: OpenAI;
  readonly wish: Wish;
  readonly header: Heard['header'];
}

async function turn(talk: Talk, messages: readonly Message[]): Promise<Heard> {
  const { client, wish } = talk;
  const params = {
    model: wish.model,
    messages: [...messages],
    ...(wish.tools === undefined
      ? {}
      : {
          tools: wish.tools.map(({ name, description, schema }) => ({
            type: 'function' as const,
            function: { name, description, parameters: { ...schema } },
          })),
        }),
    ...(wish.schema === undefined
      ? {}
      : {
          response_format: {
            type: 'json_schema',
            json_schema: { name: 'report', schema: { ...wish.schema }, strict: true },
          } as const,
        }),
    ...(wish.mustCall ? { tool_choice: 'required' as const } : {}),
    ...(wish.limit === undefined ? {} : { max_completion_tokens: wish.limit }),
    ...(wish.thinks ? { reasoning_effort: 'high' as const } : {}),
  } satisfies Params;
  let pieces = 0;
  let completion: OpenAI.Chat.ChatCompletion;
  if (wish.stream) {
    const stream = client.chat.completions.stream({ ...params, stream_options: { include_usage: true } });
    for await (const { choices } of stream) {
      const delta = choices[0]?.delta;
      if (delta?.content || delta?.tool_calls?.some((call) => call.function?.arguments)) pieces += 1;
    }
    completion = await stream.finalChatCompletion();
  } else {
    completion = await client.chat.completions.create(params);
  }
  const [choice] = completion.choices;
  if (choice === undefined) throw new Error('no choice');
  const { message } = choice;
  const calls = (message.tool_calls ?? []).map((call) => {
    if (call.type !== 'function') throw new Error(`a call of type ${call.type}`);
    return { id: call.id, name: call.function.name, args: JSON.parse(call.function.arguments) as unknown };
  });
  return {
    text: message.content ?? '',
    calls: calls.map(({ name, args }) => ({ name, args })),
    stop: STOPS[choice.finish_reason] ?? choice.finish_reason,
    tokens: { input: completion.usage?.prompt_tokens ?? 0, output: completion.usage?.completion_tokens ?? 0 },
    pieces,
    header: talk.header,
    results: (answers) =>
      turn(talk, [
        ...messages,
        message,
        ...calls.map(({ id }, at): Message => ({ role: 'tool', tool_call_id: id, content: answers[at]?.text ?? '' })),
      ]),
  };
}
