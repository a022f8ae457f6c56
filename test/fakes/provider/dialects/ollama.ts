// SPDX-License-Identifier: Apache-2.0
// Simulates Ollama's own API: chat, generate, embed. Streams newline-delimited JSON, and streams unless told not to.

import { type Answer, content, jsonAnswer, type WireEvent } from '../answer.ts';
import { embed, type Inquiry, say } from '../inquiry.ts';
import { at, list, number, text } from '../json.ts';
import { ask, type EndpointContext, type EndpointRequest, InvalidRequest, simulatedModel } from './endpoint.ts';

function readOllama({ body, model }: EndpointRequest): Inquiry {
  const messages = list(body, 'messages');
  const prompt = text(body, 'prompt');
  if (messages.length === 0 && prompt === undefined) throw new InvalidRequest('missing messages or prompt');
  const last = messages.at(-1);
  const lastUser = messages.findLast((message) => text(message, 'role') === 'user');
  const format = at(body, 'format');
  return ask({
    model,
    stream: at(body, 'stream') !== false,
    text: prompt ?? text(lastUser, 'content') ?? '',
    images: [...list(lastUser, 'images'), ...list(body, 'images')].map((image) => Buffer.from(String(image), 'base64')),
    tools: list(body, 'tools').flatMap((tool) => {
      const name = text(tool, 'function', 'name');
      return name === undefined ? [] : [{ name, schema: at(tool, 'function', 'parameters') }];
    }),
    toolResult: text(last, 'role') === 'tool' ? text(last, 'content') : undefined,
    schema: format === 'json' ? {} : format,
    maxTokens: number(body, 'options', 'num_predict'),
    promptChars: JSON.stringify(messages).length + (prompt?.length ?? 0),
  });
}

export function ollamaGenerate(request: EndpointRequest, context: EndpointContext): Answer {
  const inquiry = readOllama(request);
  const said = say(inquiry, context.say);
  const chat = list(request.body, 'messages').length > 0;
  const base = { model: simulatedModel(inquiry.model), created_at: new Date(context.created * 1000).toISOString() };
  const calls = said.calls.map((call) => ({ function: { name: call.name, arguments: call.args } }));
  const words = (piece: string, withCalls = false) =>
    chat
      ? { message: { role: 'assistant', content: piece, ...(withCalls ? { tool_calls: calls } : {}) } }
      : { response: piece };
  const end = {
    done: true,
    done_reason: said.stop === 'length' ? 'length' : 'stop',
    total_duration: 12_000_000,
    load_duration: 1_000_000,
    prompt_eval_count: said.usage.input,
    prompt_eval_duration: 1_000_000,
    eval_count: said.usage.output,
    eval_duration: 10_000_000,
  };
  if (!inquiry.stream) {
    return jsonAnswer({ ...base, ...words([...said.pieces].join(''), calls.length > 0), ...end });
  }
  const line = (value: unknown) => content(Buffer.from(`${JSON.stringify(value)}\n`));
  function* events(): Generator<WireEvent> {
    for (const piece of said.pieces) yield line({ ...base, ...words(piece), done: false });
    if (calls.length > 0) yield line({ ...base, ...words('', true), done: false });
    yield line({ ...base, ...words(''), ...end });
  }
  return {
    status: 200,
    contentType: 'application/x-ndjson',
    headers: [],
    streamed: true,
    events: events(),
    inBandError: Buffer.from(`${JSON.stringify({ error: 'the model runner stopped (simulated)' })}\n`),
  };
}

export function ollamaEmbed(request: EndpointRequest): Answer {
  const input = at(request.body, 'input') ?? at(request.body, 'prompt');
  const texts = (Array.isArray(input) ? input : [input]).map(String);
  return jsonAnswer({
    model: simulatedModel(request.model),
    embeddings: texts.map((item) => embed(item, number(request.body, 'dimensions') ?? 8)),
    total_duration: 12_000_000,
    prompt_eval_count: texts.join('').length,
  });
}
