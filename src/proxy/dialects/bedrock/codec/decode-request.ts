// SPDX-License-Identifier: Apache-2.0
// A Bedrock Converse request to the hub. Whatever has no place there makes a loss. Never throws.

import type { Recognised } from '../../dialect.ts';
import type { DecodedRequest } from '../../hub/codec.ts';
import type { HubRequest, Message, OutputFormat, Reasoning, ReasoningEffort, Tool, ToolChoice } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { LossList } from '../../hub/losses.ts';
import { listIn, objectIn, stringsIn } from '../../hub/members.ts';
import { flagIn, numberIn, textIn } from '../../hub/scalars.ts';
import { unreadable } from '../../hub/unreadable.ts';
import { asCount, asNumber, asObject, asString, parseShallow, type Values } from '../../json/values.ts';
import { cacheMarkOf, decodeBlocks } from './decode-parts.ts';

const KNOWN = new Set([
  'messages',
  'system',
  'inferenceConfig',
  'toolConfig',
  'additionalModelRequestFields',
  'outputConfig',
  'modelId',
]);

const CODES: Readonly<Record<string, LossCode>> = {
  guardrailConfig: 'safety-settings',
  promptVariables: 'stored-state',
  performanceConfig: 'service-tier',
  serviceTier: 'service-tier',
  requestMetadata: 'metadata',
  additionalModelResponseFieldPaths: 'include',
};

export function decodeConverseRequest(recognised: Recognised, value: unknown): DecodedRequest {
  const losses = new LossList();
  const body = asObject(value);
  const model = recognised.pathModel ?? asString(body?.['modelId']);
  if (recognised.operation !== 'generate' || body === undefined || model === undefined) return unreadable(losses, '');
  const messages = decodeMessages(body['messages'], losses);
  if (messages === undefined) return unreadable(losses, '/messages');
  losses.unknownMembers(body, '', KNOWN, CODES);
  const system = decodeBlocks(body['system'], '/system', new Map(), losses);
  const config = objectIn(body, 'inferenceConfig', '', losses) ?? {};
  losses.unknownMembers(config, '/inferenceConfig', new Set(['maxTokens', 'temperature', 'topP', 'stopSequences']));
  const tools = objectIn(body, 'toolConfig', '', losses) ?? {};
  losses.unknownMembers(tools, '/toolConfig', new Set(['tools', 'toolChoice']));
  const more = objectIn(body, 'additionalModelRequestFields', '', losses) ?? {};
  const request: HubRequest = {
    model,
    stream: recognised.pathStream === true,
    streamUsage: true,
    messages: system.length === 0 ? messages : [{ role: 'system', parts: system }, ...messages],
    tools: decodeTools(listIn(tools, 'tools', '/toolConfig', losses), losses),
    toolChoice: decodeChoice(objectIn(tools, 'toolChoice', '/toolConfig', losses), losses),
    parallelTools: undefined,
    output: decodeOutput(objectIn(body, 'outputConfig', '', losses), losses),
    reasoning: decodeReasoning(more, losses),
    maxOutputTokens: numberIn(config, 'maxTokens', '/inferenceConfig', losses),
    temperature: numberIn(config, 'temperature', '/inferenceConfig', losses),
    topP: numberIn(config, 'topP', '/inferenceConfig', losses),
    topK: asNumber(more['top_k']) ?? asNumber(asObject(more['inferenceConfig'])?.['topK']),
    stop: stringsIn(config, 'stopSequences', '/inferenceConfig', losses),
    seed: undefined,
    presencePenalty: undefined,
    frequencyPenalty: undefined,
    cacheKey: undefined,
    user: undefined,
    verbosity: undefined,
  };
  return { request, losses: losses.found };
}

function decodeMessages(value: unknown, losses: LossList): Message[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const names = new Map<string, string>();
  const messages: Message[] = [];
  for (const [at, entry] of value.entries()) {
    const message = asObject(entry);
    const role = message?.['role'];
    if (message === undefined || (role !== 'user' && role !== 'assistant')) return undefined;
    if (!Array.isArray(message['content'])) return undefined;
    losses.unknownMembers(message, `/messages/${at}`, new Set(['role', 'content']));
    messages.push({ role, parts: decodeBlocks(message['content'], `/messages/${at}/content`, names, losses) });
  }
  // The model continues the caller's words: no other protocol promises that.
  if (messages.at(-1)?.role === 'assistant') losses.add('prefill', `/messages/${messages.length - 1}`);
  return messages;
}

