// SPDX-License-Identifier: Apache-2.0
// Simulates Bedrock: Converse in its own words, InvokeModel with Anthropic's or Titan's bodies, streams in AWS event-stream frames.

import { type Answer, content, framed, jsonAnswer, lifecycle, type WireEvent } from '../answer.ts';
import { eventStreamEvent, eventStreamException } from '../event-stream.ts';
import { embed, type Inquiry, inputTokens, say } from '../inquiry.ts';
import { at, list, number, text } from '../json.ts';
import { anthropicEvents, anthropicMessage, readMessages } from './anthropic.ts';
import { ask, type EndpointContext, type EndpointRequest, halves, InvalidRequest, plainText } from './endpoint.ts';

function readConverse({ body, model, pathStream }: EndpointRequest): Inquiry {
  const messages = list(body, 'messages');
  if (messages.length === 0) throw new InvalidRequest('A conversation must have at least one message.');
  const last = messages.at(-1);
  const lastUser = messages.findLast((message) => text(message, 'role') === 'user');
  const result = list(last, 'content').findLast((block) => at(block, 'toolResult') !== undefined);
  const choice = at(body, 'toolConfig', 'toolChoice');
  return ask({
    model,
    stream: pathStream,
    text: plainText(at(lastUser, 'content')),
    images: list(lastUser, 'content').flatMap((block) => {
      const data = text(block, 'image', 'source', 'bytes');
      return data === undefined ? [] : [Buffer.from(data, 'base64')];
    }),
    tools: list(body, 'toolConfig', 'tools').flatMap((tool) => {
      const name = text(tool, 'toolSpec', 'name');
      return name === undefined ? [] : [{ name, schema: at(tool, 'toolSpec', 'inputSchema', 'json') }];
    }),
    toolForced: at(choice, 'any') !== undefined || at(choice, 'tool') !== undefined,
    toolResult:
      result === undefined
        ? undefined
        : list(result, 'toolResult', 'content')
            .map((part) => text(part, 'text') ?? JSON.stringify(at(part, 'json')))
            .join('\n'),
    schema: readSchema(at(body, 'outputConfig', 'textFormat')),
    maxTokens: number(body, 'inferenceConfig', 'maxTokens'),
    promptChars: JSON.stringify(messages).length,
  });
}

/** Converse wants the schema as text. */
function readSchema(format: unknown): unknown {
  if (text(format, 'type') !== 'json_schema') return undefined;
  const schema = text(format, 'structure', 'jsonSchema', 'schema');
  if (schema === undefined) throw new InvalidRequest('outputConfig.textFormat: the schema is not a string');
  try {
    return JSON.parse(schema) as unknown;
  } catch {
    throw new InvalidRequest('outputConfig.textFormat: the schema is not JSON');
  }
}

const STOP = { stop: 'end_turn', length: 'max_tokens', tool: 'tool_use' } as const;
const METRICS = { latencyMs: 12 };

function streamAnswer(events: Iterable<WireEvent>, headers: readonly string[] = []): Answer {
  return {
    status: 200,
    contentType: 'application/vnd.amazon.eventstream',
    headers,
    streamed: true,
    events,
    inBandError: eventStreamException('modelStreamErrorException', 'The model stream failed (simulated)'),
  };
}

