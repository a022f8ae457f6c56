// SPDX-License-Identifier: Apache-2.0
// An app on AWS's SDK for Bedrock: Converse with the SDK's own HTTP/2 handler and its own signature.

import {
  BedrockRuntimeClient,
  type ContentBlock,
  ConverseCommand,
  type ConverseCommandInput,
  ConverseStreamCommand,
  type Message,
  type TokenUsage,
  type ToolResultContentBlock,
  type ToolUseBlock,
} from '@aws-sdk/client-bedrock-runtime';
import { at } from '../../../fakes/provider/json.ts';
import type { App, Heard, MakeApp, ToolAnswer, Wish } from './app.ts';

export const bedrock: MakeApp = (base, key): App => {
  const client = new BedrockRuntimeClient({
    endpoint: base,
    region: 'eu-central-1',
    credentials: { accessKeyId: key, secretAccessKey: `secret-of-${key}` },
    maxAttempts: 1,
  });
  const headers = new Map<string, string>();
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      headers.clear();
      const head = at(result.response, 'headers');
      for (const [name, value] of Object.entries(head ?? {})) headers.set(name.toLowerCase(), String(value));
      return result;
    },
    { step: 'deserialize', priority: 'low' },
  );
  return (wish) =>
    turn({ client, wish, header: (name) => headers.get(name) }, [{ role: 'user', content: userBlocks(wish) }]);
};

function userBlocks({ prompt, image, document }: Wish): ContentBlock[] {
  const blocks: ContentBlock[] = [{ text: prompt }];
  if (image !== undefined) blocks.push({ image: { format: 'png', source: { bytes: image } } });
  if (document !== undefined) blocks.push({ document: { format: 'pdf', name: 'report', source: { bytes: document } } });
  return blocks;
}

function resultBlocks({ text, image }: ToolAnswer): ToolResultContentBlock[] {
  return image === undefined ? [{ text }] : [{ text }, { image: { format: 'png', source: { bytes: image } } }];
}

const STOPS: Readonly<Record<string, string>> = { end_turn: 'end', tool_use: 'tools', max_tokens: 'limit' };

interface Answer {
  readonly blocks: readonly ContentBlock[];
  readonly stop: string | undefined;
  readonly usage: TokenUsage | undefined;
  readonly pieces: number;
}

interface Talk {
  readonly client: BedrockRuntimeClient;
  readonly wish: Wish;
  readonly header: Heard['header'];
}

async function turn(talk: Talk, messages: readonly Message[]): Promise<Heard> {
  const { client, wish } = talk;
  const input = {
    modelId: wish.model,
    system: [{ text: wish.system }],
    messages: [...messages],
    ...(wish.tools === undefined
      ? {}
      : {
          toolConfig: {
            ...(wish.mustCall ? { toolChoice: { any: {} } } : {}),
            tools: wish.tools.map(({ name, description, schema }) => ({
              toolSpec: {
                name,
                description,
                inputSchema: { json: JSON.parse(JSON.stringify(schema)) },
              },
            })),
          },
        }),
    ...(wish.schema === undefined
      ? {}
      : {
          outputConfig: {
            textFormat: {
              type: 'json_schema',
              structure: { jsonSchema: { schema: JSON.stringify(wish.schema), name: 'report' } },
            },
          },
        }),
    ...(wish.limit === undefined ? {} : { inferenceConfig: { maxTokens: wish.limit } }),
    ...(wish.thinks ? { additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 1024 } } } : {}),
  } satisfies ConverseCommandInput;
  const { blocks, stop, usage, pieces } = wish.stream ? await streamed(client, input) : await whole(client, input);
  const uses = blocks.flatMap(({ toolUse }) => (toolUse === undefined ? [] : [toolUse]));
  return {
    text: blocks.map(({ text }) => text ?? '').join(''),
    calls: uses.map(({ name = '', input: args }) => ({ name, args })),
    stop: STOPS[stop ?? ''] ?? String(stop),
    tokens: {
      input: (usage?.inputTokens ?? 0) + (usage?.cacheReadInputTokens ?? 0) + (usage?.cacheWriteInputTokens ?? 0),
      output: usage?.outputTokens ?? 0,
    },
    pieces,
    header: talk.header,
    results: (answers) =>
      turn(talk, [
        ...messages,
        { role: 'assistant', content: [...blocks] },
        {
          role: 'user',
          content: uses.map(({ toolUseId }, at) => ({
            toolResult: { toolUseId, content: resultBlocks(answers[at] ?? { text: '' }) },
          })),
        },
      ]),
  };
}

async function whole(client: BedrockRuntimeClient, input: ConverseCommandInput): Promise<Answer> {
  const answer = await client.send(new ConverseCommand(input));
  return { blocks: answer.output?.message?.content ?? [], stop: answer.stopReason, usage: answer.usage, pieces: 0 };
}

/** Puts the blocks together by their indices, as the SDK leaves to its users. */
async function streamed(client: BedrockRuntimeClient, input: ConverseCommandInput): Promise<Answer> {
  const answer = await client.send(new ConverseStreamCommand(input));
  const texts = new Map<number, string>();
  const thoughts = new Map<number, { text: string; signature: string | undefined }>();
  const uses = new Map<number, { id: string; name: string; args: string }>();
  let stop: string | undefined;
  let usage: TokenUsage | undefined;
  let pieces = 0;
  let open: 'no' | 'yes' | 'ended' = 'no';
  for await (const event of answer.stream ?? []) {
    if (event.messageStart !== undefined) open = 'yes';
    else if (open !== 'yes' && event.metadata === undefined) throw new Error(`an event while ${open}`);
    const started = event.contentBlockStart;
    if (started?.start?.toolUse !== undefined) {
      const { toolUseId = '', name = '' } = started.start.toolUse;
      uses.set(started.contentBlockIndex ?? -1, { id: toolUseId, name, args: '' });
    }
    const { contentBlockIndex: index = -1, delta } = event.contentBlockDelta ?? {};
    if (delta !== undefined) pieces += 1;
    if (delta?.text !== undefined) texts.set(index, (texts.get(index) ?? '') + delta.text);
    if (delta?.reasoningContent !== undefined) {
      const { text = '', signature } = thoughts.get(index) ?? {};
      const { reasoningContent: more } = delta;
      thoughts.set(index, { text: text + (more.text ?? ''), signature: more.signature ?? signature });
    }
    if (delta?.toolUse !== undefined) {
      const use = uses.get(index);
      if (use === undefined) throw new Error(`arguments for a block ${index} that was not started`);
      use.args += delta.toolUse.input ?? '';
    }
    if (event.messageStop !== undefined) {
      stop = event.messageStop.stopReason;
      open = 'ended';
    }
    usage = event.metadata?.usage ?? usage;
  }
  const blocks = [...new Set([...thoughts.keys(), ...texts.keys(), ...uses.keys()])]
    .sort((a, b) => a - b)
    .map((index): ContentBlock => {
      const use = uses.get(index);
      const thought = thoughts.get(index);
      if (thought !== undefined) return { reasoningContent: { reasoningText: thought } };
      if (use === undefined) return { text: texts.get(index) ?? '' };
      const toolUse = { toolUseId: use.id, name: use.name, input: JSON.parse(use.args) } satisfies ToolUseBlock;
      return { toolUse };
    });
  return { blocks, stop, usage, pieces };
}
