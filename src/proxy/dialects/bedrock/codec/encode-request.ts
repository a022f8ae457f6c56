// SPDX-License-Identifier: Apache-2.0
// A hub request as the body of Bedrock Converse. The model stands in the path. What the protocol or the model family cannot take makes
// a loss. Pure; key order is fixed.

import { isClaude } from '../../anthropic/codec/claude-models.ts';
import { addUnsaid } from '../../anthropic/codec/encode-request.ts';
import { claudeSampling, ownOpaque, planThinking, type Thinking } from '../../anthropic/codec/thinking.ts';
import { closedSchema } from '../../hub/closed-schema.ts';
import type { EncodedRequest, EncodeTarget } from '../../hub/codec.ts';
import type { HubRequest, JsonSchema } from '../../hub/hub.ts';
import { LossList } from '../../hub/losses.ts';
import { createIdFitter, isBlank, pairedConversation, type Turn, usedToolNames } from '../../hub/paired-turns.ts';
import { fitToolNames, type ToolNames } from '../../hub/tool-names.ts';
import { jsonText } from '../../json/values.ts';
import { type ConverseContext, cachePoints, encodeBlocks } from './encode-parts.ts';
import { createDocumentNames } from './media.ts';

export function encodeConverseRequest(request: HubRequest, target: EncodeTarget): EncodedRequest {
  const losses = new LossList();
  const { system, turns } = pairedConversation(request.messages, losses);
  const names = fitToolNames(request);
  const claude = isClaude(target.model);
  const context: ConverseContext = {
    target,
    claude,
    // Cache points and the status of results are for these two families (user guide, prompt caching; API reference, ToolResultBlock).
    nova: /nova/i.test(target.model),
    losses,
    toolName: (name) => names.fit(name),
    toolId: createIdFitter(turns),
    documentName: createDocumentNames(),
    opaque: (part) => ownOpaque(part, 'bedrock-converse', target),
  };
  const thinking = encodeReasoning(request, turns, context);
  const sampling = claude ? claudeSampling(request, target, thinking?.on === true, losses) : request;
  if (!claude && request.topK !== undefined) losses.add('top-k', '/top_k');
  const systemBlocks = encodeBlocks(system, '/system', context);
  const messages = turns.map(({ role, parts }, at) => ({
    role,
    content: encodeBlocks(parts, `/messages/${at}`, context),
  }));
  if (messages.some(({ content }) => content.length === 0)) losses.add('not-understood', '/messages');
  const stop = request.stop.filter((sequence) => !isBlank(sequence));
  if (stop.length < request.stop.length) losses.add('stop-sequences', '/stop');
  addUnsaid(request, losses);
  if (request.user !== undefined) losses.add('user', '/user');
  const more = present({
    thinking: thinking?.config,
    output_config: thinking?.effort === undefined ? undefined : { effort: thinking.effort },
    top_k: claude ? sampling.topK : undefined,
  });
  const body = present({
    system: systemBlocks.length === 0 ? undefined : systemBlocks,
    messages,
    inferenceConfig: present({
      maxTokens: outputLimit(request, thinking, context),
      temperature: sampling.temperature,
      topP: sampling.topP,
      stopSequences: stop.length === 0 ? undefined : stop,
    }),
    toolConfig: encodeTools(request, turns, names, context),
    outputConfig: encodeOutput(request, context),
    additionalModelRequestFields: more,
  });
  return { body: body ?? {}, losses: losses.found, toolNames: names.changed };
}

