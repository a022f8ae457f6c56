// SPDX-License-Identifier: Apache-2.0
// The hub's request as a Responses request. Nothing is stored at the provider; what it may keep of its reasoning comes back encrypted.

import type { EncodedRequest, EncodeTarget } from '../../hub/codec.ts';
import type { HubRequest, JsonSchema, Message, OutputFormat, Tool } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { LossList } from '../../hub/losses.ts';
import { effortOf } from '../../hub/reasoning.ts';
import { fitToolNames, type ToolNames } from '../../hub/tool-names.ts';
import { splitSystem } from '../../hub/turns.ts';
import type { Values } from '../../json/values.ts';
import { forHost } from '../../openai/codec/host-quirks.ts';
import { keepsStrictRules } from '../../openai/codec/strict-schema.ts';
import { encodeItems } from './encode-items.ts';

const FIT_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** OpenAI's limit for `prompt_cache_key` and `safety_identifier`. */
const MAX_KEY = 64;
/** Smallest `max_output_tokens` that OpenAI takes. */
const MIN_OUTPUT_TOKENS = 16;
const MAX_TEMPERATURE = 2;

/** A tool without parameters must say so, and in strict mode the object must be closed. */
const NO_PARAMETERS: JsonSchema = { type: 'object', properties: {}, required: [], additionalProperties: false };

export function encodeRequest(request: HubRequest, target: EncodeTarget): EncodedRequest {
  const losses = new LossList();
  const names = fitToolNames(request, FIT_NAME);
  const { instructions, messages } = split(request.messages, losses);
  const last = messages.at(-1);
  if (last?.role === 'assistant') losses.add('prefill', '/messages');
  const reasoning = encodeReasoning(request, target, losses);
  const input = encodeItems(messages, target, names, losses);
  if (input.length === 0) losses.add('not-understood', '/messages');
  noteUnsaid(request, losses);

  const body: Values = {
    model: target.model,
    instructions,
    input,
    ...encodeTools(request, target, names, losses),
    text: encodeText(request, target, losses),
    reasoning: reasoning.settings,
    include: reasoning.on ? ['reasoning.encrypted_content'] : undefined,
    max_output_tokens: encodeMaxTokens(request.maxOutputTokens, target, losses),
    ...encodeSampling(request, target, losses),
    prompt_cache_key: shortKey(request.cacheKey, 'cache-key', losses),
    safety_identifier: shortKey(request.user, 'user', losses),
    // A host that cannot be told has no store.
    store: target.quirks.refuses?.includes('store') ? undefined : false,
    stream: request.stream,
  };
  if (names.changed.size > 0) losses.add('tool-name', '/tools');
  return { body: forHost(defined(body), target.quirks, losses), losses: losses.found, toolNames: names.changed };
}

/** The leading system prompt as `instructions`; without any other message it is the input itself, because there must be one. */
function split(messages: readonly Message[], losses: LossList) {
  const { system, rest } = splitSystem(messages);
  if (rest.length === 0) return { instructions: undefined, messages };
  const leading = messages.slice(0, messages.length - rest.length);
  if (leading.some(({ parts }) => parts.some(({ kind }) => kind !== 'text'))) losses.add('unknown-part', '/messages');
  if (leading.some(({ name }) => name !== undefined)) losses.add('participant-name', '/messages');
  if (system.some(({ cache }) => cache !== undefined)) losses.add('cache-control', '/messages');
  const instructions = system.map(({ text }) => text).join('\n\n');
  return { instructions: instructions === '' ? undefined : instructions, messages: rest };
}

function encodeTools(request: HubRequest, target: EncodeTarget, names: ToolNames, losses: LossList): Values {
  const { tools, toolChoice, parallelTools } = request;
  if (tools.length === 0) return {};
  const { facts, quirks } = target;
  if (facts.tools === false) losses.add('no-tools', '/tools');
  if (quirks.noParallelTools && parallelTools !== undefined) losses.add('parallel-tools', '/parallel_tool_calls');
  return {
    tools: tools.map((tool) => encodeTool(tool, target, names, losses)),
    tool_choice:
      toolChoice === undefined
        ? undefined
        : toolChoice.kind === 'tool'
          ? { type: 'function', name: names.fit(toolChoice.name) }
          : toolChoice.kind === 'required'
            ? (quirks.toolChoiceRequired ?? 'required')
            : toolChoice.kind,
    parallel_tool_calls: quirks.noParallelTools ? undefined : parallelTools,
  };
}

