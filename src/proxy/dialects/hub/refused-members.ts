// SPDX-License-Identifier: Apache-2.0
// What is lost with a top-level member that a host refuses, in OpenAI's dialects, those modelled on them, and Anthropic's. One table for
// requests that are spliced (fit-quirks.ts) and for those that a codec writes (openai/codec/host-quirks.ts).

import type { LossCode } from './loss.ts';
import type { LossList } from './losses.ts';
import { says } from './members.ts';

interface Member {
  readonly code: LossCode;
  /** Which values ask for something. Default: all but null, false, and what is empty. */
  readonly asks?: (value: unknown) => boolean;
}

const notZero = (value: unknown): boolean => says(value) && value !== 0;

const MEMBERS: ReadonlyMap<string, Member> = new Map<string, Member>([
  ['audio', { code: 'output-modality' }],
  ['cache_control', { code: 'cache-control' }],
  ['context_management', { code: 'context-edits' }],
  ['frequency_penalty', { code: 'penalties', asks: notZero }],
  ['include', { code: 'include' }],
  // Who binds inference to a region must not get it elsewhere.
  ['inference_geo', { code: 'not-understood' }],
  ['logit_bias', { code: 'logit-bias' }],
  ['logprobs', { code: 'logprobs' }],
  ['metadata', { code: 'metadata' }],
  ['modalities', { code: 'output-modality', asks: (value) => says(value) && String(value) !== 'text' }],
  ['output_format', { code: 'no-json-schema' }],
  // Only "one call at a time" asks for something.
  ['parallel_tool_calls', { code: 'parallel-tools', asks: (value) => value === false }],
  ['prediction', { code: 'predicted-output' }],
  ['presence_penalty', { code: 'penalties', asks: notZero }],
  ['prompt_cache_key', { code: 'cache-key' }],
  ['prompt_cache_retention', { code: 'cache-control' }],
  ['reasoning', { code: 'reasoning-unsupported' }],
  ['reasoning_effort', { code: 'reasoning-effort' }],
  ['response_format', { code: 'no-json-schema' }],
  ['safety_identifier', { code: 'user' }],
  ['seed', { code: 'seed' }],
  ['service_tier', { code: 'service-tier', asks: (value) => says(value) && value !== 'auto' && value !== 'default' }],
  ['speed', { code: 'service-tier', asks: (value) => says(value) && value !== 'standard' }],
  ['stop', { code: 'stop-sequences' }],
  ['store', { code: 'store' }],
  // Hosts that refuse it send the usage anyway.
  ['stream_options', { code: 'stream-options', asks: () => false }],
  ['temperature', { code: 'temperature' }],
  ['text', { code: 'no-json-schema' }],
  ['tool_choice', { code: 'tool-choice', asks: (value) => says(value) && value !== 'auto' }],
  ['tools', { code: 'no-tools' }],
  ['top_k', { code: 'top-k' }],
  ['top_logprobs', { code: 'logprobs', asks: notZero }],
  ['top_p', { code: 'top-p' }],
  ['user', { code: 'user' }],
  ['verbosity', { code: 'verbosity' }],
  // An empty object switches the search on.
  ['web_search_options', { code: 'server-tool', asks: (value) => typeof value === 'object' && value !== null }],
]);

/** Adds what is lost with the member `name`; nothing where its value asks for nothing. */
export function loseMember(name: string, value: unknown, losses: LossList): void {
  const { code, asks = says } = MEMBERS.get(name) ?? {};
  if (!asks(value)) return;
  // A name that is not in the table is the caller's text.
  if (code === undefined) losses.add('unknown-field', '');
  else losses.add(code, `/${name}`);
}
