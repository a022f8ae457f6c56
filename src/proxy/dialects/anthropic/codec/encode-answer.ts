// SPDX-License-Identifier: Apache-2.0
// Hub events as Anthropic's answer: the document, or the events of its stream. Framing (SSE, or Bedrock's frames) is passed in.

import type { StopClass, Usage } from '../../dialect.ts';
import { type Block, type BlockFormat, createBlockEncoder, type Ending } from '../../hub/block-encoder.ts';
import type { AnswerEncoder, EncoderOptions } from '../../hub/codec.ts';
import { parseExact } from '../../json/exact.ts';

/** How the JSON text of one event becomes bytes. */
export interface EventFraming {
  readonly contentType: string;
  frame(type: string, json: string): Buffer;
  /** A further member of the last event, as JSON text that begins with a comma; Bedrock's counts. */
  lastMembers(usage: Usage | undefined): string;
}

export const SSE_EVENTS: EventFraming = {
  contentType: 'text/event-stream; charset=utf-8',
  frame: (type, json) => Buffer.from(`event: ${type}\ndata: ${json}\n\n`),
  lastMembers: () => '',
};

export function createAnthropicEncoder(options: EncoderOptions, framing: EventFraming = SSE_EVENTS): AnswerEncoder {
  return createBlockEncoder(anthropicFormat(options, framing), options.framing !== undefined);
}

function anthropicFormat(options: EncoderOptions, framing: EventFraming): BlockFormat {
  const id = `msg_${options.id}`;
  const delta = (index: number, json: string) =>
    framing.frame('content_block_delta', `{"type":"content_block_delta","index":${index},"delta":${json}}`);

  return {
    opaqueDialect: 'anthropic-messages',
    documentType: 'application/json',
    streamType: framing.contentType,
    start() {
      const message = messageOf(id, options.model, [], null, null, { input_tokens: 0, output_tokens: 0 });
      return framing.frame('message_start', JSON.stringify({ type: 'message_start', message }));
    },
    open(index, block) {
      const value = { type: 'content_block_start', index, content_block: openBlock(block) };
      return framing.frame(value.type, JSON.stringify(value));
    },
    text: (index, text) => delta(index, `{"type":"text_delta","text":${JSON.stringify(text)}}`),
    reasoning: (index, text) => delta(index, `{"type":"thinking_delta","thinking":${JSON.stringify(text)}}`),
    signature: (index, data) => delta(index, `{"type":"signature_delta","signature":${JSON.stringify(data)}}`),
    args: (index, text) => delta(index, `{"type":"input_json_delta","partial_json":${JSON.stringify(text)}}`),
    close: (index) => framing.frame('content_block_stop', `{"type":"content_block_stop","index":${index}}`),
    end(ending) {
      const stopped = {
        type: 'message_delta',
        delta: { stop_reason: stopReason(ending), stop_sequence: ending.sequence ?? null },
        usage: usageOf(ending.usage),
      };
      return Buffer.concat([
        framing.frame('message_delta', JSON.stringify(stopped)),
        framing.frame('message_stop', `{"type":"message_stop"${framing.lastMembers(ending.usage)}}`),
      ]);
    },
    document(blocks, ending) {
      const content = blocks.map(wholeBlock);
      const { sequence = null, usage } = ending;
      return Buffer.from(
        JSON.stringify(messageOf(id, options.model, content, stopReason(ending), sequence, usageOf(usage))),
      );
    },
  };
}

function messageOf(
  id: string,
  model: string,
  content: readonly unknown[],
  stop_reason: string | null,
  stop_sequence: string | null,
  usage: unknown,
) {
  return { id, type: 'message', role: 'assistant', model, content, stop_reason, stop_sequence, usage };
}

function openBlock(block: Block): unknown {
  switch (block.kind) {
    case 'text':
      return { type: 'text', text: '' };
    case 'reasoning':
      return { type: 'thinking', thinking: '', signature: '' };
    case 'redacted':
      return { type: 'redacted_thinking', data: block.data };
    case 'tool':
      return { type: 'tool_use', id: block.id, name: block.name, input: {} };
  }
}

function wholeBlock(block: Block): unknown {
  switch (block.kind) {
    case 'text':
      return { type: 'text', text: block.text };
    case 'reasoning':
      return { type: 'thinking', thinking: block.text, signature: block.signature };
    case 'redacted':
      return { type: 'redacted_thinking', data: block.data };
    case 'tool':
      return { type: 'tool_use', id: block.id, name: block.name, input: wholeInput(block.args) };
  }
}

/** Arguments that broke off stay text: no tool shall run on half of them as if they were whole. */
export function wholeInput(args: string): unknown {
  return args === '' ? {} : (parseExact(args) ?? args);
}

function stopReason({ stop, sequence }: Ending): string {
  const words: Readonly<Record<StopClass, string>> = {
    stop: sequence === undefined ? 'end_turn' : 'stop_sequence',
    length: 'max_tokens',
    'tool-use': 'tool_use',
    'content-filter': 'refusal',
    refusal: 'refusal',
    pause: 'pause_turn',
    // Anthropic has no word for these. An answer that failed is not whole, as after the limit.
    error: 'max_tokens',
    other: 'end_turn',
  };
  return words[stop];
}

/** Anthropic's `input_tokens` leaves the cached ones out; the hub's count has them. */
function usageOf(usage: Usage | undefined) {
  const { cacheRead, cacheWrite, reasoning } = usage ?? {};
  const fresh = (usage?.input ?? 0) - (cacheRead ?? 0) - (cacheWrite ?? 0);
  return {
    input_tokens: Math.max(0, fresh),
    ...(cacheWrite === undefined ? {} : { cache_creation_input_tokens: cacheWrite }),
    ...(cacheRead === undefined ? {} : { cache_read_input_tokens: cacheRead }),
    output_tokens: usage?.output ?? 0,
    ...(reasoning === undefined ? {} : { output_tokens_details: { thinking_tokens: reasoning } }),
  };
}
