// SPDX-License-Identifier: Apache-2.0
// A request that goes to another host of its own dialect: the members that this host refuses or calls otherwise, spliced. Everything
// else stays byte for byte. What a codec does with quirks when it writes a request anew is the codec's business.

import { editMembers, memberTexts } from '../json/edit.ts';
import { asObject, parseValue } from '../json/values.ts';
import type { Quirks } from './codec.ts';
import type { Loss, LossCode } from './loss.ts';
import { LossList } from './losses.ts';

/** What is lost with a member; others are `unknown-field`. */
const CODES: Readonly<Partial<Record<string, LossCode>>> = {
  audio: 'output-modality',
  frequency_penalty: 'penalties',
  logit_bias: 'logit-bias',
  logprobs: 'logprobs',
  metadata: 'metadata',
  modalities: 'output-modality',
  parallel_tool_calls: 'parallel-tools',
  prediction: 'predicted-output',
  presence_penalty: 'penalties',
  prompt_cache_key: 'cache-key',
  prompt_cache_retention: 'cache-control',
  safety_identifier: 'user',
  seed: 'seed',
  service_tier: 'service-tier',
  store: 'store',
  stream_options: 'stream-options',
  top_logprobs: 'logprobs',
  user: 'user',
  verbosity: 'verbosity',
  web_search_options: 'server-tool',
};

const EMPTY = /^(?:null|false|""|\{\s*\}|\[\s*\])$/;

/** What values of a member ask for nothing, so that nothing is lost with them, where that is not just what is empty. */
const ASKS_NOTHING: Readonly<Partial<Record<string, RegExp>>> = {
  frequency_penalty: /^(?:null|-?0(?:\.0+)?)$/,
  modalities: /^(?:null|\[\s*(?:"text"\s*)?\])$/,
  // Only "one call at a time" asks for something.
  parallel_tool_calls: /^(?:null|true)$/,
  presence_penalty: /^(?:null|-?0(?:\.0+)?)$/,
  service_tier: /^(?:null|"auto"|"default")$/,
  // Hosts that refuse it send the usage anyway.
  stream_options: /^/,
  top_logprobs: /^(?:null|0)$/,
};

export interface FittedBody {
  /** The same buffer where nothing had to change. */
  readonly body: Buffer;
  /** What went, as in a translation: an essential loss means that the host cannot do what was asked. */
  readonly losses: readonly Loss[];
}

const OTHER_MAX_TOKENS = { max_tokens: 'max_completion_tokens', max_completion_tokens: 'max_tokens' } as const;

/** Never throws. A body that is no JSON object stays as it is. */
export function fitQuirks(body: Buffer, quirks: Quirks): FittedBody {
  const remove = [...(quirks.refuses ?? [])];
  if (quirks.noStreamOptions) remove.push('stream_options');
  if (quirks.noParallelTools) remove.push('parallel_tool_calls');
  const rename: Record<string, string> = { ...quirks.renames };
  if (quirks.maxTokensKey !== undefined) rename[OTHER_MAX_TOKENS[quirks.maxTokensKey]] = quirks.maxTokensKey;
  const texts = memberTexts(body, [...remove, 'response_format', 'tool_choice']);

  const losses = new LossList();
  for (const name of remove) {
    const text = texts.get(name);
    if (text === undefined || (ASKS_NOTHING[name] ?? EMPTY).test(text)) continue;
    losses.add(CODES[name] ?? 'unknown-field', CODES[name] === undefined ? '' : `/${name}`);
  }
  const format = asObject(parseValue(texts.get('response_format') ?? 'null'))?.['type'];
  const takesSchema = quirks.jsonSchema === undefined || quirks.jsonSchema === 'native';
  if (format === 'json_schema' && !takesSchema) losses.add('no-json-schema', '/response_format');
  if (format === 'json_object' && quirks.jsonSchema === 'none') losses.add('json-object-mode', '/response_format');

  const any = quirks.toolChoiceRequired === 'any' && texts.get('tool_choice') === '"required"';
  return {
    body: editMembers(body, { remove, rename, ...(any ? { set: { tool_choice: '"any"' } } : {}) }),
    losses: losses.found,
  };
}
