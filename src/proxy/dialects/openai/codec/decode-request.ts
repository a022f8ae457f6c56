// SPDX-License-Identifier: Apache-2.0
// Chat Completions: a request from the wire to the hub. Every member is understood or makes a loss entry. Never throws.

import type { Recognised } from '../../dialect.ts';
import type { DecodedRequest } from '../../hub/codec.ts';
import type { HubRequest, Reasoning, ReasoningEffort } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { LossList } from '../../hub/losses.ts';
import { listIn, objectIn, says, stringsIn } from '../../hub/members.ts';
import { flagIn, numberIn, textIn } from '../../hub/scalars.ts';
import { unreadable } from '../../hub/unreadable.ts';
import { asObject, type Values } from '../../json/values.ts';
import { decodeMessages } from './decode-messages.ts';
import { decodeOutput, decodeToolChoice, decodeTools } from './decode-tools.ts';

const KNOWN: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'reasoning',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop',
  'seed',
  'random_seed',
  'presence_penalty',
  'frequency_penalty',
  'prompt_cache_key',
  'user',
  'safety_identifier',
  'verbosity',
  'n',
  'top_logprobs',
  'modalities',
]);

const LOSS_OF: Readonly<Partial<Record<string, LossCode>>> = {
  // The legacy form: its callers expect their answers in that form, which no encoder writes.
  functions: 'not-understood',
  function_call: 'not-understood',
  logprobs: 'logprobs',
  audio: 'audio',
  prediction: 'predicted-output',
  web_search_options: 'server-tool',
  plugins: 'server-tool',
  store: 'store',
  metadata: 'metadata',
  service_tier: 'service-tier',
  logit_bias: 'logit-bias',
  prompt_cache_retention: 'cache-control',
  prompt_cache_options: 'cache-control',
  moderation: 'safety-settings',
  safe_prompt: 'safety-settings',
  repetition_penalty: 'penalties',
};

const EFFORTS: ReadonlySet<unknown> = new Set<ReasoningEffort>([
  'none',
  'minimal',
  'low',
  'medium',
  'high',
  'xhigh',
  'max',
]);

export function decodeChatRequest(recognised: Recognised, value: unknown): DecodedRequest {
  const losses = new LossList();
  const body = asObject(value);
  const messages = body?.['messages'];
  const model = recognised.pathModel ?? body?.['model'];
  if (
    body === undefined ||
    !Array.isArray(messages) ||
    typeof model !== 'string' ||
    recognised.operation !== 'generate'
  ) {
    return unreadable(losses, '');
  }
  losses.unknownMembers(body, '', KNOWN, LOSS_OF);
  const number = (key: string) => numberIn(body, key, '', losses);
  const text = (key: string) => textIn(body, key, '', losses) || undefined;
  if ((number('n') ?? 1) > 1) losses.add('several-choices', '/n');
  if ((number('top_logprobs') ?? 0) > 0) losses.add('logprobs', '/top_logprobs');
  for (const modality of stringsIn(body, 'modalities', '', losses)) {
    if (modality !== 'text') losses.add('output-modality', '/modalities');
  }
  const streamOptions = objectIn(body, 'stream_options', '', losses) ?? {};
  losses.unknownMembers(streamOptions, '', USAGE_KEY, { include_obfuscation: 'stream-options' });

  const user = text('user');
  const safetyId = text('safety_identifier');
  if (user !== undefined && safetyId !== undefined && user !== safetyId) losses.add('user', '/safety_identifier');

  const request: HubRequest = {
    model,
    stream: flagIn(body, 'stream', '', losses) ?? false,
    streamUsage: streamOptions['include_usage'] === true,
    messages: decodeMessages(messages, losses),
    tools: decodeTools(listIn(body, 'tools', '', losses), losses),
    toolChoice: decodeToolChoice(body['tool_choice'], losses),
    parallelTools: flagIn(body, 'parallel_tool_calls', '', losses),
    output: decodeOutput(body['response_format'], losses),
    reasoning: decodeReasoning(body, losses),
    maxOutputTokens: number('max_completion_tokens') ?? number('max_tokens'),
    temperature: number('temperature'),
    topP: number('top_p'),
    topK: number('top_k'),
    stop: stringsIn(body, 'stop', '', losses),
    // `random_seed` is Mistral's word.
    seed: number('seed') ?? number('random_seed'),
    presencePenalty: number('presence_penalty'),
    frequencyPenalty: number('frequency_penalty'),
    cacheKey: text('prompt_cache_key'),
    user: user ?? safetyId,
    verbosity: decodeVerbosity(body['verbosity'], losses),
  };
  return { request, losses: losses.found };
}

const USAGE_KEY: ReadonlySet<string> = new Set(['include_usage']);

/** `reasoning_effort`, or OpenRouter's `reasoning` object. */
function decodeReasoning(body: Values, losses: LossList): Reasoning | undefined {
  const word = body['reasoning_effort'];
  if (says(word))
    return { effort: effortIn(word, '/reasoning_effort', losses), budgetTokens: undefined, visible: undefined };
  if (!says(body['reasoning'])) return undefined;
  const reasoning = asObject(body['reasoning']);
  if (reasoning === undefined) {
    losses.add('not-understood', '/reasoning');
    return undefined;
  }
  losses.unknownMembers(reasoning, '/reasoning', REASONING_KEYS);
  const effort = says(reasoning['effort']) ? effortIn(reasoning['effort'], '/reasoning/effort', losses) : undefined;
  const budget = numberIn(reasoning, 'max_tokens', '/reasoning', losses);
  return {
    effort: reasoning['enabled'] === false ? 'none' : effort,
    budgetTokens: effort === undefined && reasoning['enabled'] !== false ? budget : undefined,
    visible: reasoning['exclude'] === true ? false : undefined,
  };
}

const REASONING_KEYS: ReadonlySet<string> = new Set(['effort', 'max_tokens', 'enabled', 'exclude']);

function isEffort(value: unknown): value is ReasoningEffort {
  return EFFORTS.has(value);
}

/** Groq's `default` leaves it to the model, as do words that we do not know. */
function effortIn(value: unknown, at: string, losses: LossList): ReasoningEffort | undefined {
  if (isEffort(value)) return value;
  if (value !== 'default') losses.add('reasoning-effort', at);
  return undefined;
}

function decodeVerbosity(value: unknown, losses: LossList): HubRequest['verbosity'] {
  if (value === 'low' || value === 'medium' || value === 'high') return value;
  if (says(value)) losses.add('verbosity', '/verbosity');
  return undefined;
}
