// SPDX-License-Identifier: Apache-2.0
// An app on Cohere's SDK, version 2 of its chat. What its parsers leave out of an event does not exist.

import { type Cohere, CohereClientV2 } from 'cohere-ai';
import type { App, Heard, HeardCall, MakeApp, Wish } from './app.ts';

type Message = Cohere.ChatMessageV2;

export const cohere: MakeApp = (base, token): App => {
  const client = new CohereClientV2({ token, baseUrl: base, maxRetries: 0 });
  return (wish) =>
    turn(client, wish, [
      { role: 'system', content: wish.system },
      { role: 'user', content: userContent(wish) },
    ]);
};

function userContent({ prompt, image }: Wish): Cohere.UserMessageV2Content {
  if (image === undefined) return prompt;
  const url = `data:image/png;base64,${image.toString('base64')}`;
  return [
    { type: 'text', text: prompt },
    { type: 'image_url', imageUrl: { url } },
  ];
}

interface Answer {
  readonly message: Cohere.AssistantMessageResponse;
  readonly finish: string | undefined;
  readonly usage: Cohere.Usage | undefined;
  readonly pieces: number;
  readonly header: Heard['header'];
}

const STOPS: Readonly<Record<string, string>> = { COMPLETE: 'end', TOOL_CALL: 'tools', MAX_TOKENS: 'limit' };

async function turn(client: CohereClientV2, wish: Wish, messages: readonly Message[]): Promise<Heard> {
  const params = {
    model: wish.model,
    messages: [...messages],
    ...(wish.tools === undefined
      ? {}
      : {
          tools: wish.tools.map(({ name, description, schema }) => ({
            type: 'function' as const,
            function: { name, description, parameters: schema },
          })),
        }),
    ...(wish.schema === undefined
      ? {}
      : { responseFormat: { type: 'json_object' as const, jsonSchema: { ...wish.schema } } }),
    ...(wish.mustCall ? { toolChoice: 'REQUIRED' as const } : {}),
    ...(wish.limit === undefined ? {} : { maxTokens: wish.limit }),
  };
  const { message, finish, usage, pieces, header } = wish.stream
    ? await streamed(client, params)
    : await whole(client, params);
  const used = message.toolCalls ?? [];
  return {
    text: (message.content ?? []).map((part) => (part.type === 'text' ? part.text : '')).join(''),
    calls: used.map(
      (call): HeardCall => ({
        name: call.function?.name ?? '',
        args: JSON.parse(call.function?.arguments ?? '') as unknown,
      }),
    ),
    stop: STOPS[finish ?? ''] ?? String(finish),
    tokens: { input: usage?.tokens?.inputTokens ?? 0, output: usage?.tokens?.outputTokens ?? 0 },
    pieces,
    header,
    results: (answers) =>
      turn(client, wish, [
        ...messages,
        { role: 'assistant', toolCalls: used },
        ...used.map(({ id }, at): Message => ({ role: 'tool', toolCallId: id, content: answers[at]?.text ?? '' })),
      ]),
  };
}

async function whole(client: CohereClientV2, params: Cohere.V2ChatRequest): Promise<Answer> {
  const { data, rawResponse } = await client.chat(params).withRawResponse();
  return {
    message: data.message,
    finish: data.finishReason,
    usage: data.usage,
    pieces: 0,
    header: (name) => rawResponse.headers.get(name) ?? undefined,
  };
}

async function streamed(client: CohereClientV2, params: Cohere.V2ChatStreamRequest): Promise<Answer> {
  const { data, rawResponse } = await client.chatStream(params).withRawResponse();
  const texts = new Map<number, string>();
  const calls = new Map<number, { id: string; name: string; args: string }>();
  let finish: string | undefined;
  let usage: Cohere.Usage | undefined;
  let pieces = 0;
  for await (const event of data) {
    switch (event.type) {
      case 'content-delta': {
        const index = event.index ?? -1;
        texts.set(index, (texts.get(index) ?? '') + (event.delta?.message?.content?.text ?? ''));
        pieces += 1;
        break;
      }
      case 'tool-call-start': {
        const call = event.delta?.message?.toolCalls;
        calls.set(event.index ?? -1, {
          id: call?.id ?? '',
          name: call?.function?.name ?? '',
          args: call?.function?.arguments ?? '',
        });
        break;
      }
      case 'tool-call-delta': {
        const call = calls.get(event.index ?? -1);
        if (call === undefined) throw new Error('arguments for a call that was not started');
        call.args += event.delta?.message?.toolCalls?.function?.arguments ?? '';
        pieces += 1;
        break;
      }
      case 'message-end':
        finish = event.delta?.finishReason;
        usage = event.delta?.usage;
    }
  }
  const message: Cohere.AssistantMessageResponse = {
    role: 'assistant',
    content: [...texts.values()].map((text) => ({ type: 'text', text })),
    toolCalls: [...calls.values()].map(({ id, name, args }) => ({
      id,
      type: 'function',
      function: { name, arguments: args },
    })),
  };
  return { message, finish, usage, pieces, header: (name) => rawResponse.headers.get(name) ?? undefined };
}
