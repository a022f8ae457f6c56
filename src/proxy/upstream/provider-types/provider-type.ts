// SPDX-License-Identifier: Apache-2.0
// The words of the table of provider types: what there is to say about a type. Types only.

import type { DialectId } from '../../dialects/dialect.ts';
import type { Quirks } from '../../dialects/hub/codec.ts';

export type ProviderType =
  | 'openai'
  | 'anthropic'
  | 'azure'
  | 'bedrock'
  | 'gemini'
  | 'vertex'
  | 'mistral'
  | 'cohere'
  | 'groq'
  | 'xai'
  | 'deepseek'
  | 'openrouter'
  | 'together'
  | 'fireworks'
  | 'cerebras'
  | 'perplexity'
  | 'nebius'
  | 'huggingface'
  | 'databricks'
  | 'ollama'
  | 'vllm'
  | 'sglang'
  | 'lmstudio'
  | 'openai-compatible'
  | 'anthropic-compatible';

/**
 * Which paths a provider has for what is no chain's business (model lists, files …): within one family, another target can take
 * them by a change of prefix. Vertex is its own: its paths carry project and location.
 */
export type DialectFamily = 'openai' | 'anthropic' | 'gemini' | 'vertex' | 'bedrock' | 'cohere' | 'ollama';

/** How a key that is one text is sent. */
export type AuthScheme = 'bearer' | 'x-api-key' | 'x-goog-api-key' | 'api-key';

/**
 * A wire protocol that a provider takes without our translation. Paths lie below the base URL and may have a query; `{model}`,
 * `{project}`, `{location}` and `{apiVersion}` are filled in, percent-encoded.
 */
export interface Spoken {
  readonly dialect: DialectId;
  readonly generate?: string;
  /** Where a streamed answer has a path of its own; default: `generate`. */
  readonly stream?: string;
  readonly countTokens?: string;
  readonly embed?: string;
  /** Only for models whose name matches. */
  readonly models?: RegExp;
  /** Default: the type's. */
  readonly auth?: AuthScheme;
  /** How the host departs from the dialect. Default: not at all. */
  readonly quirks?: Quirks;
}

export interface ProviderTypeInfo {
  /** As the vendor's SDK understands it; undefined: there is no one address, so the gateway and routes need more (`base_url`, or a place in the cloud). */
  readonly defaultBaseUrl: string | undefined;
  /** The part of a path on the vendor's own hosts that `base_url` already contains. */
  readonly originBasePath: string;
  /** Endings of a `base_url` that say what the SDK adds itself; they are dropped (both styles are in the vendors' docs). First match wins. */
  readonly impliedSuffixes: readonly string[];
  /** Gateway only: paths that lack the SDK's own prefix, and that prefix. First match wins. */
  readonly barePaths: readonly (readonly [RegExp, string])[];
  /** Hosts of the vendor, as patterns (host-pattern.ts). Empty: the host of `base_url` is all there is. */
  readonly hosts: readonly string[];
  readonly auth: AuthScheme;
  readonly family: DialectFamily;
  /** Best first for a request that has to be translated: the oldest, stateless protocol that every model of the host takes. */
  readonly speaks: readonly Spoken[];
}
