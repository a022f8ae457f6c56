// SPDX-License-Identifier: Apache-2.0
// A hub request as the body of Anthropic Messages, or of Bedrock InvokeModel for Anthropic models. What the host or the model cannot
// take makes a loss. Pure; key order is fixed, because prompt caches hash it.

import { closedSchema } from '../../hub/closed-schema.ts';
import type { EncodedRequest, EncodeTarget } from '../../hub/codec.ts';
import type { HubRequest, JsonSchema, Tool } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { LossList } from '../../hub/losses.ts';
import { createIdFitter, isBlank, pairedConversation, type Turn, usedToolNames } from '../../hub/paired-turns.ts';
import { fitToolNames, type ToolNames } from '../../hub/tool-names.ts';
import { cacheControl, encodeParts, type PartContext } from './encode-parts.ts';
import { claudeSampling, ownOpaque, planThinking } from './thinking.ts';

/** `bedrock`: InvokeModel's envelope. What a host refuses within it is told by its quirks. */
export type AnthropicHost = 'anthropic' | 'bedrock';

/** Bedrock's only version (InvokeModel, Anthropic Claude Messages API). */
const BEDROCK_VERSION = 'bedrock-2023-05-31';
/** Anthropic's bound on `metadata.user_id`. */
const MAX_USER_ID = 256;

export function encodeAnthropicRequest(host: AnthropicHost, request: HubRequest, target: EncodeTarget): EncodedRequest {
  const losses = new LossList();
  const { system, turns } = pairedConversation(request.messages, losses);
  const names = fitToolNames(request);
  const context: PartContext = {
    target,
    losses,
    toolName: (name) => names.fit(name),
    toolId: createIdFitter(turns),
    opaque: (part) => ownOpaque(part, 'anthropic-messages', target),
  };
  const { config, effort, maxTokens, on } = planThinking(
    request,
    turns,
    target,
    outputLimit(request, target, losses),
    (part) => context.opaque(part) !== undefined,
    losses,
  );
  const sampling = claudeSampling(request, target, on, losses);
  const systemBlocks = encodeParts(system, '/system', context);
  const messages = turns.map(({ role, parts }, at) => ({
    role,
    content: encodeParts(parts, `/messages/${at}`, context),
  }));
  if (messages.some(({ content }) => content.length === 0)) losses.add('not-understood', '/messages');
  const tools = encodeTools(request, turns, names, target, losses);
  const format = encodeFormat(request, target, losses);
  const outputConfig = effort === undefined && format === undefined ? undefined : { effort, format };
  const stop = request.stop.filter((sequence) => !isBlank(sequence));
  if (stop.length < request.stop.length) losses.add('stop-sequences', '/stop');
  addUnsaid(request, losses);
  const body: Record<string, unknown> = {
    ...(host === 'bedrock' ? { anthropic_version: BEDROCK_VERSION } : { model: target.model }),
    max_tokens: maxTokens,
    system: systemBlocks.length === 0 ? undefined : systemBlocks,
    messages,
    tools: tools.length === 0 ? undefined : tools,
    tool_choice: encodeChoice(request, tools.length > 0, names, losses),
    thinking: config,
    output_config: outputConfig,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    stop_sequences: stop.length === 0 ? undefined : stop,
    metadata: encodeUser(request, losses),
    stream: host === 'anthropic' && request.stream ? true : undefined,
  };
  return { body: applyQuirks(body, target, losses), losses: losses.found, toolNames: names.changed };
}

function outputLimit(request: HubRequest, target: EncodeTarget, losses: LossList): number {
  const { maxOutputTokens } = request;
  if (maxOutputTokens === undefined) {
    losses.add('max-tokens-added', '/max_tokens');
    return target.defaultMaxTokens;
  }
  const most = target.facts.outputTokens ?? maxOutputTokens;
  if (maxOutputTokens > most) losses.add('max-tokens-lowered', '/max_tokens');
  return Math.min(maxOutputTokens, most);
}

/** Any object: for tools without parameters, and for tools that only the history knows. */
const NO_PARAMETERS: JsonSchema = { type: 'object', properties: {} };

