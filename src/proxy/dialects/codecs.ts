// SPDX-License-Identifier: Apache-2.0
// Which dialects take part in translation.

import { anthropicCodec } from './anthropic/codec/codec.ts';
import { bedrockConverseCodec } from './bedrock/codec/codec.ts';
import { bedrockInvokeCodec } from './bedrock/codec/invoke.ts';
import { cohereCodec } from './cohere/codec/codec.ts';
import type { DialectId } from './dialect.ts';
import { geminiCodec } from './gemini/codec/codec.ts';
import type { Codec } from './hub/codec.ts';
import { ollamaCodec } from './ollama/codec/codec.ts';
import { openaiChatCodec } from './openai/codec/codec.ts';
import { responsesCodec } from './openai-responses/codec/codec.ts';

const CODECS: Readonly<Partial<Record<DialectId, Codec>>> = {
  'openai-chat': openaiChatCodec,
  'openai-responses': responsesCodec,
  'anthropic-messages': anthropicCodec,
  gemini: geminiCodec,
  'bedrock-converse': bedrockConverseCodec,
  'bedrock-invoke': bedrockInvokeCodec,
  'cohere-chat': cohereCodec,
  ollama: ollamaCodec,
};

/** undefined: requests of this dialect are passed on as they are, or not at all. */
export function codecOf(id: DialectId): Codec | undefined {
  return CODECS[id];
}
