// SPDX-License-Identifier: Apache-2.0
// Chat Completions: a request of the hub as the document for OpenAI and the hosts that imitate it. What host or model cannot take is a
// loss. Key order is fixed and schemas go on by reference, so that prompt caches hold. Pure.

import type { EncodedRequest, EncodeTarget, ModelFacts, Quirks } from '../../hub/codec.ts';
import type { HubRequest, OutputFormat, Tool, ToolChoice } from '../../hub/hub.ts';
import { LossList } from '../../hub/losses.ts';
import { effortOf } from '../../hub/reasoning.ts';
import { fitToolNames, type ToolNames } from '../../hub/tool-names.ts';
import type { Values } from '../../json/values.ts';
import { encodeMessages } from './encode-messages.ts';
import { forHost } from './host-quirks.ts';
import { keepsStrictRules } from './strict-schema.ts';

/** Names of tools and of schemas. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** The API takes four. */
const MAX_STOPS = 4;

export function encodeChatRequest(request: HubRequest, target: EncodeTarget): EncodedRequest {
  const losses = new LossList();
  const { facts, quirks } = target;
  const names = fitToolNames(request, NAME);
  const sampling = facts.temperature !== false;
  if (!sampling) sampleLosses(request, losses);
  if (request.topK !== undefined) losses.add('top-k', '/top_k');
  const messages = encodeMessages(request.messages, { names, facts, quirks, losses });
  const body = without({
    model: target.model,
    messages,
    ...encodeTools(request, names, target, losses),
    response_format: encodeOutput(request.output, facts, quirks, losses),
    reasoning_effort: encodeEffort(request, facts, losses),
    [quirks.maxTokensKey ?? 'max_completion_tokens']: maxTokens(request.maxOutputTokens, facts, losses),
    temperature: sampling ? request.temperature : undefined,
    top_p: sampling ? request.topP : undefined,
    stop: encodeStops(request.stop, losses),
    seed: request.seed,
    presence_penalty: sampling ? request.presencePenalty : undefined,
    frequency_penalty: sampling ? request.frequencyPenalty : undefined,
    prompt_cache_key: request.cacheKey,
    user: request.user,
    verbosity: request.verbosity,
    stream: request.stream ? true : undefined,
    // Asked for even if the caller did not: the record and the prices need it.
    stream_options: request.stream && !quirks.noStreamOptions ? { include_usage: true } : undefined,
  });
  if (names.changed.size > 0) losses.add('tool-name', '/tools');
  return { body: forHost(body, quirks, losses), losses: losses.found, toolNames: names.changed };
}

function without(members: Values): Values {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function sampleLosses(request: HubRequest, losses: LossList): void {
  if (request.temperature !== undefined) losses.add('temperature', '/temperature');
  if (request.topP !== undefined) losses.add('top-p', '/top_p');
  if (request.presencePenalty || request.frequencyPenalty) losses.add('penalties', '/presence_penalty');
}

function maxTokens(asked: number | undefined, facts: ModelFacts, losses: LossList): number | undefined {
  if (asked === undefined || facts.outputTokens === undefined || asked <= facts.outputTokens) return asked;
  losses.add('max-tokens-lowered', '/max_completion_tokens');
  return facts.outputTokens;
}

function encodeStops(stops: readonly string[], losses: LossList): readonly string[] | undefined {
  if (stops.length > MAX_STOPS) losses.add('stop-sequences', '/stop');
  return stops.length === 0 ? undefined : stops.slice(0, MAX_STOPS);
}

/** Hosts know three words. The words and budgets between them go to the nearest; `none` cannot be said everywhere. */
function encodeEffort({ reasoning }: HubRequest, facts: ModelFacts, losses: LossList): string | undefined {
  if (reasoning === undefined) return undefined;
  if (facts.reasoning === false) {
    if (reasoning.effort !== 'none') losses.add('reasoning-unsupported', '/reasoning_effort');
    return undefined;
  }
  const effort = effortOf(reasoning);
  if (reasoning.budgetTokens !== undefined || effort !== reasoning.effort) {
    losses.add('reasoning-effort', '/reasoning_effort');
  }
  return effort;
}

function encodeTools(request: HubRequest, names: ToolNames, { facts, quirks }: EncodeTarget, losses: LossList): Values {
  const used = request.messages.some(({ parts }) => parts.some(({ kind }) => kind === 'tool-call'));
  if (facts.tools === false && (request.tools.length > 0 || used)) losses.add('no-tools', '/tools');
  const { toolChoice, parallelTools } = request;
  if (request.tools.length === 0) {
    if (toolChoice?.kind === 'required' || toolChoice?.kind === 'tool') losses.add('tool-choice', '/tool_choice');
    return {};
  }
  if (parallelTools === false && quirks.noParallelTools) losses.add('parallel-tools', '/parallel_tool_calls');
  return {
    tools: request.tools.map((tool, index) => encodeTool(tool, `/tools/${index}`, names, quirks, losses)),
    tool_choice: encodeChoice(toolChoice, names, quirks),
    parallel_tool_calls: quirks.noParallelTools ? undefined : parallelTools,
  };
}

function encodeTool(tool: Tool, at: string, names: ToolNames, quirks: Quirks, losses: LossList): Values {
  if (tool.cache !== undefined) losses.add('cache-control', at);
  let { strict } = tool;
  if (strict === true && (quirks.noStrictTools || !keepsStrictRules(tool.parameters ?? {}))) {
    losses.add('tool-strict', at);
    strict = undefined;
  }
  return {
    type: 'function',
    function: {
      name: names.fit(tool.name),
      ...(tool.description === undefined ? {} : { description: tool.description }),
      ...(tool.parameters === undefined ? {} : { parameters: tool.parameters }),
      ...(strict === undefined || quirks.noStrictTools ? {} : { strict }),
    },
  };
}

function encodeChoice(choice: ToolChoice | undefined, names: ToolNames, quirks: Quirks): unknown {
  switch (choice?.kind) {
    case 'tool':
      return { type: 'function', function: { name: names.fit(choice.name) } };
    case 'required':
      return quirks.toolChoiceRequired ?? 'required';
    default:
      return choice?.kind;
  }
}

function encodeOutput(
  output: OutputFormat | undefined,
  facts: ModelFacts,
  quirks: Quirks,
  losses: LossList,
): Values | undefined {
  if (output === undefined) return undefined;
  const takes = quirks.jsonSchema ?? 'native';
  if (output.kind === 'json-object') {
    if (takes !== 'none') return { type: 'json_object' };
    losses.add('json-object-mode', '/response_format');
    return undefined;
  }
  if (takes !== 'native' || facts.jsonSchema === false) {
    losses.add('no-json-schema', '/response_format');
    return undefined;
  }
  const name = output.name !== undefined && NAME.test(output.name) ? output.name : 'answer';
  let { strict } = output;
  if (strict === true && !keepsStrictRules(output.schema)) {
    // The schema stays, but the host only tries to keep to it.
    losses.add('schema-simplified', '/response_format');
    strict = undefined;
  }
  const json_schema = { name, schema: output.schema, ...(strict === undefined ? {} : { strict }) };
  return { type: 'json_schema', json_schema };
}
