// SPDX-License-Identifier: Apache-2.0
// Simulates OpenAI's Responses: the same events go out as server-sent events or as WebSocket messages.

import { type Answer, framed, jsonAnswer, sse, sseAnswer } from '../answer.ts';
import { type Inquiry, type Saying, say } from '../inquiry.ts';
import { at, list, number, text } from '../json.ts';
import {
  ask,
  type EndpointContext,
  type EndpointRequest,
  halves,
  InvalidRequest,
  imageBytes,
  plainText,
  simulatedModel,
} from './endpoint.ts';

/** An event before framing. */
export interface ResponsesEvent {
  readonly value: { readonly type: string } & Readonly<Record<string, unknown>>;
  readonly content: boolean;
}

function readResponses({ body, model }: EndpointRequest): Inquiry {
  const input = at(body, 'input');
  if (typeof input !== 'string' && !Array.isArray(input))
    throw new InvalidRequest("Missing required parameter: 'input'.");
  const items: readonly unknown[] = Array.isArray(input) ? input : [{ role: 'user', content: input }];
  const last = items.at(-1);
  const lastUser = items.findLast((item) => text(item, 'role') === 'user');
  const choice = at(body, 'tool_choice');
  const format = text(body, 'text', 'format', 'type');
  return ask({
    model,
    stream: at(body, 'stream') === true,
    text: plainText(at(lastUser, 'content')),
    images: list(lastUser, 'content').flatMap((part) => {
      const url = text(part, 'image_url');
      return url === undefined ? [] : [imageBytes(url)];
    }),
    tools: list(body, 'tools').flatMap((tool) => {
      const name = text(tool, 'name');
      return text(tool, 'type') === 'function' && name !== undefined ? [{ name, schema: at(tool, 'parameters') }] : [];
    }),
    toolForced: choice === 'required' || typeof choice === 'object',
    toolResult: text(last, 'type') === 'function_call_output' ? plainText(at(last, 'output')) : undefined,
    schema: format === 'json_schema' ? at(body, 'text', 'format', 'schema') : format === 'json_object' ? {} : undefined,
    maxTokens: number(body, 'max_output_tokens'),
    promptChars: JSON.stringify(items).length + (text(body, 'instructions')?.length ?? 0),
  });
}

function response(
  inquiry: Inquiry,
  context: EndpointContext,
  status: string,
  output: readonly unknown[],
  said?: Saying,
) {
  const usage =
    said === undefined
      ? null
      : {
          input_tokens: said.usage.input,
          input_tokens_details: { cached_tokens: said.usage.cached },
          output_tokens: said.usage.output,
          output_tokens_details: { reasoning_tokens: said.usage.reasoning },
          total_tokens: said.usage.input + said.usage.output,
        };
  return {
    id: `resp_sim${context.serial}`,
    object: 'response',
    created_at: context.created,
    status,
    background: false,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: null,
    max_output_tokens: inquiry.maxTokens ?? null,
    metadata: { simulated: 'true' },
    model: simulatedModel(inquiry.model),
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    store: false,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    truncation: 'disabled',
    usage,
  };
}

/** All events of one answer, numbered. */
export function* responsesEvents(request: EndpointRequest, context: EndpointContext): Generator<ResponsesEvent> {
  const inquiry = readResponses(request);
  const said = say(inquiry, context.say);
  let sequence = 0;
  const event = (type: string, fields: Readonly<Record<string, unknown>>, isContent = false): ResponsesEvent => ({
    value: { type, sequence_number: sequence++, ...fields },
    content: isContent,
  });
  yield event('response.created', { response: response(inquiry, context, 'in_progress', []) });
  yield event('response.in_progress', { response: response(inquiry, context, 'in_progress', []) });
  const output: unknown[] = [];
  if (said.spoken) {
    const id = `msg_sim${context.serial}`;
    const place = { item_id: id, output_index: 0, content_index: 0 };
    const item = (status: string, parts: readonly unknown[]) => ({
      id,
      type: 'message',
      status,
      role: 'assistant',
      content: parts,
    });
    const part = (words: string) => ({ type: 'output_text', text: words, annotations: [], logprobs: [] });
    yield event('response.output_item.added', { output_index: 0, item: item('in_progress', []) });
    yield event('response.content_part.added', { ...place, part: part('') });
    let words = '';
    for (const piece of said.pieces) {
      words += piece;
      yield event('response.output_text.delta', { ...place, delta: piece, logprobs: [] }, true);
    }
    yield event('response.output_text.done', { ...place, text: words, logprobs: [] }, true);
    yield event('response.content_part.done', { ...place, part: part(words) }, true);
    output.push(item(said.stop === 'length' ? 'incomplete' : 'completed', [part(words)]));
    yield event('response.output_item.done', { output_index: 0, item: output[0] }, true);
  }
  for (const call of said.calls) {
    const index = output.length;
    const args = JSON.stringify(call.args);
    const id = `fc_sim${context.serial}_${index}`;
    const item = (status: string, argumentsText: string) => ({
      id,
      type: 'function_call',
      status,
      call_id: call.id,
      name: call.name,
      arguments: argumentsText,
    });
    const place = { item_id: id, output_index: index };
    yield event('response.output_item.added', { output_index: index, item: item('in_progress', '') }, true);
    for (const delta of halves(args)) {
      yield event('response.function_call_arguments.delta', { ...place, delta }, true);
    }
    yield event('response.function_call_arguments.done', { ...place, name: call.name, arguments: args }, true);
    output.push(item('completed', args));
    yield event('response.output_item.done', { output_index: index, item: output[index] }, true);
  }
  const status = said.stop === 'length' ? 'incomplete' : 'completed';
  yield event(`response.${status}`, { response: response(inquiry, context, status, output, said) });
}

/** The in-band error event, before framing. */
export const RESPONSES_ERROR = {
  type: 'error',
  code: 'server_error',
  message: 'The server had an error while processing your request (simulated)',
  param: null,
  sequence_number: 0,
} as const;

export function responses(request: EndpointRequest, context: EndpointContext): Answer {
  const stream = at(request.body, 'stream') === true;
  readResponses(request); // an invalid body must fail before the head, not inside the stream
  const events = responsesEvents(request, context);
  if (!stream) return jsonAnswer(at([...events].at(-1), 'value', 'response'));
  return sseAnswer(
    framed(events, ({ value }) => sse(value, value.type)),
    sse(RESPONSES_ERROR, 'error'),
  );
}