function decodeTools(list: readonly unknown[], losses: LossList): Tool[] {
  const tools: Tool[] = [];
  for (const [at, entry] of list.entries()) {
    const tool = asObject(entry);
    const spec = asObject(tool?.['toolSpec']);
    const name = asString(spec?.['name']);
    if (tool?.['cachePoint'] !== undefined) {
      const last = tools.pop();
      if (last === undefined) losses.add('cache-control', `/toolConfig/tools/${at}`);
      else tools.push({ ...last, cache: cacheMarkOf(tool['cachePoint']) });
    } else if (tool?.['systemTool'] !== undefined) losses.add('server-tool', `/toolConfig/tools/${at}`);
    else if (spec === undefined || name === undefined || name === '') {
      losses.add('not-understood', `/toolConfig/tools/${at}`);
    } else {
      losses.unknownMembers(
        spec,
        `/toolConfig/tools/${at}/toolSpec`,
        new Set(['name', 'description', 'inputSchema', 'strict']),
      );
      tools.push({
        name,
        description: textIn(spec, 'description', `/toolConfig/tools/${at}`, losses),
        parameters: asObject(asObject(spec['inputSchema'])?.['json']),
        strict: flagIn(spec, 'strict', `/toolConfig/tools/${at}`, losses),
      });
    }
  }
  return tools;
}

function decodeChoice(choice: Values | undefined, losses: LossList): ToolChoice | undefined {
  if (choice === undefined) return undefined;
  if (asObject(choice['auto']) !== undefined) return { kind: 'auto' };
  if (asObject(choice['any']) !== undefined) return { kind: 'required' };
  const name = asString(asObject(choice['tool'])?.['name']);
  if (name !== undefined) return { kind: 'tool', name };
  losses.add('not-understood', '/toolConfig/toolChoice');
  return undefined;
}

function decodeOutput(config: Values | undefined, losses: LossList): OutputFormat | undefined {
  if (config === undefined) return undefined;
  losses.unknownMembers(config, '/outputConfig', new Set(['textFormat']));
  const format = objectIn(config, 'textFormat', '/outputConfig', losses);
  if (format === undefined) return undefined;
  const definition = asObject(asObject(format['structure'])?.['jsonSchema']);
  // The schema is JSON within JSON here.
  const schema = asObject(parseShallow(asString(definition?.['schema']) ?? ''));
  if (format['type'] === 'json_schema' && schema !== undefined) {
    return { kind: 'json-schema', name: asString(definition?.['name']), schema, strict: true };
  }
  losses.add('not-understood', '/outputConfig/textFormat');
  return undefined;
}

const EFFORTS: ReadonlySet<unknown> = new Set<ReasoningEffort>(['low', 'medium', 'high', 'xhigh', 'max']);

function isEffort(value: unknown): value is ReasoningEffort {
  return EFFORTS.has(value);
}

const MORE = new Set(['thinking', 'reasoning_config', 'reasoningConfig', 'top_k', 'output_config', 'inferenceConfig']);

/** Claude says `thinking` (or the older `reasoning_config`), Amazon's own models say `reasoningConfig`. */
function decodeReasoning(more: Values, losses: LossList): Reasoning | undefined {
  const at = '/additionalModelRequestFields';
  losses.unknownMembers(more, at, MORE);
  const config = asObject(more['output_config']) ?? {};
  losses.unknownMembers(config, `${at}/output_config`, new Set(['effort']));
  losses.unknownMembers(asObject(more['inferenceConfig']) ?? {}, `${at}/inferenceConfig`, new Set(['topK']));
  const nova = asObject(more['reasoningConfig']);
  const thinking = asObject(more['thinking']) ?? asObject(more['reasoning_config']) ?? nova;
  const word = nova?.['maxReasoningEffort'] ?? config['effort'];
  const effort = isEffort(word) ? word : undefined;
  if (thinking === undefined) {
    return effort === undefined ? undefined : { effort, budgetTokens: undefined, visible: undefined };
  }
  if (thinking['type'] === 'disabled') return { effort: 'none', budgetTokens: undefined, visible: undefined };
  const budgetTokens = asCount(thinking['budget_tokens']);
  return { effort: budgetTokens === undefined ? effort : undefined, budgetTokens, visible: undefined };
}
