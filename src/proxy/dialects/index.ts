// SPDX-License-Identifier: Apache-2.0
// The door of the room: which dialect a call speaks, and what that dialect can tell about it.

import { anthropicMessages } from './anthropic/dialect.ts';
import { bedrockConverse } from './bedrock/converse.ts';
import { bedrockInvoke } from './bedrock/invoke.ts';
import { cohereChat, cohereEmbed } from './cohere/dialect.ts';
import type { Dialect, DialectId } from './dialect.ts';
import { gemini } from './gemini/dialect.ts';
import { editMembers, memberTexts } from './json/edit.ts';
import { ollama } from './ollama/dialect.ts';
import { openaiChat } from './openai/chat.ts';
import { openaiCompletions } from './openai/completions.ts';
import { openaiEmbeddings } from './openai/embeddings.ts';
import { openaiResponses } from './openai-responses/dialect.ts';

const DIALECTS: Readonly<Record<DialectId, Dialect>> = {
  'openai-chat': openaiChat,
  'openai-responses': openaiResponses,
  'openai-completions': openaiCompletions,
  'openai-embeddings': openaiEmbeddings,
  'anthropic-messages': anthropicMessages,
  gemini,
  'bedrock-converse': bedrockConverse,
  'bedrock-invoke': bedrockInvoke,
  'cohere-chat': cohereChat,
  'cohere-embed': cohereEmbed,
  ollama,
};

export function dialectOf(id: DialectId): Dialect {
  return DIALECTS[id];
}

/** Named edits of JSON bodies, for rooms that may not know JSON nodes. */
export const bodyEditor = { editMembers, memberTexts } as const;

export type Translation = typeof import('./translation.ts');

/** Codecs and what drives them. */
export function loadTranslation(): Promise<Translation> {
  return import('./translation.ts');
}

export { hasDotSegments } from './dot-segments.ts';
export { createDecoder, decodeBody } from './framing/content-coding.ts';
export type { DecodedRequest, EncodedRequest, EncodeTarget, ModelFacts } from './hub/codec.ts';
export { fitQuirks } from './hub/fit-quirks.ts';
export type { HubEvent, HubRequest } from './hub/hub.ts';
export { isEssential, type Loss } from './hub/loss.ts';
export { withoutMadeUp } from './hub/made-up.ts';
export type { AnswerTranslation } from './hub/translator.ts';
export { spliceModel } from './json/splice.ts';
export { jsonText, parseShallow, parseValue } from './json/values.ts';
export { unknownError } from './openai/errors.ts';
export { createFrameReader, errorFrame, laneOf, readClientFrame } from './openai-responses/frames.ts';
export { readUnknown } from './read-unknown.ts';
export { type Address, recognise, recogniseUpgrade } from './recognise.ts';
export { errorMessage } from './shared/error-class.ts';
