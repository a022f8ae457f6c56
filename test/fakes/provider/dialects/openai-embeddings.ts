// SPDX-License-Identifier: Apache-2.0
// Simulates OpenAI's embeddings, in JSON numbers and in the base64 form that the SDKs ask for.

import { type Answer, jsonAnswer } from '../answer.ts';
import { embed, inputTokens } from '../inquiry.ts';
import { at, number, text } from '../json.ts';
import { type EndpointRequest, InvalidRequest, simulatedModel } from './endpoint.ts';

export function embeddings({ body, model }: EndpointRequest): Answer {
  const input = at(body, 'input');
  if (input === undefined) throw new InvalidRequest("Missing required parameter: 'input'.");
  const texts = (Array.isArray(input) ? input : [input]).map(String);
  const dimensions = number(body, 'dimensions') ?? 8;
  const base64 = text(body, 'encoding_format') === 'base64';
  const data = texts.map((item, index) => {
    const vector = embed(item, dimensions);
    const bytes = Buffer.from(Float32Array.from(vector).buffer).toString('base64');
    return { object: 'embedding', index, embedding: base64 ? bytes : vector };
  });
  const tokens = inputTokens(texts.join('').length);
  return jsonAnswer({
    object: 'list',
    data,
    model: simulatedModel(model),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}