function encodeTool(tool: Tool, { quirks }: EncodeTarget, names: ToolNames, losses: LossList): Values {
  if (tool.cache !== undefined) losses.add('cache-control', '/tools');
  const parameters = tool.parameters ?? NO_PARAMETERS;
  const strict = tool.strict === true && !quirks.noStrictTools && keepsStrictRules(parameters);
  if (tool.strict === true && !strict) losses.add('tool-strict', '/tools');
  return defined({
    type: 'function',
    name: names.fit(tool.name),
    description: tool.description,
    parameters,
    // Left out it would mean strict here, and the schema would be rewritten.
    strict: quirks.noStrictTools ? undefined : strict,
  });
}

function encodeText({ output, verbosity }: HubRequest, target: EncodeTarget, losses: LossList): Values | undefined {
  const format = output === undefined ? undefined : encodeFormat(output, target, losses);
  if (format === undefined && verbosity === undefined) return undefined;
  return defined({ format, verbosity });
}

function encodeFormat(output: OutputFormat, { facts, quirks }: EncodeTarget, losses: LossList): Values | undefined {
  const able = quirks.jsonSchema ?? 'native';
  if (output.kind === 'json-object') {
    if (able !== 'none') return { type: 'json_object' };
    losses.add('json-object-mode', '/output');
    return undefined;
  }
  if (able !== 'native' || facts.jsonSchema === false) losses.add('no-json-schema', '/output');
  const name = (output.name ?? '').replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64) || 'response';
  // The schema stays, but without these rules OpenAI only tries to keep to it.
  const loose = output.strict === true && !keepsStrictRules(output.schema);
  if (loose) losses.add('schema-simplified', '/output');
  return defined({ type: 'json_schema', name, schema: output.schema, strict: loose ? false : output.strict });
}

interface EncodedReasoning {
  /** May the model reason? Asking others for their encrypted reasoning is refused. */
  readonly on: boolean;
  readonly settings: Values | undefined;
}

function encodeReasoning(request: HubRequest, { facts }: EncodeTarget, losses: LossList): EncodedReasoning {
  const { reasoning } = request;
  if (reasoning === undefined) return { on: facts.reasoning === true, settings: undefined };
  if (reasoning.effort === 'none' || reasoning.budgetTokens === 0) {
    // Only newer models can be told not to reason; left out it is their default.
    if (facts.reasoning !== false) losses.add('reasoning-effort', '/reasoning');
    return { on: facts.reasoning === true, settings: undefined };
  }
  if (facts.reasoning === false) {
    losses.add('reasoning-unsupported', '/reasoning');
    return { on: false, settings: undefined };
  }
  const effort = effortOf(reasoning);
  if (effort !== reasoning.effort) losses.add('reasoning-effort', '/reasoning');
  const settings = defined({ effort, summary: reasoning.visible === true ? 'auto' : undefined });
  return { on: true, settings: Object.keys(settings).length === 0 ? undefined : settings };
}

function encodeMaxTokens(wanted: number | undefined, { facts }: EncodeTarget, losses: LossList): number | undefined {
  if (wanted === undefined) return undefined;
  if (facts.outputTokens !== undefined && wanted > facts.outputTokens) {
    losses.add('max-tokens-lowered', '/max_output_tokens');
    return facts.outputTokens;
  }
  if (wanted >= MIN_OUTPUT_TOKENS) return wanted;
  losses.add('max-tokens-raised', '/max_output_tokens');
  return MIN_OUTPUT_TOKENS;
}

function encodeSampling({ temperature, topP }: HubRequest, { facts }: EncodeTarget, losses: LossList): Values {
  if (facts.temperature === false) {
    if (temperature !== undefined) losses.add('temperature', '/temperature');
    if (topP !== undefined) losses.add('top-p', '/top_p');
    return {};
  }
  if (temperature !== undefined && temperature > MAX_TEMPERATURE) losses.add('temperature', '/temperature');
  return { temperature: temperature === undefined ? undefined : Math.min(temperature, MAX_TEMPERATURE), top_p: topP };
}

function shortKey(key: string | undefined, code: LossCode, losses: LossList): string | undefined {
  if (key === undefined || key === '') return undefined;
  if (key.length <= MAX_KEY) return key;
  losses.add(code, '');
  return undefined;
}

/** What Responses has no member for. */
function noteUnsaid(request: HubRequest, losses: LossList): void {
  if (request.topK !== undefined) losses.add('top-k', '/top_k');
  if (request.stop.length > 0) losses.add('stop-sequences', '/stop');
  if (request.seed !== undefined) losses.add('seed', '/seed');
  if (request.presencePenalty) losses.add('penalties', '/presence_penalty');
  if (request.frequencyPenalty) losses.add('penalties', '/frequency_penalty');
}

/** Without the members that are undefined. */
function defined(value: Values): Values {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}
