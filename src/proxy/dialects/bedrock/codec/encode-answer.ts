// SPDX-License-Identifier: Apache-2.0
// Hub events as Converse's answer: the document, or the frames of its stream.

import { wholeInput } from '../../anthropic/codec/encode-answer.ts';
import type { StopClass, Usage } from '../../dialect.ts';
import { encodeAwsFrameWith, encodeAwsHeaders } from '../../framing/aws-event-stream.ts';
import { type Block, type BlockFormat, createBlockEncoder, type Ending } from '../../hub/block-encoder.ts';
import type { AnswerEncoder, EncoderOptions } from '../../hub/codec.ts';

/** Bedrock's own type of streams. */
export const EVENT_STREAM = 'application/vnd.amazon.eventstream';

/** Headers of every event that Bedrock's streams have; `chunk` is InvokeModel's. */
const HEADERS = {
  messageStart: headersOf('messageStart'),
  contentBlockStart: headersOf('contentBlockStart'),
  contentBlockDelta: headersOf('contentBlockDelta'),
  contentBlockStop: headersOf('contentBlockStop'),
  messageStop: headersOf('messageStop'),
  metadata: headersOf('metadata'),
  chunk: headersOf('chunk'),
} as const;

function headersOf(type: string): Buffer {
  return encodeAwsHeaders([
    [':event-type', type],
    [':content-type', 'application/json'],
    [':message-type', 'event'],
  ]);
}

/** One event as Bedrock frames it. */
export function eventFrame(type: keyof typeof HEADERS, json: string): Buffer {
  return encodeAwsFrameWith(HEADERS[type], Buffer.from(json));
}

export function createConverseEncoder(options: EncoderOptions): AnswerEncoder {
  return createBlockEncoder(FORMAT, options.framing !== undefined);
}

const NOTHING = Buffer.alloc(0);

function delta(index: number, json: string): Buffer {
  return eventFrame('contentBlockDelta', `{"contentBlockIndex":${index},"delta":${json}}`);
}

const FORMAT: BlockFormat = {
  opaqueDialect: 'bedrock-converse',
  documentType: 'application/json',
  streamType: EVENT_STREAM,
  start: () => eventFrame('messageStart', '{"role":"assistant"}'),
  open(index, block) {
    switch (block.kind) {
      case 'tool': {
        const start = { toolUse: { toolUseId: block.id, name: block.name } };
        return eventFrame('contentBlockStart', JSON.stringify({ contentBlockIndex: index, start }));
      }
      case 'redacted':
        return delta(index, JSON.stringify({ reasoningContent: { redactedContent: block.data } }));
      default:
        return NOTHING; // only tools are announced
    }
  },
  text: (index, text) => delta(index, `{"text":${JSON.stringify(text)}}`),
  reasoning: (index, text) => delta(index, `{"reasoningContent":{"text":${JSON.stringify(text)}}}`),
  signature: (index, data) => delta(index, `{"reasoningContent":{"signature":${JSON.stringify(data)}}}`),
  args: (index, text) => delta(index, `{"toolUse":{"input":${JSON.stringify(text)}}}`),
  close: (index) => eventFrame('contentBlockStop', `{"contentBlockIndex":${index}}`),
  end: (ending) =>
    Buffer.concat([
      eventFrame('messageStop', JSON.stringify(stopOf(ending))),
      eventFrame('metadata', JSON.stringify({ usage: usageOf(ending.usage), metrics: METRICS })),
    ]),
  document: (blocks, ending) =>
    Buffer.from(
      JSON.stringify({
        output: { message: { role: 'assistant', content: blocks.map(wholeBlock) } },
        ...stopOf(ending),
        usage: usageOf(ending.usage),
        metrics: METRICS,
      }),
    ),
};

/** A required member; what the provider took is not known here. */
const METRICS = { latencyMs: 0 };

function wholeBlock(block: Block): unknown {
  switch (block.kind) {
    case 'text':
      return { text: block.text };
    case 'reasoning':
      return { reasoningContent: { reasoningText: { text: block.text, signature: block.signature } } };
    case 'redacted':
      return { reasoningContent: { redactedContent: block.data } };
    case 'tool':
      return { toolUse: { toolUseId: block.id, name: block.name, input: wholeInput(block.args) } };
  }
}

function stopOf({ stop, sequence }: Ending) {
  const words: Readonly<Record<StopClass, string>> = {
    stop: sequence === undefined ? 'end_turn' : 'stop_sequence',
    length: 'max_tokens',
    'tool-use': 'tool_use',
    'content-filter': 'content_filtered',
    refusal: 'content_filtered',
    error: 'malformed_model_output',
    // Converse has no word for these.
    pause: 'end_turn',
    other: 'end_turn',
  };
  // Converse names the sequence only among the model's own fields.
  const more = sequence === undefined ? {} : { additionalModelResponseFields: { stop_sequence: sequence } };
  return { stopReason: words[stop], ...more };
}

/** `inputTokens` leaves the cached ones out; the hub's count has them. */
function usageOf(usage: Usage | undefined) {
  const { input = 0, output = 0, cacheRead, cacheWrite } = usage ?? {};
  return {
    inputTokens: Math.max(0, input - (cacheRead ?? 0) - (cacheWrite ?? 0)),
    outputTokens: output,
    totalTokens: input + output,
    ...(cacheRead === undefined ? {} : { cacheReadInputTokens: cacheRead }),
    ...(cacheWrite === undefined ? {} : { cacheWriteInputTokens: cacheWrite }),
  };
}
