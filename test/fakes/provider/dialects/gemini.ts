// SPDX-License-Identifier: Apache-2.0
// Simulates Google's generateContent, streamGenerateContent (server-sent events or one JSON array), countTokens and embeddings.

import { type Answer, content, jsonAnswer, lifecycle, sse, sseAnswer, type WireEvent } from '../answer.ts';
import { embed, type Inquiry, inputTokens, type Saying, say } from '../inquiry.ts';
import { at, list, number, text } from '../json.ts';
import {
  ask,
  type EndpointContext,
  type EndpointRequest,
  InvalidRequest,
  plainText,
  simulatedModel,
} from './endpoint.ts';

function readGenerate({ body, model, pathStream }: EndpointRequest): Inquiry {
  const contents = list(body, 'contents');
  if (contents.length === 0) throw new InvalidRequest('* GenerateContentRequest.contents: contents is not specified');
  const last = contents.at(-1);
  const lastUser = contents.findLast((item) => (text(item, 'role') ?? 'user') === 'user');
  const result = list(last, 'parts').findLast((part) => at(part, 'functionResponse') !== undefined);
  const config = at(body, 'generationConfig');
  const schema = at(config, 'responseJsonSchema') ?? at(config, 'responseSchema');
  return ask({
    model,
    stream: pathStream,
    text: plainText(at(lastUser, 'parts')),
    images: list(lastUser, 'parts').flatMap((part) => {
      const inline = at(part, 'inlineData') ?? at(part, 'inline_data');
      const type = text(inline, 'mimeType') ?? text(inline, 'mime_type') ?? '';
      return type.startsWith('image/') ? [Buffer.from(text(inline, 'data') ?? '', 'base64')] : [];
    }),
    tools: list(body, 'tools')
      .flatMap((tool) => list(tool, 'functionDeclarations'))
      .flatMap((tool) => {
        const name = text(tool, 'name');
        return name === undefined ? [] : [{ name, schema: at(tool, 'parametersJsonSchema') ?? at(tool, 'parameters') }];
      }),
    toolForced: text(body, 'toolConfig', 'functionCallingConfig', 'mode') === 'ANY',
    toolResult: result === undefined ? undefined : JSON.stringify(at(result, 'functionResponse', 'response')),
    schema: text(config, 'responseMimeType') === 'application/json' ? (schema ?? {}) : undefined,
    maxTokens: number(config, 'maxOutputTokens'),
    promptChars: JSON.stringify(contents).length,
  });
}

function* answers(inquiry: Inquiry, said: Saying, context: EndpointContext): Generator<unknown> {
  const base = { modelVersion: simulatedModel(inquiry.model), responseId: `sim${context.serial}` };
  const candidate = (parts: readonly unknown[], finish?: string) => ({
    content: { parts, role: 'model' },
    ...(finish === undefined ? {} : { finishReason: finish }),
    index: 0,
  });
  const { usage } = said;
  const usageMetadata = {
    promptTokenCount: usage.input,
    candidatesTokenCount: usage.output - usage.reasoning,
    totalTokenCount: usage.input + usage.output,
    cachedContentTokenCount: usage.cached,
    thoughtsTokenCount: usage.reasoning,
  };
  if (said.calls.length > 0) {
    for (const piece of said.pieces) yield { candidates: [candidate([{ text: piece }])], ...base };
    const parts = said.calls.map((call) => ({ functionCall: { id: call.id, name: call.name, args: call.args } }));
    yield { candidates: [candidate(parts, 'STOP')], usageMetadata, ...base };
    return;
  }
  for (const piece of said.pieces) yield { candidates: [candidate([{ text: piece }])], ...base };
  const finish = said.stop === 'length' ? 'MAX_TOKENS' : 'STOP';
  yield { candidates: [candidate([{ text: '' }], finish)], usageMetadata, ...base };
}

const STREAM_ERROR = {
  error: { code: 503, message: 'The model is overloaded (simulated)', status: 'UNAVAILABLE' },
} as const;

function* sseEvents(values: Iterable<unknown>): Generator<WireEvent> {
  for (const value of values) yield content(sse(value));
}

/** One JSON array whose elements come one by one. */
function* arrayEvents(values: Iterable<unknown>): Generator<WireEvent> {
  let opening = '[';
  for (const value of values) {
    yield content(Buffer.from(`${opening}${JSON.stringify(value, undefined, 2)}`));
    opening = ',\r\n';
  }
  yield lifecycle(Buffer.from(']'));
}

export function generate(request: EndpointRequest, context: EndpointContext): Answer {
  const inquiry = readGenerate(request);
  const said = say(inquiry, context.say);
  const server = ['server-timing', 'gfet4t7; dur=12'];
  if (!inquiry.stream) {
    const all = [...answers(inquiry, said, context)];
    const last = all.at(-1) as Readonly<Record<string, unknown>>;
    const words = all.map((part) => text(part, 'candidates', 0, 'content', 'parts', 0, 'text') ?? '').join('');
    const calls = said.calls.length > 0 ? list(last, 'candidates', 0, 'content', 'parts') : [];
    const parts = [...(said.spoken ? [{ text: words }] : []), ...calls];
    const finish = at(last, 'candidates', 0, 'finishReason');
    const candidate = { content: { parts, role: 'model' }, finishReason: finish, index: 0 };
    return jsonAnswer({ ...last, candidates: [candidate] }, server);
  }
  if (request.query.get('alt') === 'sse') {
    return sseAnswer(sseEvents(answers(inquiry, said, context)), sse(STREAM_ERROR), server);
  }
  return {
    status: 200,
    contentType: 'application/json; charset=UTF-8',
    headers: server,
    streamed: true,
    events: arrayEvents(answers(inquiry, said, context)),
    inBandError: Buffer.from(`,\r\n${JSON.stringify(STREAM_ERROR)}\n]`),
  };
}

export function geminiCount(request: EndpointRequest): Answer {
  const inner = at(request.body, 'generateContentRequest') ?? request.body;
  const inquiry = readGenerate({ ...request, body: inner });
  return jsonAnswer({ totalTokens: inputTokens(inquiry.promptChars) });
}

export function geminiEmbed(request: EndpointRequest): Answer {
  const values = (item: unknown) => ({
    values: embed(plainText(at(item, 'content', 'parts')), number(item, 'outputDimensionality') ?? 8),
  });
  const batch = list(request.body, 'requests');
  if (batch.length > 0) return jsonAnswer({ embeddings: batch.map(values) });
  return jsonAnswer({ embedding: values(request.body) });
}
