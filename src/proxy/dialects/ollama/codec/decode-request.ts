// SPDX-License-Identifier: Apache-2.0
// Ollama's chat request to the hub. Every member is understood or makes a loss entry. /api/generate is not translated. Never throws.

import type { Recognised } from '../../dialect.ts';
import type { DecodedRequest } from '../../hub/codec.ts';
import type { HubRequest, OutputFormat, Reasoning } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { LossList } from '../../hub/losses.ts';
import { listIn, objectIn, says, stringsIn } from '../../hub/members.ts';
import { flagIn, numberIn } from '../../hub/scalars.ts';
import { unreadable } from '../../hub/unreadable.ts';
import { asObject } from '../../json/values.ts';
import { decodeTools } from '../../openai/codec/decode-tools.ts';
import { decodeOllamaMessages } from './decode-messages.ts';

const KNOWN: ReadonlySet<string> = new Set(['model', 'messages', 'stream', 'tools', 'format', 'options', 'think']);

const LOSS_OF: Readonly<Partial<Record<string, LossCode>>> = {
  logprobs: 'logprobs',
  top_logprobs: 'logprobs',
  truncate: 'truncation',
  shift: 'truncation',
  // How long the model stays in this machine's memory.
  keep_alive: 'service-tier',
};

const OPTIONS: ReadonlySet<string> = new Set([
  'num_predict',
  'temperature',
  'top_p',
  'top_k',
  'seed',
  'stop',
  'presence_penalty',
  'frequency_penalty',
]);

const OPTION_LOSSES: Readonly<Partial<Record<string, LossCode>>> = {
  repeat_penalty: 'penalties',
  repeat_last_n: 'penalties',
  min_p: 'top-p',
  typical_p: 'top-p',
  tfs_z: 'top-p',
  num_ctx: 'truncation',
  num_keep: 'truncation',
};

export function decodeOllamaRequest(recognised: Recognised, value: unknown): DecodedRequest {
  const losses = new LossList();
  const body = asObject(value);
  const messages = body?.['messages'];
  const model = body?.['model'];
  if (
    body === undefined ||
    !Array.isArray(messages) ||
    typeof model !== 'string' ||
    recognised.operation !== 'generate'
  ) {
    return unreadable(losses, '');
  }
  losses.unknownMembers(body, '', KNOWN, LOSS_OF);
  const options = objectIn(body, 'options', '', losses) ?? {};
  losses.unknownMembers(options, '/options', OPTIONS, OPTION_LOSSES);
  const number = (key: string) => numberIn(options, key, '/options', losses);
  const limit = number('num_predict');
  const request: HubRequest = {
    model,
    stream: flagIn(body, 'stream', '', losses) ?? true,
    streamUsage: true,
    messages: decodeOllamaMessages(messages, losses),
    tools: decodeTools(listIn(body, 'tools', '', losses), losses),
    toolChoice: undefined,
    parallelTools: undefined,
    output: decodeFormat(body['format'], losses),
    reasoning: decodeThink(body['think'], losses),
    // -1 and -2 mean no limit of the caller's.
    maxOutputTokens: limit !== undefined && limit > 0 ? limit : undefined,
    temperature: number('temperature'),
    topP: number('top_p'),
    topK: number('top_k'),
    stop: stringsIn(options, 'stop', '/options', losses),
    seed: number('seed'),
    presencePenalty: number('presence_penalty'),
    frequencyPenalty: number('frequency_penalty'),
    cacheKey: undefined,
    user: undefined,
    verbosity: undefined,
  };
  return { request, losses: losses.found };
}

/** Ollama holds the model to the schema with a grammar: that is strict. */
function decodeFormat(value: unknown, losses: LossList): OutputFormat | undefined {
  if (!says(value)) return undefined;
  if (value === 'json') return { kind: 'json-object' };
  const schema = asObject(value);
  if (schema !== undefined) return { kind: 'json-schema', name: undefined, schema, strict: true };
  losses.add('no-json-schema', '/format');
  return undefined;
}

function decodeThink(value: unknown, losses: LossList): Reasoning | undefined {
  if (value === false) return { effort: 'none', budgetTokens: undefined, visible: undefined };
  if (!says(value)) return undefined;
  const effort = LEVELS.find((level) => level === value);
  if (effort === undefined && value !== true) losses.add('reasoning-effort', '/think');
  return { effort, budgetTokens: undefined, visible: true };
}

const LEVELS = ['low', 'medium', 'high', 'max'] as const;
