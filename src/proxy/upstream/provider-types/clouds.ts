// SPDX-License-Identifier: Apache-2.0
// Clouds that serve several vendors' models, each with an address, credentials and paths of its own. Data only.
// Sources: the clouds' REST references and the SDKs of Anthropic and Google for them, read in November 2026.

import type { ProviderTypeInfo } from './provider-type.ts';
import { ANTHROPIC_ONLY, CLAUDE, chat, EMBEDDINGS, MAX_TOKENS, MESSAGES_ELSEWHERE } from './spoken.ts';

const NOT_CLAUDE = /^(?!.*claude)/i;

export const azure: ProviderTypeInfo = {
  // `azure_endpoint` of the SDK is the bare resource; the OpenAI style of base_url ends in /openai or /openai/v1.
  defaultBaseUrl: undefined,
  originBasePath: '',
  impliedSuffixes: ['/openai/v1', '/openai', '/anthropic'],
  barePaths: [
    [/^\/(?:deployments|v1)(?![^/?])/, '/openai'],
    // Without /models: that is a path of its own on Azure AI Foundry hosts.
    [/^\/(?:chat|responses|completions|embeddings|images|audio|realtime)(?![^/?])/, '/openai/v1'],
  ],
  hosts: ['*.cognitiveservices.azure.com', '*.openai.azure.com', '*.services.ai.azure.com'],
  auth: 'api-key',
  family: 'openai',
  // The v1 paths; with `api_version` those of the deployments (see deploymentPath in transport/path.ts).
  speaks: [
    {
      ...chat(
        { maxTokensKey: 'max_completion_tokens', refuses: ['prompt_cache_retention'] },
        '/openai/v1/chat/completions',
      ),
      models: NOT_CLAUDE,
    },
    { dialect: 'openai-responses', generate: '/openai/v1/responses', models: NOT_CLAUDE },
    { dialect: 'openai-embeddings', embed: '/openai/v1/embeddings' },
    // Claude in Foundry.
    { dialect: 'anthropic-messages', generate: '/anthropic/v1/messages', models: CLAUDE, quirks: MESSAGES_ELSEWHERE },
  ],
};

/** Claude 4.5: AWS, one-hour duration for prompt caching, January 2026. Older ones refuse the whole request. */
const CACHE_TIMES_SINCE = 4.05;

/** Before Claude 4.6 the effort needs a beta that the clouds refuse; the budget of a task still does. */
const CONFIG_SINCE = { effort: 4.06, task_budget: Infinity } as const;

export const bedrock: ProviderTypeInfo = {
  defaultBaseUrl: undefined,
  originBasePath: '',
  impliedSuffixes: [],
  barePaths: [],
  hosts: ['bedrock-runtime-fips.*.amazonaws.com', 'bedrock-runtime.*.amazonaws.com'],
  auth: 'bearer',
  family: 'bedrock',
  speaks: [
    {
      dialect: 'bedrock-converse',
      generate: '/model/{model}/converse',
      stream: '/model/{model}/converse-stream',
      countTokens: '/model/{model}/count-tokens',
      quirks: { cacheMembers: { ttl: CACHE_TIMES_SINCE } },
    },
    {
      dialect: 'bedrock-invoke',
      generate: '/model/{model}/invoke',
      stream: '/model/{model}/invoke-with-response-stream',
      // Of `output_config` Bedrock takes the newer word for a schema alone; examples need a beta that newer models refuse.
      quirks: {
        loadsNoTools: true,
        refuses: [...ANTHROPIC_ONLY, 'output_format'],
        noUrls: true,
        configMembers: CONFIG_SINCE,
        toolMembers: { eager_input_streaming: 4.06, input_examples: Infinity },
        cacheMembers: { ttl: CACHE_TIMES_SINCE, scope: Infinity },
      },
    },
  ],
};

const VERTEX = '/v1/projects/{project}/locations/{location}';

export const vertex: ProviderTypeInfo = {
  defaultBaseUrl: undefined,
  originBasePath: '',
  impliedSuffixes: ['/v1'],
  barePaths: [],
  hosts: [
    '*-aiplatform.googleapis.com',
    'aiplatform.eu.rep.googleapis.com',
    'aiplatform.googleapis.com',
    'aiplatform.us.rep.googleapis.com',
  ],
  auth: 'bearer',
  family: 'vertex',
  speaks: [
    {
      dialect: 'gemini',
      generate: `${VERTEX}/publishers/google/models/{model}:generateContent`,
      stream: `${VERTEX}/publishers/google/models/{model}:streamGenerateContent?alt=sse`,
      countTokens: `${VERTEX}/publishers/google/models/{model}:countTokens`,
      models: /^(?!.*claude)[^/]*$/i,
    },
    {
      dialect: 'anthropic-messages',
      generate: `${VERTEX}/publishers/anthropic/models/{model}:rawPredict`,
      stream: `${VERTEX}/publishers/anthropic/models/{model}:streamRawPredict`,
      countTokens: `${VERTEX}/publishers/anthropic/models/count-tokens:rawPredict`,
      models: CLAUDE,
      quirks: {
        loadsNoTools: true,
        refuses: [...ANTHROPIC_ONLY, 'output_format'],
        noUrls: true,
        configMembers: CONFIG_SINCE,
        toolMembers: { input_examples: Infinity },
        cacheMembers: { scope: Infinity },
      },
    },
    // Models of other publishers are called `publisher/model`.
    { ...chat(MAX_TOKENS, `${VERTEX}/endpoints/openapi/chat/completions`), models: /^(?!.*claude)[^/]+\//i },
  ],
};

export const databricks: ProviderTypeInfo = {
  // https://WORKSPACE/serving-endpoints; the endpoint's name is the model.
  defaultBaseUrl: undefined,
  originBasePath: '/serving-endpoints',
  impliedSuffixes: ['/anthropic'],
  barePaths: [],
  hosts: [],
  auth: 'bearer',
  family: 'openai',
  speaks: [
    chat({ ...MAX_TOKENS, noParallelTools: true, refuses: ['store', 'metadata', 'prompt_cache_key'] }),
    EMBEDDINGS,
    { dialect: 'anthropic-messages', generate: '/anthropic/v1/messages', models: CLAUDE, quirks: MESSAGES_ELSEWHERE },
  ],
};
