// SPDX-License-Identifier: Apache-2.0
// Vendors that serve models of their own at one address. Data only.
// Sources: the default base URLs of the vendors' SDKs and the reference pages of their APIs, read in November 2026.

import type { ProviderTypeInfo } from './provider-type.ts';
import {
  COMPLETIONS,
  chat,
  EMBEDDINGS,
  MAX_TOKENS,
  MESSAGES,
  MESSAGES_ELSEWHERE,
  OPENAI_ONLY,
  RESPONSES,
} from './spoken.ts';

export const openai: ProviderTypeInfo = {
  defaultBaseUrl: 'https://api.openai.com/v1',
  originBasePath: '/v1',
  impliedSuffixes: [],
  barePaths: [],
  hosts: ['api.openai.com', 'eu.api.openai.com', 'us.api.openai.com'],
  auth: 'bearer',
  family: 'openai',
  speaks: [
    // Reasoning models refuse `max_tokens`; all take the newer name.
    chat({ maxTokensKey: 'max_completion_tokens' }),
    { ...RESPONSES, countTokens: '/responses/input_tokens' },
    EMBEDDINGS,
    COMPLETIONS,
  ],
};

export const anthropic: ProviderTypeInfo = {
  defaultBaseUrl: 'https://api.anthropic.com',
  originBasePath: '',
  impliedSuffixes: [],
  barePaths: [[/^\/(?:messages|complete|models|files)(?![^/?])/, '/v1']],
  hosts: ['api.anthropic.com'],
  auth: 'x-api-key',
  family: 'anthropic',
  // Its chat-completions layer is documented as a means to compare models, not for production.
  speaks: [{ dialect: 'anthropic-messages', generate: '/v1/messages', countTokens: '/v1/messages/count_tokens' }],
};

export const gemini: ProviderTypeInfo = {
  defaultBaseUrl: 'https://generativelanguage.googleapis.com',
  originBasePath: '',
  impliedSuffixes: [],
  barePaths: [[/^\/models(?![^/?])/, '/v1beta']],
  hosts: ['generativelanguage.googleapis.com'],
  auth: 'x-goog-api-key',
  family: 'gemini',
  // Its chat-completions layer refuses unknown members and tool results without a name, which no splice can add: better translated.
  speaks: [
    {
      dialect: 'gemini',
      generate: '/v1beta/models/{model}:generateContent',
      stream: '/v1beta/models/{model}:streamGenerateContent?alt=sse',
      countTokens: '/v1beta/models/{model}:countTokens',
    },
  ],
};

export const mistral: ProviderTypeInfo = {
  // The SDK's server URL is bare; OpenAI-style clients write /v1.
  defaultBaseUrl: 'https://api.mistral.ai',
  originBasePath: '',
  impliedSuffixes: ['/v1'],
  barePaths: [[/^\/(?!v\d)/, '/v1']],
  hosts: ['api.mistral.ai', 'codestral.mistral.ai'],
  auth: 'bearer',
  family: 'openai',
  speaks: [
    // 422 for members that it does not know; usage always comes with the last content chunk.
    chat(
      {
        ...MAX_TOKENS,
        shortToolIds: true,
        noStreamOptions: true,
        toolChoiceRequired: 'any',
        refuses: [...OPENAI_ONLY, 'logit_bias', 'logprobs', 'top_logprobs'],
        renames: { seed: 'random_seed' },
      },
      '/v1/chat/completions',
    ),
    { dialect: 'openai-embeddings', embed: '/v1/embeddings' },
  ],
};

export const cohere: ProviderTypeInfo = {
  defaultBaseUrl: 'https://api.cohere.com',
  originBasePath: '',
  impliedSuffixes: [],
  barePaths: [[/^\/(?:chat|embed|rerank)(?![^/?])/, '/v2']],
  hosts: ['api.cohere.ai', 'api.cohere.com'],
  auth: 'bearer',
  family: 'cohere',
  speaks: [
    { dialect: 'cohere-chat', generate: '/v2/chat' },
    { dialect: 'cohere-embed', embed: '/v2/embed' },
  ],
};