export function converse(request: EndpointRequest, context: EndpointContext): Answer {
  const inquiry = readConverse(request);
  const said = say(inquiry, context.say);
  const usage = {
    inputTokens: said.usage.input - said.usage.cached - said.usage.cacheWrite,
    outputTokens: said.usage.output,
    totalTokens: said.usage.input + said.usage.output,
    cacheReadInputTokens: said.usage.cached,
    cacheWriteInputTokens: said.usage.cacheWrite,
  };
  const stopReason = STOP[said.stop];
  if (!inquiry.stream) {
    const words = said.spoken ? [{ text: [...said.pieces].join('') }] : [];
    const calls = said.calls.map(({ id, name, args }) => ({ toolUse: { toolUseId: id, name, input: args } }));
    return jsonAnswer({
      output: { message: { role: 'assistant', content: [...words, ...calls] } },
      stopReason,
      usage,
      metrics: METRICS,
    });
  }
  function* events(): Generator<WireEvent> {
    yield lifecycle(eventStreamEvent('messageStart', { role: 'assistant' }));
    for (const piece of said.pieces) {
      yield content(eventStreamEvent('contentBlockDelta', { contentBlockIndex: 0, delta: { text: piece } }));
    }
    if (said.spoken) yield content(eventStreamEvent('contentBlockStop', { contentBlockIndex: 0 }));
    for (const [at, call] of said.calls.entries()) {
      const contentBlockIndex = at + (said.spoken ? 1 : 0);
      const start = { toolUse: { toolUseId: call.id, name: call.name } };
      yield content(eventStreamEvent('contentBlockStart', { contentBlockIndex, start }));
      for (const input of halves(JSON.stringify(call.args))) {
        yield content(eventStreamEvent('contentBlockDelta', { contentBlockIndex, delta: { toolUse: { input } } }));
      }
      yield content(eventStreamEvent('contentBlockStop', { contentBlockIndex }));
    }
    yield content(eventStreamEvent('messageStop', { stopReason }));
    yield lifecycle(eventStreamEvent('metadata', { usage, metrics: METRICS }));
  }
  return streamAnswer(events());
}

function tokenHeaders(input: number, output: number): readonly string[] {
  return ['x-amzn-bedrock-input-token-count', String(input), 'x-amzn-bedrock-output-token-count', String(output)];
}

function invokeEvents(values: Iterable<{ readonly value: unknown; readonly content: boolean }>): Iterable<WireEvent> {
  return framed(values, ({ value }) =>
    eventStreamEvent('chunk', { bytes: Buffer.from(JSON.stringify(value)).toString('base64') }),
  );
}

export function invoke(request: EndpointRequest, context: EndpointContext): Answer {
  const prompt = text(request.body, 'inputText');
  if (prompt !== undefined && request.model.includes('embed')) {
    const vector = embed(prompt, number(request.body, 'dimensions') ?? 8);
    return jsonAnswer({ embedding: vector, inputTextTokenCount: inputTokens(prompt.length) });
  }
  if (prompt !== undefined) {
    const said = say(ask({ model: request.model, text: prompt, promptChars: prompt.length }), context.say);
    const counts = { inputTextTokenCount: said.usage.input };
    const result = { tokenCount: said.usage.output, outputText: [...said.pieces].join(''), completionReason: 'FINISH' };
    const headers = tokenHeaders(said.usage.input, said.usage.output);
    if (!request.pathStream) return jsonAnswer({ ...counts, results: [result] }, headers);
    const chunk = {
      ...counts,
      outputText: result.outputText,
      index: 0,
      totalOutputTextTokenCount: said.usage.output,
      completionReason: 'FINISH',
    };
    return streamAnswer(invokeEvents([{ value: chunk, content: true }]));
  }
  if (text(request.body, 'anthropic_version') === undefined)
    throw new InvalidRequest('Malformed input request, please reformat your input and try again.');
  if (request.pathStream) {
    readMessages(request); // an invalid body must fail before the head
    return streamAnswer(invokeEvents(anthropicEvents(request, context)));
  }
  const message = anthropicMessage(request, context);
  const headers = tokenHeaders(
    number(message, 'usage', 'input_tokens') ?? 0,
    number(message, 'usage', 'output_tokens') ?? 0,
  );
  return jsonAnswer(message, headers);
}

export function bedrockCount(request: EndpointRequest): Answer {
  const inner = at(request.body, 'input', 'converse') ?? request.body;
  return jsonAnswer({ inputTokens: inputTokens(JSON.stringify(inner ?? {}).length) });
}
