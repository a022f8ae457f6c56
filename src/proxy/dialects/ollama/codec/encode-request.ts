// SPDX-License-Identifier: Apache-2.0
// A request of the hub for Ollama's /api/chat. What it has no word for is a loss. Pure.

import type { EncodedRequest, EncodeTarget } from '../../hub/codec.ts';
import type { HubRequest, Tool } from '../../hub/hub.ts';
import { LossList } from '../../hub/losses.ts';
import { effortOf } from '../../hub/reasoning.ts';
import type { Values } from '../../json/values.ts';
import { forHost } from '../../openai/codec/host-quirks.ts';
import { encodeOllamaMessages } from './encode-messages.ts';

export function encodeOllamaRequest(request: HubRequest, target: EncodeTarget): EncodedRequest {
  const losses = new LossList();
  const options = without({
    num_predict: maxTokens(request, target, losses),
    temperature: request.temperature,
    top_p: request.topP,
    top_k: request.topK,
    seed: request.seed,
    stop: request.stop.length === 0 ? undefined : request.stop,
    presence_penalty: request.presencePenalty,
    frequency_penalty: request.frequencyPenalty,
  });
  if (request.cacheKey !== undefined) losses.add('cache-key', '/cacheKey');
  if (request.user !== undefined) losses.add('user', '/user');
  if (request.verbosity !== undefined) losses.add('verbosity', '/verbosity');
  const body = without({
    model: target.model,
    messages: encodeOllamaMessages(request.messages, target.facts, losses),
    tools: encodeTools(request, target, losses),
    format: encodeFormat(request, target, losses),
    think: encodeThink(request, target, losses),
    options: Object.keys(options).length === 0 ? undefined : options,
    // Ollama streams unless told not to.
    stream: request.stream,
  });
  return { body: forHost(body, target.quirks, losses), losses: losses.found, toolNames: new Map() };
}

function without(members: Values): Values {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function maxTokens(
  { maxOutputTokens: asked }: HubRequest,
  { facts }: EncodeTarget,
  losses: LossList,
): number | undefined {
  if (asked === undefined || facts.outputTokens === undefined || asked <= facts.outputTokens) return asked;
  losses.add('max-tokens-lowered', '/options/num_predict');
  return facts.outputTokens;
}

function encodeTools(request: HubRequest, { facts }: EncodeTarget, losses: LossList): readonly Values[] | undefined {
  const { tools, toolChoice, parallelTools } = request;
  const used = request.messages.some(({ parts }) => parts.some(({ kind }) => kind === 'tool-call'));
  if (facts.tools === false && (tools.length > 0 || used)) losses.add('no-tools', '/tools');
  if (toolChoice?.kind === 'required' || toolChoice?.kind === 'tool') losses.add('tool-choice', '/tool_choice');
  // There is no tool choice here; a model that is shown no tools calls none.
  if (tools.length === 0 || toolChoice?.kind === 'none') return undefined;
  if (parallelTools === false) losses.add('parallel-tools', '/parallel_tool_calls');
  return tools.map((tool, index) => encodeTool(tool, `/tools/${index}`, losses));
}

function encodeTool(tool: Tool, at: string, losses: LossList): Values {
  if (tool.strict === true) losses.add('tool-strict', at);
  if (tool.cache !== undefined) losses.add('cache-control', at);
  const { name, description, parameters } = tool;
  return { type: 'function', function: without({ name, description, parameters }) };
}

function encodeFormat({ output }: HubRequest, { facts, quirks }: EncodeTarget, losses: LossList): unknown {
  if (output === undefined) return undefined;
  const takes = quirks.jsonSchema ?? 'native';
  if (output.kind === 'json-object') {
    if (takes !== 'none') return 'json';
    losses.add('json-object-mode', '/format');
    return undefined;
  }
  if (takes === 'native' && facts.jsonSchema !== false) return output.schema;
  losses.add('no-json-schema', '/format');
  return undefined;
}

/** Models without levels take a level as "on". */
function encodeThink(
  { reasoning }: HubRequest,
  { facts }: EncodeTarget,
  losses: LossList,
): boolean | string | undefined {
  if (reasoning === undefined) return undefined;
  if (facts.reasoning === false) {
    if (reasoning.effort !== 'none') losses.add('reasoning-unsupported', '/think');
    return undefined;
  }
  if (reasoning.effort === 'none') return false;
  const effort = effortOf(reasoning);
  if (reasoning.budgetTokens !== undefined || effort !== reasoning.effort) losses.add('reasoning-effort', '/think');
  return effort ?? true;
}
