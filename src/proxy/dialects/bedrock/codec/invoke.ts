// SPDX-License-Identifier: Apache-2.0
// The codec of Bedrock InvokeModel for Anthropic's bodies: Anthropic's codec in Bedrock's envelope (version in the body, model in the
// path, stream events as base64 in `chunk` frames). Other vendors' bodies are not understood.

import { createAnthropicDecoder } from '../../anthropic/codec/decode-answer.ts';
import { decodeAnthropicRequest } from '../../anthropic/codec/decode-request.ts';
import { createAnthropicEncoder, type EventFraming } from '../../anthropic/codec/encode-answer.ts';
import { encodeAnthropicRequest } from '../../anthropic/codec/encode-request.ts';
import type { Recognised, Usage } from '../../dialect.ts';
import type { AnswerDecoder, Codec, DecodedRequest } from '../../hub/codec.ts';
import { asObject, asString, parseValue } from '../../json/values.ts';
import { classifyError } from '../../shared/error-class.ts';
import { EVENT_STREAM, eventFrame } from './encode-answer.ts';

export const bedrockInvokeCodec: Codec = {
  dialect: 'bedrock-invoke',
  shows: { reasoningText: true },
  decodeRequest,
  encodeRequest: (request, target) => encodeAnthropicRequest('bedrock', request, target),
  createDecoder,
  createEncoder: (options) => createAnthropicEncoder(options, CHUNKS),
};

function decodeRequest(recognised: Recognised, body: unknown): DecodedRequest {
  if (typeof asObject(body)?.['anthropic_version'] === 'string') return decodeAnthropicRequest(recognised, body);
  return { request: undefined, losses: [{ code: 'not-understood', at: '' }] };
}

function createDecoder(): AnswerDecoder {
  const inner = createAnthropicDecoder();
  return {
    event(value, name) {
      if (name.endsWith('Exception')) {
        return [{ kind: 'error', ...classifyError(value, undefined, name) }];
      }
      const bytes = asString(asObject(value)?.['bytes']);
      return inner.event(bytes === undefined ? value : parseValue(Buffer.from(bytes, 'base64').toString('utf8')), '');
    },
    document: (value) => inner.document(value),
    end: () => inner.end(),
  };
}

const CHUNKS: EventFraming = {
  contentType: EVENT_STREAM,
  frame: (_type, json) => eventFrame('chunk', `{"bytes":"${Buffer.from(json).toString('base64')}"}`),
  lastMembers: (usage) => (usage === undefined ? '' : `,"amazon-bedrock-invocationMetrics":${metrics(usage)}`),
};

/** Bedrock repeats the counts on the last event, cached tokens apart as everywhere. */
function metrics({ input = 0, output = 0, cacheRead, cacheWrite }: Usage): string {
  return JSON.stringify({
    inputTokenCount: Math.max(0, input - (cacheRead ?? 0) - (cacheWrite ?? 0)),
    outputTokenCount: output,
    ...(cacheRead === undefined ? {} : { cacheReadInputTokenCount: cacheRead }),
    ...(cacheWrite === undefined ? {} : { cacheWriteInputTokenCount: cacheWrite }),
  });
}
