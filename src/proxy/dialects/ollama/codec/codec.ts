// SPDX-License-Identifier: Apache-2.0
// The codec of Ollama's own chat API.

import type { Codec } from '../../hub/codec.ts';
import { OllamaAnswerDecoder } from './decode-answer.ts';
import { decodeOllamaRequest } from './decode-request.ts';
import { OllamaAnswerEncoder } from './encode-answer.ts';
import { encodeOllamaRequest } from './encode-request.ts';

export const ollamaCodec: Codec = {
  dialect: 'ollama',
  shows: { reasoningText: true },
  decodeRequest: decodeOllamaRequest,
  encodeRequest: encodeOllamaRequest,
  createDecoder: () => new OllamaAnswerDecoder(),
  createEncoder: (options) => new OllamaAnswerEncoder(options),
};