export const groq: ProviderTypeInfo = {
  // OpenAI style; groq-sdk's own base URL is bare and it adds /openai/v1 itself. baseOf takes both.
  defaultBaseUrl: 'https://api.groq.com/openai/v1',
  originBasePath: '/openai/v1',
  impliedSuffixes: [],
  barePaths: [[/^\/v1(?![^/?])/, '/openai']],
  hosts: ['api.groq.com'],
  auth: 'bearer',
  family: 'openai',
  // 400 for these three (and for n > 1), by its page on OpenAI compatibility.
  speaks: [chat({ reasoningKey: 'reasoning', refuses: ['logprobs', 'logit_bias', 'top_logprobs'] }), RESPONSES],
};

export const xai: ProviderTypeInfo = {
  defaultBaseUrl: 'https://api.x.ai/v1',
  originBasePath: '/v1',
  impliedSuffixes: [],
  barePaths: [],
  hosts: ['api.x.ai'],
  auth: 'bearer',
  family: 'openai',
  // Reasoning models, which all current ones are, refuse the penalties. Its Anthropic endpoint is deprecated.
  speaks: [chat({ refuses: ['presence_penalty', 'frequency_penalty', 'logit_bias'] }), RESPONSES],
};

export const deepseek: ProviderTypeInfo = {
  // Bare or with /v1: the docs say that the version means nothing. The Anthropic style of base URL ends in /anthropic.
  defaultBaseUrl: 'https://api.deepseek.com',
  originBasePath: '',
  impliedSuffixes: ['/anthropic/v1', '/anthropic', '/v1'],
  barePaths: [],
  hosts: ['api.deepseek.com'],
  auth: 'bearer',
  family: 'openai',
  speaks: [
    // With tools, reasoning of the same turn has to be sent back; JSON output knows no schema.
    chat({ ...MAX_TOKENS, jsonSchema: 'json-object', reasoningKey: 'reasoning_content' }),
    {
      dialect: 'anthropic-messages',
      generate: '/anthropic/v1/messages',
      auth: 'x-api-key',
      quirks: { ...MESSAGES_ELSEWHERE, jsonSchema: 'none' },
    },
  ],
};

export const cerebras: ProviderTypeInfo = {
  defaultBaseUrl: 'https://api.cerebras.ai/v1',
  originBasePath: '/v1',
  impliedSuffixes: [],
  barePaths: [],
  hosts: ['api.cerebras.ai'],
  auth: 'bearer',
  family: 'openai',
  // 400 for these.
  speaks: [chat({ refuses: ['frequency_penalty', 'presence_penalty', 'logit_bias', 'store', 'verbosity'] })],
};

export const perplexity: ProviderTypeInfo = {
  // Chat lies at the root, the Responses protocol (for its agent models) below /v1.
  defaultBaseUrl: 'https://api.perplexity.ai',
  originBasePath: '',
  impliedSuffixes: ['/v1'],
  barePaths: [],
  hosts: ['api.perplexity.ai'],
  auth: 'bearer',
  family: 'openai',
  speaks: [
    // The sonar models; they have no tools, which the data about models says.
    { ...chat({ ...MAX_TOKENS, noParallelTools: true, refuses: ['logit_bias', 'seed'] }), models: /^sonar/i },
    { ...RESPONSES, generate: '/v1/responses', models: /^(?!sonar)/i },
  ],
};

/** Needs `base_url`; without its last `/v1`, as Anthropic's SDK writes it. */
export const anthropicCompatible: ProviderTypeInfo = {
  defaultBaseUrl: undefined,
  originBasePath: '',
  impliedSuffixes: ['/v1'],
  barePaths: [[/^\/(?:messages|complete|models|files)(?![^/?])/, '/v1']],
  hosts: [],
  auth: 'x-api-key',
  family: 'anthropic',
  speaks: [{ ...MESSAGES, generate: '/v1/messages', countTokens: '/v1/messages/count_tokens' }],
};
