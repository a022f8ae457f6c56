// SPDX-License-Identifier: Apache-2.0
// Simulates OpenAI's chat completions. Knows the wire format and nothing of faults or sockets.

import { type Answer, content, jsonAnswer, lifecycle, sse, sseAnswer, type WireEvent } from '../answer.ts';
import { type Inquiry, type Saying, say } from '../inquiry.ts';
import { at, has, list, number, text } from '../json.ts';
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

function readChat({ body, model }: EndpointRequest): Inquiry {
  const messages = list(body, 'messages');
  if (messages.length === 0) throw new InvalidRequest("Missing required parameter: 'messages'.");
  // Pictures of a result can only follow it, in a message of the user's.
  const since = messages.slice(messages.findLastIndex((message) => text(message, 'role') === 'assistant') + 1);
  const result = since.findLast((message) => text(message, 'role') === 'tool');
  const lastUser = messages.findLast((message) => text(message, 'role') === 'user');
  const choice = at(body, 'tool_choice');
  const format = text(body, 'response_format', 'type');
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
    toolForced: choice === 'required' || typeof choice === 'object',
    toolResult: result === undefined ? undefined : plainText(at(result, 'content')),
    schema:
      format === 'json_schema'
        ? at(body, 'response_format', 'json_schema', 'schema')
        : format === 'json_object'
          ? {}
          : undefined,
    maxTokens: number(body, 'max_completion_tokens') ?? number(body, 'max_tokens'),
    promptChars: JSON.stringify(messages).length,
  });
}

const FINISH = { stop: 'stop', length: 'length', tool: 'tool_calls' } as const;

function chatUsage({ usage }: Saying) {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cached, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function* chunks(inquiry: Inquiry, said: Saying, context: EndpointContext, withUsage: boolean): Generator<WireEvent> {
  const base = {
    id: `chatcmpl-sim${context.serial}`,
    object: 'chat.completion.chunk',
    created: context.created,
    model: simulatedModel(inquiry.model),
    service_tier: 'default',
    system_fingerprint: 'simulated',
  };
  const usage = withUsage ? { usage: null } : {};
  const chunk = (delta: unknown, finish: string | null = null) =>
    sse({ ...base, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], ...usage });

  yield lifecycle(chunk({ role: 'assistant', content: said.spoken ? '' : null, refusal: null }));
  for (const piece of said.pieces) yield content(chunk({ content: piece }));
  for (const [index, call] of said.calls.entries()) {
    const start = { index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } };
    yield content(chunk({ tool_calls: [start] }));
    for (const part of halves(JSON.stringify(call.args))) {
      yield content(chunk({ tool_calls: [{ index, function: { arguments: part } }] }));
    }
  }
  yield content(chunk({}, FINISH[said.stop]));
  if (withUsage) yield lifecycle(sse({ ...base, choices: [], usage: chatUsage(said) }));
  yield lifecycle(sse('[DONE]'));
}

const OPENAI_STREAM_ERROR = sse({
  error: {
    message: 'The server had an error while processing your request (simulated)',
    type: 'server_error',
    param: null,
    code: null,
  },
});

export function chat(request: EndpointRequest, context: EndpointContext): Answer {
  const inquiry = readChat(request);
  const said = say(inquiry, context.say);
  if (inquiry.stream) {
    const withUsage = at(request.body, 'stream_options', 'include_usage') === true;
    return sseAnswer(chunks(inquiry, said, context, withUsage), OPENAI_STREAM_ERROR);
  }
  const calls = said.calls.map((call) => ({
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: JSON.stringify(call.args) },
  }));
  const message = {
    role: 'assistant',
    content: said.spoken ? [...said.pieces].join('') : null,
    refusal: null,
    annotations: [],
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  return jsonAnswer({
    id: `chatcmpl-sim${context.serial}`,
    object: 'chat.completion',
    created: context.created,
    model: simulatedModel(inquiry.model),
    choices: [{ index: 0, message, logprobs: null, finish_reason: FINISH[said.stop] }],
    usage: chatUsage(said),
    service_tier: 'default',
    system_fingerprint: 'simulated',
  });
}

/** The older text completions. */
export function completions(request: EndpointRequest, context: EndpointContext): Answer {
  const prompt = at(request.body, 'prompt');
  if (prompt === undefined) throw new InvalidRequest("Missing required parameter: 'prompt'.");
  const words = Array.isArray(prompt) ? prompt.filter((part) => typeof part === 'string').join('\n') : String(prompt);
  const inquiry = ask({
    model: request.model,
    stream: at(request.body, 'stream') === true,
    text: words,
    maxTokens: number(request.body, 'max_tokens'),
    promptChars: words.length,
  });
  const said = say(inquiry, context.say);
  const base = {
    id: `cmpl-sim${context.serial}`,
    object: 'text_completion',
    created: context.created,
    model: simulatedModel(inquiry.model),
    system_fingerprint: 'simulated',
  };
  const choice = (piece: string, finish: string | null) => ({
    text: piece,
    index: 0,
    logprobs: null,
    finish_reason: finish,
  });
  if (!inquiry.stream) {
    return jsonAnswer({
      ...base,
      choices: [choice([...said.pieces].join(''), FINISH[said.stop])],
      usage: chatUsage(said),
    });
  }
  function* events(): Generator<WireEvent> {
    for (const piece of said.pieces) yield content(sse({ ...base, choices: [choice(piece, null)] }));
    yield content(sse({ ...base, choices: [choice('', FINISH[said.stop])] }));
    if (has(request.body, 'stream_options', 'include_usage'))
      yield lifecycle(sse({ ...base, choices: [], usage: chatUsage(said) }));
    yield lifecycle(sse('[DONE]'));
  }
  return sseAnswer(events(), OPENAI_STREAM_ERROR);
}
