// SPDX-License-Identifier: Apache-2.0
// Simulates Anthropic's Messages and count_tokens. Bedrock and Vertex reuse the same bodies and events.

import { type Answer, framed, jsonAnswer, sse, sseAnswer } from '../answer.ts';
import { type Inquiry, inputTokens, type Saying, say } from '../inquiry.ts';
import { at, list, number, text } from '../json.ts';
import {
  ask,
  type EndpointContext,
  type EndpointRequest,
  halves,
  InvalidRequest,
  imageBytes,
  plainText,
  required,
  simulatedModel,
} from './endpoint.ts';

export interface AnthropicEvent {
  readonly value: { readonly type: string } & Readonly<Record<string, unknown>>;
  readonly content: boolean;
}

export function readMessages({ body, model, pathStream }: EndpointRequest): Inquiry {
  const messages = list(body, 'messages');
  if (messages.length === 0) throw new InvalidRequest('messages: Field required');
  const last = messages.at(-1);
  const lastUser = messages.findLast((message) => text(message, 'role') === 'user');
  const result = list(last, 'content').findLast((block) => text(block, 'type') === 'tool_result');
  const format = at(body, 'output_config', 'format') ?? at(body, 'output_format');
  return ask({
    model,
    stream: pathStream || at(body, 'stream') === true,
    text: plainText(at(lastUser, 'content')),
    images: list(lastUser, 'content').flatMap((block) => {
      if (text(block, 'type') !== 'image') return [];
      const data = text(block, 'source', 'data');
      return [data === undefined ? imageBytes(text(block, 'source', 'url') ?? '') : Buffer.from(data, 'base64')];
    }),
    tools: list(body, 'tools').flatMap((tool) => {
      const name = text(tool, 'name');
      return name === undefined ? [] : [{ name, schema: at(tool, 'input_schema') }];
    }),
    toolForced: ['any', 'tool'].includes(text(body, 'tool_choice', 'type') ?? ''),
    toolResult: result === undefined ? undefined : plainText(at(result, 'content')),
    schema: text(format, 'type') === 'json_schema' ? at(format, 'schema') : undefined,
    maxTokens: number(body, 'max_tokens'),
    promptChars: JSON.stringify(messages).length + plainText(at(body, 'system')).length,
  });
}

const STOP = { stop: 'end_turn', length: 'max_tokens', tool: 'tool_use' } as const;

/** Anthropic counts cached input apart from `input_tokens`. */
function usage({ usage: counted }: Saying, output: number) {
  return {
    input_tokens: counted.input - counted.cached - counted.cacheWrite,
    cache_creation_input_tokens: counted.cacheWrite,
    cache_read_input_tokens: counted.cached,
    output_tokens: output,
    service_tier: 'standard',
  };
}

function message(
  inquiry: Inquiry,
  context: EndpointContext,
  blocks: readonly unknown[],
  stop: string | null,
  counts: unknown,
) {
  return {
    id: `msg_sim${context.serial}`,
    type: 'message',
    role: 'assistant',
    model: simulatedModel(inquiry.model),
    content: blocks,
    stop_reason: stop,
    stop_sequence: null,
    usage: counts,
  };
}

export function* anthropicEvents(request: EndpointRequest, context: EndpointContext): Generator<AnthropicEvent> {
  const inquiry = readMessages(request);
  const said = say(inquiry, context.say);
  const event = (value: AnthropicEvent['value'], isContent = false): AnthropicEvent => ({ value, content: isContent });
  yield event({ type: 'message_start', message: message(inquiry, context, [], null, usage(said, 1)) });
  let index = 0;
  if (at(request.body, 'thinking', 'type') === 'enabled') {
    yield event({
      type: 'content_block_start',
      index,
      content_block: { type: 'thinking', thinking: '', signature: '' },
    });
    yield event(
      { type: 'content_block_delta', index, delta: { type: 'thinking_delta', thinking: 'Simulated thought.' } },
      true,
    );
    yield event(
      { type: 'content_block_delta', index, delta: { type: 'signature_delta', signature: 'c2ltdWxhdGVk' } },
      true,
    );
    yield event({ type: 'content_block_stop', index }, true);
    index += 1;
  }
  if (said.spoken) {
    yield event({ type: 'content_block_start', index, content_block: { type: 'text', text: '' } });
    yield event({ type: 'ping' });
    for (const piece of said.pieces) {
      yield event({ type: 'content_block_delta', index, delta: { type: 'text_delta', text: piece } }, true);
    }
    yield event({ type: 'content_block_stop', index }, true);
    index += 1;
  }
  for (const call of said.calls) {
    const block = { type: 'tool_use', id: `toolu_${call.id}`, name: call.name, input: {} };
    yield event({ type: 'content_block_start', index, content_block: block }, true);
    for (const part of ['', ...halves(JSON.stringify(call.args))]) {
      yield event(
        { type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json: part } },
        true,
      );
    }
    yield event({ type: 'content_block_stop', index }, true);
    index += 1;
  }
  const delta = { stop_reason: STOP[said.stop], stop_sequence: null };
  yield event({ type: 'message_delta', delta, usage: usage(said, said.usage.output) }, true);
  yield event({ type: 'message_stop' });
}

export function anthropicMessage(request: EndpointRequest, context: EndpointContext): unknown {
  const inquiry = readMessages(request);
  const said = say(inquiry, context.say);
  const thoughts =
    at(request.body, 'thinking', 'type') === 'enabled'
      ? [{ type: 'thinking', thinking: 'Simulated thought.', signature: 'c2ltdWxhdGVk' }]
      : [];
  const words = said.spoken ? [{ type: 'text', text: [...said.pieces].join('') }] : [];
  const calls = said.calls.map(({ id, name, args }) => ({ type: 'tool_use', id: `toolu_${id}`, name, input: args }));
  return message(inquiry, context, [...thoughts, ...words, ...calls], STOP[said.stop], usage(said, said.usage.output));
}

const ANTHROPIC_ERROR = {
  type: 'error',
  error: { type: 'overloaded_error', message: 'Overloaded (simulated)' },
} as const;

export function messages(request: EndpointRequest, context: EndpointContext): Answer {
  const inquiry = readMessages(request);
  if (!request.pathStream) required(inquiry.maxTokens, 'max_tokens: Field required');
  if (!inquiry.stream) return jsonAnswer(anthropicMessage(request, context));
  const events = framed(anthropicEvents(request, context), ({ value }) => sse(value, value.type));
  return sseAnswer(events, sse(ANTHROPIC_ERROR, 'error'));
}

export function countTokens(request: EndpointRequest): Answer {
  return jsonAnswer({ input_tokens: inputTokens(readMessages(request).promptChars) });
}
