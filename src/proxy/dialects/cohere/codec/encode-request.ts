// SPDX-License-Identifier: Apache-2.0
// The hub's request as a Cohere v2 chat request. Limits are those of Cohere's API reference for POST /v2/chat.

import type { EncodedRequest, EncodeTarget } from '../../hub/codec.ts';
import type { HubRequest, JsonSchema, Tool } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { LossList } from '../../hub/losses.ts';
import { budgetOf } from '../../hub/reasoning.ts';
import { fitToolNames, type ToolNames } from '../../hub/tool-names.ts';
import { asArray, type Values } from '../../json/values.ts';
import { encodeMessages } from './encode-messages.ts';

const MAX_STOP_SEQUENCES = 5;
const MAX_TOP_K = 500;
const MIN_TOP_P = 0.01;
const MAX_TOP_P = 0.99;

const NO_PARAMETERS: JsonSchema = { type: 'object', properties: {} };

export function encodeRequest(request: HubRequest, target: EncodeTarget): EncodedRequest {
  const losses = new LossList();
  const names = fitToolNames(request);
  const messages = encodeMessages(request.messages, target, names, losses);
  if (messages.length === 0) losses.add('not-understood', '/messages');
  if (messages.at(-1)?.['role'] === 'assistant') losses.add('prefill', '/messages');
  noteUnsaid(request, losses);
  if (names.changed.size > 0) losses.add('tool-name', '/tools');
  const members: Values = {
    model: target.model,
    messages,
    ...encodeTools(request, target, names, losses),
    response_format: encodeFormat(request, target, losses),
    thinking: encodeThinking(request, target, losses),
    max_tokens: encodeMaxTokens(request.maxOutputTokens, target, losses),
    ...encodeSampling(request, target, losses),
    stop_sequences: encodeStop(request.stop, losses),
    stream: request.stream,
  };
  const body = Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
  return { body, losses: losses.found, toolNames: names.changed };
}

function encodeTools(request: HubRequest, { facts }: EncodeTarget, names: ToolNames, losses: LossList): Values {
  const { toolChoice, parallelTools } = request;
  if (request.tools.length === 0) return {};
  if (facts.tools === false) losses.add('no-tools', '/tools');
  if (parallelTools === false) losses.add('parallel-tools', '/parallel_tool_calls');
  if (request.tools.some(({ cache }) => cache !== undefined)) losses.add('cache-control', '/tools');
  let { tools } = request;
  if (toolChoice?.kind === 'tool') {
    // Cohere can ask for some tool only; that it be this one is said by offering no other.
    tools = tools.filter(({ name }) => name === toolChoice.name);
    if (tools.length === 0) losses.add('tool-choice', '/tool_choice');
  }
  const strict = encodeStrict(tools, losses);
  return {
    tools: tools.map(({ name, description, parameters }) => {
      const declared = { name: names.fit(name), ...(description === undefined ? {} : { description }) };
      return { type: 'function', function: { ...declared, parameters: parameters ?? NO_PARAMETERS } };
    }),
    strict_tools: strict || undefined,
    tool_choice: choiceWord(toolChoice?.kind),
  };
}

/** Strictness is for all tools or none, and only with tools that must be given something. */
function encodeStrict(tools: readonly Tool[], losses: LossList): boolean {
  if (!tools.some(({ strict }) => strict === true)) return false;
  const able = tools.every(({ strict, parameters }) => {
    return strict === true && asArray(parameters?.['required']).length > 0;
  });
  if (!able) losses.add('tool-strict', '/tools');
  return able;
}

function choiceWord(kind: 'auto' | 'none' | 'required' | 'tool' | undefined): string | undefined {
  switch (kind) {
    case 'none':
      return 'NONE';
    case 'required':
    case 'tool':
      return 'REQUIRED';
    default:
      return undefined;
  }
}

/** Cohere refuses a response format beside tools. */
function encodeFormat({ output, tools }: HubRequest, target: EncodeTarget, losses: LossList): Values | undefined {
  if (output === undefined) return undefined;
  if (output.kind === 'json-object') {
    if (tools.length === 0) return { type: 'json_object' };
    losses.add('json-object-mode', '/response_format');
    return undefined;
  }
  if (tools.length > 0 || target.facts.jsonSchema === false) losses.add('no-json-schema', '/response_format');
  return { type: 'json_object', json_schema: output.schema };
}

function encodeThinking(request: HubRequest, { facts, defaultMaxTokens }: EncodeTarget, losses: LossList) {
  const { reasoning } = request;
  if (reasoning === undefined) return undefined;
  const off = reasoning.effort === 'none' || reasoning.budgetTokens === 0;
  if (facts.reasoning === false) {
    if (!off) losses.add('reasoning-unsupported', '/reasoning');
    return undefined;
  }
  if (off) return { type: 'disabled' };
  if (reasoning.effort === undefined) return { type: 'enabled', ...budget(reasoning.budgetTokens) };
  losses.add('reasoning-effort', '/reasoning');
  return { type: 'enabled', ...budget(budgetOf(reasoning, request.maxOutputTokens ?? defaultMaxTokens)) };
}

function budget(tokens: number | undefined): Values {
  return tokens === undefined ? {} : { token_budget: tokens };
}

function encodeMaxTokens(wanted: number | undefined, { facts }: EncodeTarget, losses: LossList): number | undefined {
  if (wanted === undefined || facts.outputTokens === undefined || wanted <= facts.outputTokens) return wanted;
  losses.add('max-tokens-lowered', '/max_tokens');
  return facts.outputTokens;
}

function encodeSampling(request: HubRequest, { facts }: EncodeTarget, losses: LossList): Values {
  const able = facts.temperature !== false;
  const { temperature, topP } = request;
  if (!able && temperature !== undefined) losses.add('temperature', '/temperature');
  if (!able && topP !== undefined) losses.add('top-p', '/top_p');
  // 1 means "all", which Cohere has no word for; the largest value is as good.
  const p = within(topP === 1 ? MAX_TOP_P : topP, MIN_TOP_P, MAX_TOP_P, 'top-p', losses);
  return {
    temperature: able ? temperature : undefined,
    p: able ? p : undefined,
    k: within(request.topK, 0, MAX_TOP_K, 'top-k', losses),
    seed: request.seed,
    frequency_penalty: within(request.frequencyPenalty, 0, 1, 'penalties', losses),
    presence_penalty: within(request.presencePenalty, 0, 1, 'penalties', losses),
  };
}

function within(
  value: number | undefined,
  least: number,
  most: number,
  code: LossCode,
  losses: LossList,
): number | undefined {
  if (value === undefined) return undefined;
  const bounded = Math.min(Math.max(value, least), most);
  if (bounded !== value) losses.add(code, '');
  return bounded;
}

function encodeStop(stop: readonly string[], losses: LossList): readonly string[] | undefined {
  if (stop.length > MAX_STOP_SEQUENCES) losses.add('stop-sequences', '/stop');
  return stop.length === 0 ? undefined : stop.slice(0, MAX_STOP_SEQUENCES);
}

/** What Cohere has no member for. */
function noteUnsaid(request: HubRequest, losses: LossList): void {
  if (request.cacheKey !== undefined) losses.add('cache-key', '');
  if (request.user !== undefined) losses.add('user', '');
  if (request.verbosity !== undefined) losses.add('verbosity', '');
}
