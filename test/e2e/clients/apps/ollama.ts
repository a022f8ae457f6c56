// SPDX-License-Identifier: Apache-2.0
// An app on Ollama's SDK. It has no ids for tool calls: results go by name and order.

import { type ChatRequest, type ChatResponse, type Message, Ollama, type Tool } from 'ollama';
import { type App, type Heard, type MakeApp, type Wish, watchedFetch } from './app.ts';

export const ollama: MakeApp = (base, key): App => {
  const { fetch, header } = watchedFetch();
  const client = new Ollama({ host: base, headers: { authorization: `Bearer ${key}` }, fetch });
  return (wish) => {
    const picture = wish.image === undefined ? {} : { images: [wish.image] };
    const messages = [
      { role: 'system', content: wish.system },
      { role: 'user', content: wish.prompt, ...picture },
    ];
    return turn({ client, wish, header }, messages);
  };
};

interface Talk {
  readonly client: Ollama;
  readonly wish: Wish;
  readonly header: Heard['header'];
}

async function turn(talk: Talk, messages: readonly Message[]): Promise<Heard> {
  const { client, wish } = talk;
  const request: ChatRequest = {
    model: wish.model,
    messages: [...messages],
    ...(wish.tools === undefined
      ? {}
      : {
          tools: wish.tools.map(
            ({ name, description, schema }): Tool => ({
              type: 'function',
              function: { name, description, parameters: { ...schema, required: [...schema.required] } },
            }),
          ),
        }),
    ...(wish.schema === undefined ? {} : { format: wish.schema }),
    ...(wish.limit === undefined ? {} : { options: { num_predict: wish.limit } }),
  };
  const lines: ChatResponse[] = [];
  if (wish.stream) {
    for await (const line of await client.chat({ ...request, stream: true })) lines.push(line);
  } else lines.push(await client.chat({ ...request, stream: false }));
  const calls = lines.flatMap(({ message }) => message.tool_calls ?? []);
  const text = lines.map(({ message }) => message.content).join('');
  const last = lines.at(-1);
  if (last?.done !== true) throw new Error('the answer has no end');
  return {
    text,
    calls: calls.map(({ function: { name, arguments: args } }) => ({ name, args })),
    // It has one word for both.
    stop:
      last.done_reason === 'length'
        ? 'limit'
        : last.done_reason !== 'stop'
          ? last.done_reason
          : calls.length > 0
            ? 'tools'
            : 'end',
    tokens: { input: last.prompt_eval_count, output: last.eval_count },
    pieces: wish.stream ? lines.filter(({ message }) => message.content !== '' || message.tool_calls).length : 0,
    header: talk.header,
    results: (answers) =>
      turn(talk, [
        ...messages,
        { role: 'assistant', content: text, tool_calls: calls },
        ...calls.map((call, at) => ({ role: 'tool', tool_name: call.function.name, content: answers[at]?.text ?? '' })),
      ]),
  };
}
