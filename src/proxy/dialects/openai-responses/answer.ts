// SPDX-License-Identifier: Apache-2.0
// What the events and documents of the Responses API mean. The same events come as SSE and as WebSocket messages.

import type { StopClass } from '../dialect.ts';
import { asArray, asObject, asString, hasContent, type Values } from '../json/values.ts';
import { openaiUsage } from '../openai/usage.ts';
import type { Interpreter } from '../shared/answer-reader.ts';
import type { AnswerState } from '../shared/answer-state.ts';
import { classifyError } from '../shared/error-class.ts';

export const RESPONSES_STOPS: ReadonlyMap<string, StopClass> = new Map<string, StopClass>([
  ['completed', 'stop'],
  ['max_output_tokens', 'length'],
  ['content_filter', 'content-filter'],
]);

export function responsesInterpreter(): Interpreter {
  return {
    event(value, into, name) {
      const event = asObject(value);
      if (event === undefined) return false;
      const type = asString(event['type']) ?? name;
      return readEvent(type, event, into);
    },
    document(value, into) {
      const body = asObject(value);
      if (body === undefined) return false;
      if (!Array.isArray(body['output']) && !hasContent(body['error'])) return false;
      if (!hasContent(body['output']) && !hasContent(body['error']) && asString(body['status']) === undefined) {
        readHead(body, into);
        return into.conclude();
      }
      finishWith(body, into);
      return true;
    },
  };
}

function readEvent(type: string, event: Values, into: AnswerState): boolean {
  switch (type) {
    case 'response.completed':
    case 'response.incomplete':
    case 'response.failed':
    case 'response.cancelled':
    case 'response.done':
      finishWith(asObject(event['response']) ?? {}, into, type.slice('response.'.length));
      return true;
    case 'error':
      into.fail(classifyError(hasContent(event['error']) ? event : withoutType(event), undefined));
      return true;
    case 'response.output_item.added':
      readItem(asObject(event['item']), into);
      return true;
    case 'response.content_part.added':
      if (hasContent(asObject(event['part'])?.['text'])) into.piece();
      return true;
    case 'response.refusal.delta':
      if (hasContent(event['delta'])) into.refusal();
      return true;
    case 'response.output_text.done':
    case 'response.function_call_arguments.done':
    case 'response.output_item.done':
      // Hosts that send no deltas show the whole piece here.
      if (!into.contentSeen && hasContent(event['text'] ?? event['arguments'] ?? event['item'])) into.piece();
      return true;
    case 'response.image_generation_call.partial_image':
      into.piece();
      return true;
  }
  const response = asObject(event['response']);
  if (response !== undefined) readHead(response, into); // created, queued, in_progress
  if (type.endsWith('.delta')) {
    if (hasContent(event['delta'])) into.piece();
    return true;
  }
  return type.startsWith('response.') || type.startsWith('codex.') || type === 'keepalive';
}

/** In the flat form of an error event `type` is "error" and says nothing. */
export function withoutType(event: Values): Values {
  return { code: event['code'], message: event['message'] };
}

function readItem(item: Values | undefined, into: AnswerState): void {
  switch (item?.['type']) {
    case undefined:
      return;
    case 'message':
      if (asArray(item['content']).some((part) => hasContent(asObject(part)?.['text']))) into.piece();
      return;
    case 'reasoning':
      if (hasContent(item['summary']) || hasContent(item['content'])) into.piece();
      return;
    case 'function_call':
    case 'custom_tool_call':
      if (hasContent(item['name'])) into.piece();
      return;
    default:
      into.piece(); // a tool that the provider runs has been started
  }
}

function readHead(response: Values, into: AnswerState): void {
  into.responseId(response['id']);
  into.model(response['model']);
  const usage = openaiUsage(response['usage']);
  if (usage !== undefined) into.usage(usage);
}

/** `status` from the event's name, where the response itself has none. */
function finishWith(response: Values, into: AnswerState, name?: string): void {
  readHead(response, into);
  const status = asString(response['status']) ?? name;
  const error = response['error'];
  if (status === 'failed' || hasContent(error)) {
    into.fail(classifyError({ error: error ?? {} }, undefined));
    return;
  }
  const output = asArray(response['output']).map(asObject);
  if (output.some((item) => asArray(item?.['content']).some((part) => asObject(part)?.['type'] === 'refusal'))) {
    into.refusal();
  }
  const reason = asObject(response['incomplete_details'])?.['reason'];
  into.stopped(status === 'incomplete' ? (reason ?? 'incomplete') : (status ?? 'completed'), RESPONSES_STOPS);
  if (output.some((item) => item?.['type'] === 'function_call' || item?.['type'] === 'custom_tool_call')) {
    into.refineStop('tool-use');
  }
  into.finish();
}
