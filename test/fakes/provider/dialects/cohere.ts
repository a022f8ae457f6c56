// SPDX-License-Identifier: Apache-2.0
// Simulates Cohere's v2 chat and embed.

import { type Answer, content, jsonAnswer, lifecycle, sse, sseAnswer, type WireEvent } from '../answer.ts';
import { embed, type Inquiry, say } from '../inquiry.ts';
import { at, list, number, text } from '../json.ts';
import {
  ask,
  type EndpointContext,
  type EndpointRequest,
  halves,
  InvalidRequest,
  imageBytes,
  plainText,
} from './endpoint.ts';

function readCohere({ body, model }: EndpointRequest): Inquiry {
  const messages = list(body, 'messages');
  if (messages.length === 0) throw new InvalidRequest('invalid request: messages must not be empty');
  const last = messages.at(-1);
  const lastUser = messages.findLast((message) => text(message, 'role') === 'user');
  return ask({
    model,
    stream: at(body, 'stream') === true,
    text: plainText(at(lastUser, 'content')),
    images: list(lastUser, 'content').flatMap((part) => {
      const url = text(part, 'image_url', 'url');
      return url === undefined ? [] : [imageBytes(url)];
    }),
    tools: list(body, 'tools').flatMap((tool) => {
      const name = text(tool, 'function', 'name');
      return name === undefined ? [] : [{ name, schema: at(tool, 'function', 'parameters') }];
    }),
    toolForced: text(body, 'tool_choice') === 'REQUIRED',
    toolResult: text(last, 'role') === 'tool' ? plainText(at(last, 'content')) : undefined,
    schema:
      text(body, 'response_format', 'type') === 'json_object'
        ? (at(body, 'response_format', 'json_schema') ?? {})
        : undefined,
    maxTokens: number(body, 'max_tokens'),
    promptChars: JSON.stringify(messages).length,
  });
}

const FINISH = { stop: 'COMPLETE', length: 'MAX_TOKENS', tool: 'TOOL_CALL' } as const;

export function cohereChat(request: EndpointRequest, context: EndpointContext): Answer {
  const inquiry = readCohere(request);
  const said = say(inquiry, context.say);
  const id = `sim-${context.serial}`;
  const usage = {
    billed_units: { input_tokens: said.usage.input - said.usage.cached, output_tokens: said.usage.output },
    tokens: { input_tokens: said.usage.input, output_tokens: said.usage.output },
    cached_tokens: said.usage.cached,
  };
  const finish = FINISH[said.stop];
  const calls = said.calls.map((call) => ({
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: JSON.stringify(call.args) },
  }));
  if (!inquiry.stream) {
    const words = [...said.pieces].join('');
    const plan = said.spoken ? { tool_plan: words } : {};
    const body = calls.length > 0 ? { ...plan, tool_calls: calls } : { content: [{ type: 'text', text: words }] };
    return jsonAnswer({ id, message: { role: 'assistant', ...body }, finish_reason: finish, usage });
  }
  function* events(): Generator<WireEvent> {
    const event = (type: string, fields: Readonly<Record<string, unknown>>) => sse({ type, ...fields }, type);
    yield lifecycle(
      event('message-start', {
        id,
        delta: { message: { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] } },
      }),
    );
    if (calls.length === 0) {
      yield lifecycle(
        event('content-start', { index: 0, delta: { message: { content: { type: 'text', text: '' } } } }),
      );
      for (const piece of said.pieces) {
        yield content(event('content-delta', { index: 0, delta: { message: { content: { text: piece } } } }));
      }
      yield content(event('content-end', { index: 0 }));
    }
    // What it says before it calls is a plan, and no part of the content.
    if (calls.length > 0) {
      for (const piece of said.pieces) {
        yield content(event('tool-plan-delta', { delta: { message: { tool_plan: piece } } }));
      }
    }
    for (const [index, call] of calls.entries()) {
      const empty = { ...call, function: { name: call.function.name, arguments: '' } };
      yield content(event('tool-call-start', { index, delta: { message: { tool_calls: empty } } }));
      for (const part of halves(call.function.arguments)) {
        const delta = { message: { tool_calls: { function: { arguments: part } } } };
        yield content(event('tool-call-delta', { index, delta }));
      }
      yield content(event('tool-call-end', { index }));
    }
    yield content(event('message-end', { id, delta: { finish_reason: finish, usage } }));
  }
  return sseAnswer(events(), sse({ message: 'internal server error (simulated)' }));
}

export function cohereEmbed(request: EndpointRequest, context: EndpointContext): Answer {
  const texts = list(request.body, 'texts').filter((item) => typeof item === 'string');
  if (texts.length === 0) throw new InvalidRequest('invalid request: texts must not be empty');
  const dimensions = number(request.body, 'output_dimension') ?? 8;
  return jsonAnswer({
    id: `sim-${context.serial}`,
    embeddings: { float: texts.map((item) => embed(item, dimensions)) },
    texts,
    meta: { api_version: { version: '2' }, billed_units: { input_tokens: texts.join('').length } },
    response_type: 'embeddings_by_type',
  });
}
