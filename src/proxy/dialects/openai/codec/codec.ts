// SPDX-License-Identifier: Apache-2.0
// The codec of OpenAI Chat Completions, for OpenAI and the many hosts that speak its dialect.

import type { Codec } from '../../hub/codec.ts';
import { ChatAnswerDecoder } from './decode-answer.ts';
import { decodeChatRequest } from './decode-request.ts';
import { createChatEncoder } from './encode-answer.ts';
import { encodeChatRequest } from './encode-request.ts';

export const openaiChatCodec: Codec = {
  dialect: 'openai-chat',
  shows: { reasoningText: true },
  decodeRequest: decodeChatRequest,
  encodeRequest: encodeChatRequest,
  createDecoder: () => new ChatAnswerDecoder(),
  createEncoder: createChatEncoder,
};