function encodeTools(
  { tools }: HubRequest,
  turns: readonly Turn[],
  names: ToolNames,
  target: EncodeTarget,
  losses: LossList,
): readonly unknown[] {
  if (tools.length > 0) {
    if (target.facts.tools === false) losses.add('no-tools', '/tools');
    if (names.changed.size > 0) losses.add('tool-name', '/tools');
    return tools.map((tool, at) => encodeTool(tool, at, names, target, losses));
  }
  const used = usedToolNames(turns);
  if (used.length > 0) losses.add('tool-stub', '/tools');
  return used.map((name) => ({ name: names.fit(name), input_schema: NO_PARAMETERS }));
}

function encodeTool(tool: Tool, at: number, names: ToolNames, target: EncodeTarget, losses: LossList): unknown {
  const parameters = tool.parameters ?? NO_PARAMETERS;
  // A strict tool's schema must fit the grammar; one that does not is better kept whole than strict.
  const strict = tool.strict === true && target.quirks.noStrictTools !== true && !closedSchema(parameters).changed;
  if (tool.strict === true && !strict) losses.add('tool-strict', `/tools/${at}`);
  return {
    name: names.fit(tool.name),
    description: tool.description,
    input_schema: parameters['type'] === undefined ? { type: 'object', ...parameters } : parameters,
    strict: strict ? true : undefined,
    cache_control: cacheControl(tool.cache, target, losses, `/tools/${at}`),
  };
}

function encodeChoice(request: HubRequest, hasTools: boolean, names: ToolNames, losses: LossList): unknown {
  const { toolChoice, parallelTools } = request;
  if (request.tools.length === 0) {
    if (toolChoice?.kind === 'required' || toolChoice?.kind === 'tool') losses.add('tool-choice', '/tool_choice');
    return hasTools ? { type: 'none' } : undefined; // the tools are stubs then
  }
  const one = parallelTools === false ? { disable_parallel_tool_use: true } : {};
  switch (toolChoice?.kind) {
    case undefined:
      return parallelTools === false ? { type: 'auto', ...one } : undefined;
    case 'auto':
      return { type: 'auto', ...one };
    case 'none':
      return { type: 'none' };
    case 'required':
      return { type: 'any', ...one };
    case 'tool':
      return { type: 'tool', name: names.fit(toolChoice.name), ...one };
  }
}

function encodeFormat({ output }: HubRequest, target: EncodeTarget, losses: LossList): unknown {
  if (output === undefined) return undefined;
  if (output.kind === 'json-object') {
    losses.add('json-object-mode', '/output');
    return undefined;
  }
  if (target.facts.jsonSchema === false || (target.quirks.jsonSchema ?? 'native') !== 'native') {
    losses.add('no-json-schema', '/output');
    return undefined;
  }
  const { schema, changed } = closedSchema(output.schema);
  if (changed) losses.add('schema-simplified', '/output');
  return { type: 'json_schema', schema };
}

function encodeUser({ user }: HubRequest, losses: LossList): unknown {
  if (user === undefined) return undefined;
  if (user.length <= MAX_USER_ID) return { user_id: user };
  losses.add('user', '/user');
  return undefined;
}

/** What no Claude can be told. */
export function addUnsaid(request: HubRequest, losses: LossList): void {
  if (request.seed !== undefined) losses.add('seed', '/seed');
  if (request.presencePenalty || request.frequencyPenalty) losses.add('penalties', '/penalties');
  if (request.cacheKey !== undefined) losses.add('cache-key', '/cache_key');
  if (request.verbosity !== undefined) losses.add('verbosity', '/verbosity');
}

const REFUSED: ReadonlyMap<string, LossCode> = new Map<string, LossCode>([
  ['temperature', 'temperature'],
  ['top_p', 'top-p'],
  ['top_k', 'top-k'],
  ['stop_sequences', 'stop-sequences'],
  ['metadata', 'user'],
  ['thinking', 'reasoning-unsupported'],
  ['tool_choice', 'tool-choice'],
  ['tools', 'no-tools'],
  ['output_config', 'no-json-schema'],
]);

/** Members in order, without those that say nothing or that the host refuses. */
function applyQuirks(body: Readonly<Record<string, unknown>>, target: EncodeTarget, losses: LossList) {
  const { refuses = [], renames = {} } = target.quirks;
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined) continue;
    if (refuses.includes(name)) losses.add(REFUSED.get(name) ?? 'unknown-field', `/${name}`);
    else out[Object.hasOwn(renames, name) ? (renames[name] ?? name) : name] = value;
  }
  return out;
}
