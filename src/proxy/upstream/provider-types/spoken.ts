// SPDX-License-Identifier: Apache-2.0
// The protocols that many hosts take at the same path below their base URL, and the quirks that many hosts share. Data only.

import type { Quirks } from '../../dialects/hub/codec.ts';
import type { Spoken } from './provider-type.ts';

/** OpenAI's paths below a base URL that ends in the version. */
export const RESPONSES: Spoken = { dialect: 'openai-responses', generate: '/responses' };
export const COMPLETIONS: Spoken = { dialect: 'openai-completions', generate: '/completions' };
export const EMBEDDINGS: Spoken = { dialect: 'openai-embeddings', embed: '/embeddings' };

/** Anthropic's protocol where others run its models, or serve their own by it. */
export const MESSAGES_ELSEWHERE = { refuses: ['context_management'], loadsNoTools: true } as const satisfies Quirks;

/** Anthropic's protocol below a base URL that ends in the version. */
export const MESSAGES: Spoken = {
  dialect: 'anthropic-messages',
  generate: '/messages',
  quirks: MESSAGES_ELSEWHERE,
};
export const MESSAGES_AND_COUNT: Spoken = { ...MESSAGES, countTokens: '/messages/count_tokens' };

export function chat(quirks: Quirks, path = '/chat/completions'): Spoken {
  return { dialect: 'openai-chat', generate: path, quirks };
}

/** Servers of open models document `max_tokens`; not all of them know OpenAI's newer name for it. */
export const MAX_TOKENS = { maxTokensKey: 'max_tokens' } as const satisfies Quirks;

/** Members that only OpenAI's own platform gives a meaning; hosts that check strictly refuse them. */
export const OPENAI_ONLY = [
  'store',
  'metadata',
  'service_tier',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'verbosity',
  'modalities',
  'audio',
  'web_search_options',
] as const;

/** Members that only Anthropic's own platform takes; its clouds answer "Extra inputs are not permitted". */
export const ANTHROPIC_ONLY = [
  'context_management',
  'service_tier',
  'inference_geo',
  'speed',
  'diagnostics',
  'fallbacks',
  // A mark for the whole request; those of its blocks are taken.
  'cache_control',
] as const;

/** Models made by Anthropic, whatever the cloud puts around the name. */
export const CLAUDE = /claude/i;
