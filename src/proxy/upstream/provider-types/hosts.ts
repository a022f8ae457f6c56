// SPDX-License-Identifier: Apache-2.0
// Services that host other vendors' and open models behind one address. Data only.
// Sources: the services' pages on OpenAI and Anthropic compatibility, read in November 2026.

import type { ProviderTypeInfo } from './provider-type.ts';
import { COMPLETIONS, chat, EMBEDDINGS, MAX_TOKENS, MESSAGES, RESPONSES } from './spoken.ts';

export const openrouter: ProviderTypeInfo = {
  defaultBaseUrl: 'https://openrouter.ai/api/v1',
  originBasePath: '/api/v1',
  impliedSuffixes: [],
  barePaths: [[/^\/v1(?![^/?])/, '/api']],
  hosts: ['openrouter.ai'],
  auth: 'bearer',
  family: 'openai',
  speaks: [chat({ ...MAX_TOKENS, reasoningKey: 'reasoning' }), RESPONSES, MESSAGES, EMBEDDINGS, COMPLETIONS],
};

export const together: ProviderTypeInfo = {
  defaultBaseUrl: 'https://api.together.ai/v1',
  originBasePath: '/v1',
  impliedSuffixes: [],
  barePaths: [],
  hosts: ['api.together.ai', 'api.together.xyz'],
  auth: 'bearer',
  family: 'openai',
  speaks: [chat({ ...MAX_TOKENS, reasoningKey: 'reasoning' }), EMBEDDINGS, COMPLETIONS],
};

export const fireworks: ProviderTypeInfo = {
  defaultBaseUrl: 'https://api.fireworks.ai/inference/v1',
  originBasePath: '/inference/v1',
  impliedSuffixes: [],
  barePaths: [[/^\/v1(?![^/?])/, '/inference']],
  hosts: ['api.fireworks.ai'],
  auth: 'bearer',
  family: 'openai',
  speaks: [chat({ ...MAX_TOKENS, reasoningKey: 'reasoning_content' }), RESPONSES, MESSAGES, EMBEDDINGS, COMPLETIONS],
};

export const nebius: ProviderTypeInfo = {
  defaultBaseUrl: 'https://api.tokenfactory.nebius.com/v1',
  originBasePath: '/v1',
  impliedSuffixes: [],
  barePaths: [],
  hosts: ['api.studio.nebius.ai', 'api.tokenfactory.nebius.com'],
  auth: 'bearer',
  family: 'openai',
  speaks: [chat(MAX_TOKENS), EMBEDDINGS, COMPLETIONS],
};

export const huggingface: ProviderTypeInfo = {
  defaultBaseUrl: 'https://router.huggingface.co/v1',
  originBasePath: '/v1',
  impliedSuffixes: [],
  barePaths: [],
  hosts: ['router.huggingface.co'],
  auth: 'bearer',
  family: 'openai',
  speaks: [chat(MAX_TOKENS), RESPONSES],
};
