// SPDX-License-Identifier: Apache-2.0
// The providers, routes and model data of outpost.yaml. Schemas only; what needs more than one entry to check is the policy room's.

import { z } from 'zod';
import { baseUrl, glob, line } from './config-words.ts';
import { hostPattern, pathGlob } from './host-catalogue.ts';
import { providerRoutingSchema, routeRoutingSchema } from './routing-config.ts';
import { secretName } from './sync/words.ts';

export const PROVIDER_TYPE_NAMES = [
  'openai',
  'anthropic',
  'azure',
  'bedrock',
  'gemini',
  'vertex',
  'mistral',
  'cohere',
  'groq',
  'xai',
  'deepseek',
  'openrouter',
  'together',
  'fireworks',
  'cerebras',
  'perplexity',
  'nebius',
  'huggingface',
  'databricks',
  'ollama',
  'vllm',
  'sglang',
  'lmstudio',
  'openai-compatible',
  'anthropic-compatible',
] as const;

/** Wire protocols that a route may name; those of the dialects room. */
export const ROUTED_DIALECTS = [
  'openai-chat',
  'openai-responses',
  'openai-completions',
  'openai-embeddings',
  'anthropic-messages',
  'gemini',
  'bedrock-converse',
  'bedrock-invoke',
  'cohere-chat',
  'cohere-embed',
  'ollama',
] as const;

/** Names become path segments of the gateway and values of headers and audit rows. */
const providerName = z
  .string()
  .max(64)
  .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, 'must consist of a-z, 0-9 and "-" (not at the ends)');

/** As it is shown in messages; put together so that no one takes it for a template that lost its backquotes. */
const VARIABLE = ['$', '{OPENAI_API_KEY}'].join('');

/** `client`, `none`, a variable, an organisation's secret, or the key itself. Visible ASCII: it becomes a header value. */
const apiKey = z
  .string()
  .min(1)
  .max(4096)
  .regex(
    /^[!-~]+$/,
    `must be visible ASCII characters without spaces: "client", "none", "${VARIABLE}" or the key itself`,
  )
  .refine((value) => !value.includes('${') || /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(value), {
    message: `a variable must stand alone, as in "${VARIABLE}"`,
  })
  .refine((value) => !value.startsWith('secret:') || secretName.safeParse(value.slice('secret:'.length)).success, {
    message: 'a secret is named by 1 to 64 letters, digits, ".", "_" and "-", as in "secret:openai-key"',
  });

/** A key is named in rows, headers and metrics, where it must not be shown itself. */
const keyName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'must consist of letters, digits, ".", "_" and "-"');

const weight = z.number().min(0).max(1_000_000);

/** Glob to name; `*` in the name stands for what the glob's first `*` matched. */
const modelMap = z
  .record(glob, line(256))
  .refine((map) => Object.keys(map).length <= 1024, 'must not have more than 1024 models');

/** A word of a cloud's address: it becomes part of host names and paths. */
const placeWord = z
  .string()
  .max(63)
  .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, 'must consist of a-z, 0-9 and "-"');

export const providerSchema = z.strictObject({
  name: providerName,
  type: z.enum(PROVIDER_TYPE_NAMES),
  base_url: baseUrl.optional(),
  api_key: apiKey.optional(),
  api_keys: z
    .array(z.strictObject({ name: keyName.optional(), key: apiKey, weight: weight.optional() }))
    .min(1)
    .max(64)
    .optional(),
  /** Bedrock: signs with these instead of sending a key. */
  aws: z
    .strictObject({ access_key_id: apiKey, secret_access_key: apiKey, session_token: apiKey.optional() })
    .optional(),
  /** Vertex: a service account's key file in JSON. */
  service_account: line(1024).optional(),
  region: placeWord.optional(),
  project: line(128)
    .regex(/^[a-z0-9.:-]+$/, 'must be a project id')
    .optional(),
  location: placeWord.optional(),
  api_version: line(64)
    .regex(/^[0-9A-Za-z.-]+$/, 'must be a version such as "2024-10-21"')
    .optional(),
  hosts: z.array(hostPattern).max(64).optional(),
  models: modelMap.optional(),
  /** Shown with the page's own address, which local-api.ts bounds. */
  status_page: z.union([z.literal(false), baseUrl.max(512)]).optional(),
  routing: providerRoutingSchema.optional(),
});

const target = z.strictObject({
  provider: providerName,
  model: z.union([line(256), modelMap]).optional(),
  weight: weight.optional(),
  without: z
    .array(z.enum(['server-tool', 'custom-tool']))
    .min(1)
    .max(2)
    .optional(),
});

const globs = z.union([glob, z.array(glob).min(1).max(64)]);

export const routeSchema = z
  .strictObject({
    id: line(64),
    model: globs.optional(),
    dialects: z.array(z.enum(ROUTED_DIALECTS)).min(1).max(ROUTED_DIALECTS.length).optional(),
    paths: z.array(pathGlob).min(1).max(64).optional(),
    apps: z.array(glob).min(1).max(64).optional(),
    strategy: z.literal('primary-fallback').optional(),
    fallbacks: z.array(target).min(1).max(16).optional(),
    groups: z
      .array(
        z.strictObject({
          order: z.enum(['listed', 'weighted', 'latency', 'cost']).optional(),
          targets: z.array(target).min(1).max(16),
        }),
      )
      .min(1)
      .max(8)
      .optional(),
    on_context_length: z.array(target).min(1).max(8).optional(),
    on_content_policy: z.array(target).min(1).max(8).optional(),
    routing: routeRoutingSchema.optional(),
  })
  .superRefine((entry, context) => {
    const say = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if ((entry.fallbacks === undefined) === (entry.groups === undefined)) {
      say(entry.groups === undefined ? 'id' : 'groups', 'a route has either `fallbacks` or `groups`');
    }
    if (entry.strategy !== undefined && entry.groups !== undefined) {
      say('strategy', '`strategy` goes with `fallbacks`; each of the `groups` has its own `order`');
    }
    if (!entry.model && !entry.dialects && !entry.paths && !entry.apps) {
      say('id', 'a route needs at least one of `model`, `dialects`, `paths`, `apps`; `model: "*"` takes all');
    }
  });

/** Dollars for a million tokens. */
const price = z.number().min(0).max(1_000_000);

export const modelDataSchema = z.strictObject({
  provider_type: z.enum(PROVIDER_TYPE_NAMES).optional(),
  model: glob,
  context: z.int().min(1).max(1_000_000_000).optional(),
  output: z.int().min(1).max(1_000_000_000).optional(),
  images: z.boolean().optional(),
  documents: z.boolean().optional(),
  tools: z.boolean().optional(),
  reasoning: z.boolean().optional(),
  json_schema: z.boolean().optional(),
  price: z
    .strictObject({ input: price, output: price, cache_read: price.optional(), cache_write: price.optional() })
    .optional(),
});
