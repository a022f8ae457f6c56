// SPDX-License-Identifier: Apache-2.0
// All provider types by name, and whose a host is. The one list that configuration, gateway and transports share. Pure.

import { hostMatches, normaliseHost } from '../../../contract/host-pattern.ts';
import { azure, bedrock, databricks, vertex } from './clouds.ts';
import { fireworks, huggingface, nebius, openrouter, together } from './hosts.ts';
import type { ProviderType, ProviderTypeInfo } from './provider-type.ts';
import { lmstudio, ollama, openaiCompatible, sglang, vllm } from './servers.ts';
import {
  anthropic,
  anthropicCompatible,
  cerebras,
  cohere,
  deepseek,
  gemini,
  groq,
  mistral,
  openai,
  perplexity,
  xai,
} from './vendors.ts';

export const PROVIDER_TYPES: Readonly<Record<ProviderType, ProviderTypeInfo>> = {
  openai,
  anthropic,
  azure,
  bedrock,
  gemini,
  vertex,
  mistral,
  cohere,
  groq,
  xai,
  deepseek,
  openrouter,
  together,
  fireworks,
  cerebras,
  perplexity,
  nebius,
  huggingface,
  databricks,
  ollama,
  vllm,
  sglang,
  lmstudio,
  'openai-compatible': openaiCompatible,
  'anthropic-compatible': anthropicCompatible,
};

/** The type that owns a host by the table, if any. */
export function typeOfHost(host: string): ProviderType | undefined {
  const name = normaliseHost(host);
  for (const [type, info] of Object.entries(PROVIDER_TYPES)) {
    if (info.hosts.some((pattern) => hostMatches(pattern, name))) return type as ProviderType;
  }
  return undefined;
}