/** The members that say something, or undefined where none does. */
function present(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Only Claude's way of thinking is known behind Converse. */
function encodeReasoning(request: HubRequest, turns: readonly Turn[], context: ConverseContext): Thinking | undefined {
  const { target, claude, losses } = context;
  if (request.reasoning === undefined) return undefined;
  if (!claude) {
    if (request.reasoning.effort !== 'none') losses.add('reasoning-unsupported', '/reasoning');
    return undefined;
  }
  const limit = Math.min(request.maxOutputTokens ?? target.defaultMaxTokens, target.facts.outputTokens ?? Infinity);
  return planThinking(request, turns, target, limit, (part) => context.opaque(part) !== undefined, losses);
}

/** Not needed, except that a thinking budget must stay below it. */
function outputLimit(request: HubRequest, thinking: Thinking | undefined, { target, losses }: ConverseContext) {
  const { maxOutputTokens } = request;
  if (maxOutputTokens === undefined) {
    if (thinking?.on !== true) return undefined;
    losses.add('max-tokens-added', '/max_tokens');
    return thinking.maxTokens;
  }
  const most = target.facts.outputTokens ?? maxOutputTokens;
  if (maxOutputTokens > most) losses.add('max-tokens-lowered', '/max_tokens');
  return Math.min(maxOutputTokens, most);
}

const NO_PARAMETERS: JsonSchema = { type: 'object', properties: {} };

/**
 * Converse wants the tools of earlier calls declared, and cannot say "call none". Without calls in the history leaving the tools out
 * says it; with them it cannot be promised.
 */
function encodeTools(request: HubRequest, turns: readonly Turn[], names: ToolNames, context: ConverseContext): unknown {
  const { target, losses } = context;
  const { tools, toolChoice } = request;
  const used = usedToolNames(turns);
  if (tools.length === 0) {
    if (toolChoice?.kind === 'required' || toolChoice?.kind === 'tool') losses.add('tool-choice', '/tool_choice');
    if (used.length === 0) return undefined;
    losses.add('tool-stub', '/tools');
    return {
      tools: used.map((name) => ({ toolSpec: { name: names.fit(name), inputSchema: { json: NO_PARAMETERS } } })),
    };
  }
  if (toolChoice?.kind === 'none') {
    if (used.length === 0) return undefined;
    losses.add('tool-choice', '/tool_choice');
  }
  if (target.facts.tools === false) losses.add('no-tools', '/tools');
  if (names.changed.size > 0) losses.add('tool-name', '/tools');
  if (request.parallelTools === false) losses.add('parallel-tools', '/parallel_tools');
  const specs = tools.flatMap((tool, at): unknown[] => {
    const parameters = tool.parameters ?? NO_PARAMETERS;
    const strict = tool.strict === true && target.quirks.noStrictTools !== true && !closedSchema(parameters).changed;
    if (tool.strict === true && !strict) losses.add('tool-strict', `/tools/${at}`);
    const spec = {
      name: names.fit(tool.name),
      ...(tool.description === undefined || tool.description === '' ? {} : { description: tool.description }),
      inputSchema: { json: parameters['type'] === undefined ? { type: 'object', ...parameters } : parameters },
      ...(strict ? { strict: true } : {}),
    };
    return [{ toolSpec: spec }, ...cachePoints(tool.cache, `/tools/${at}`, context)];
  });
  const choice = encodeChoice(request, names);
  return choice === undefined ? { tools: specs } : { tools: specs, toolChoice: choice };
}

function encodeChoice({ toolChoice }: HubRequest, names: ToolNames): unknown {
  switch (toolChoice?.kind) {
    case 'auto':
      return { auto: {} };
    case 'required':
      return { any: {} };
    case 'tool':
      return { tool: { name: names.fit(toolChoice.name) } };
    default:
      return undefined;
  }
}

function encodeOutput({ output }: HubRequest, { target, losses }: ConverseContext): unknown {
  if (output === undefined) return undefined;
  if (output.kind === 'json-object') {
    losses.add('json-object-mode', '/output');
    return undefined;
  }
  const { schema, changed } = closedSchema(output.schema);
  const text = jsonText(schema);
  if (target.facts.jsonSchema === false || (target.quirks.jsonSchema ?? 'native') !== 'native' || text === undefined) {
    losses.add('no-json-schema', '/output');
    return undefined;
  }
  if (changed) losses.add('schema-simplified', '/output');
  const jsonSchema = { schema: text, ...(output.name === undefined ? {} : { name: output.name }) };
  return { textFormat: { type: 'json_schema', structure: { jsonSchema } } };
}
