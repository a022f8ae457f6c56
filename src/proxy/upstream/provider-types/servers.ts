// SPDX-License-Identifier: Apache-2.0
// Model servers that run on this machine or in the own network, and services known only by what they are compatible with. Data only.
// Sources: the servers' pages on OpenAI and Anthropic compatibility, read in November 2026.

import type { ProviderTypeInfo } from './provider-type.ts';
import { COMPLETIONS, chat, EMBEDDINGS, MAX_TOKENS, MESSAGES, MESSAGES_AND_COUNT, RESPONSES } from './spoken.ts';

export const ollama: ProviderTypeInfo = {
  defaultBaseUrl: 'http://127.0.0.1:11434',
  originBasePath: '',
  impliedSuffixes: ['/v1', '/api'],
  barePaths: [[/^\/(?:chat\/completions|completions|responses|embeddings|models|messages)(?![^/?])/, '/v1']],
  hosts: ['ollama.com'],
  auth: 'bearer',
  family: 'ollama',
  speaks: [
    chat({ ...MAX_TOKENS, reasoningKey: 'reasoning' }, '/v1/chat/completions'),
    { dialect: 'ollama', generate: '/api/chat', embed: '/api/embed' },
    { ...RESPONSES, generate: '/v1/responses' },
    // ollama.com takes a bearer here, never x-api-key alone.
    { ...MESSAGES, generate: '/v1/messages' },
    { ...EMBEDDINGS, embed: '/v1/embeddings' },
    { ...COMPLETIONS, generate: '/v1/completions' },
  ],
};

/** `vllm serve`, port 8000. */
export const vllm: ProviderTypeInfo = {
  defaultBaseUrl: 'http://127.0.0.1:8000/v1',
  originBasePath: '/v1',
  impliedSuffixes: [],
  barePaths: [],
  hosts: [],
  auth: 'bearer',
  family: 'openai',
  speaks: [chat({ ...MAX_TOKENS, reasoningKey: 'reasoning' }), RESPONSES, MESSAGES_AND_COUNT, EMBEDDINGS, COMPLETIONS],
};

/** `sglang serve`, port 30000. */
export const sglang: ProviderTypeInfo = {
  defaultBaseUrl: 'http://127.0.0.1:30000/v1',
  originBasePath: '/v1',
  impliedSuffixes: [],
  barePaths: [],
  hosts: [],
  auth: 'bearer',
  family: 'openai',
  speaks: [chat({ ...MAX_TOKENS, reasoningKey: 'reasoning_content' }), MESSAGES_AND_COUNT, EMBEDDINGS, COMPLETIONS],
};

/** Port 1234. */
export const lmstudio: ProviderTypeInfo = {
  defaultBaseUrl: 'http://127.0.0.1:1234/v1',
  originBasePath: '/v1',
  impliedSuffixes: [],
  barePaths: [],
  hosts: [],
  auth: 'bearer',
  family: 'openai',
  speaks: [chat(MAX_TOKENS), RESPONSES, MESSAGES, EMBEDDINGS, COMPLETIONS],
};

/** Needs `base_url`. Only what all such services have: a path that is missing would cost an attempt. */
export const openaiCompatible: ProviderTypeInfo = {
  defaultBaseUrl: undefined,
  originBasePath: '/v1',
  impliedSuffixes: [],
  barePaths: [],
  hosts: [],
  auth: 'bearer',
  family: 'openai',
  speaks: [chat(MAX_TOKENS), EMBEDDINGS, COMPLETIONS],
};
