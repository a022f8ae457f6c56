// SPDX-License-Identifier: Apache-2.0
// An Anthropic Messages request to the hub: from api.anthropic.com's body, Vertex's and Bedrock InvokeModel's (model in the path).
// Whatever has no place in the hub makes a loss. Never throws.

import type { Recognised } from '../../dialect.ts';
import type { DecodedRequest } from '../../hub/codec.ts';
import type {
  HubRequest,
  JsonSchema,
  Message,
  OutputFormat,
  Reasoning,
  ReasoningEffort,
  Tool,
  ToolChoice,
} from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { LossList } from '../../hub/losses.ts';
import { listIn, objectIn, says, stringsIn } from '../../hub/members.ts';
import { flagIn, numberIn, textIn } from '../../hub/scalars.ts';
import { unreadable } from '../../hub/unreadable.ts';
import { asArray, asObject, asString, type Values } from '../../json/values.ts';
import { cacheOf, decodeBlocks } from './decode-parts.ts';
import { loadedTools } from './deferred-tools.ts';

const KNOWN = new Set([
  'model',
  'messages',
  'system',
  'max_tokens',
  'stream',
  'temperature',
  'top_p',
  'top_k',
  'stop_sequences',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'output_format',
  'context_management',
  'metadata',
  'anthropic_version',
]);

const CODES: Readonly<Record<string, LossCode>> = {
  container: 'stored-state',
  mcp_servers: 'server-tool',
  cache_control: 'cache-control',
  service_tier: 'service-tier',
  speed: 'service-tier',
  anthropic_beta: 'beta',
  // Who binds inference to a region must not get it elsewhere.
  inference_geo: 'not-understood',
};

export function decodeAnthropicRequest(recognised: Recognised, value: unknown): DecodedRequest {
  const losses = new LossList();
  const body = asObject(value);
  const model = recognised.pathModel ?? asString(body?.['model']);
  if (recognised.operation !== 'generate' || body === undefined || model === undefined) return unreadable(losses, '');
  const messages = decodeMessages(body['messages'], losses);
  if (messages === undefined) return unreadable(losses, '/messages');
  losses.unknownMembers(body, '', KNOWN, CODES);
  loseContextEdits(body['context_management'], losses);
  const system = decodeBlocks(body['system'], '/system', new Map(), losses);
  const choice = objectIn(body, 'tool_choice', '', losses);
  const metadata = objectIn(body, 'metadata', '', losses) ?? {};
  losses.unknownMembers(metadata, '/metadata', new Set(['user_id']));
  const config = objectIn(body, 'output_config', '', losses) ?? {};
  losses.unknownMembers(config, '/output_config', new Set(['effort', 'format']));
  const request: HubRequest = {
    model,
    stream: recognised.pathStream ?? flagIn(body, 'stream', '', losses) ?? false,
    streamUsage: true,
    messages: system.length === 0 ? messages : [{ role: 'system', parts: system }, ...messages],
    tools: decodeTools(listIn(body, 'tools', '', losses), loadedTools(body['messages'], choice?.['name']), losses),
    toolChoice: decodeChoice(choice, losses),
    parallelTools: choice?.['disable_parallel_tool_use'] === true ? false : undefined,
    output: decodeFormat(config['format'] ?? body['output_format'], losses),
    reasoning: decodeThinking(
      objectIn(body, 'thinking', '', losses),
      textIn(config, 'effort', '/output_config', losses),
      losses,
    ),
    maxOutputTokens: numberIn(body, 'max_tokens', '', losses),
    temperature: numberIn(body, 'temperature', '', losses),
    topP: numberIn(body, 'top_p', '', losses),
    topK: numberIn(body, 'top_k', '', losses),
    stop: stringsIn(body, 'stop_sequences', '', losses),
    seed: undefined,
    presencePenalty: undefined,
    frequencyPenalty: undefined,
    cacheKey: undefined,
    user: textIn(metadata, 'user_id', '/metadata', losses),
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
    const content = message?.['content'];
    if (message === undefined || (role !== 'user' && role !== 'assistant' && role !== 'system')) return undefined;
    if (typeof content !== 'string' && !Array.isArray(content)) return undefined;
    losses.unknownMembers(message, `/messages/${at}`, new Set(['role', 'content']));
    messages.push({ role, parts: decodeBlocks(content, `/messages/${at}/content`, names, losses) });
  }
  // The model continues the caller's words: no other protocol promises that.
  if (messages.at(-1)?.role === 'assistant') losses.add('prefill', `/messages/${messages.length - 1}`);
  return messages;
}

const TOOL_MEMBERS = new Set([
  'type',
  'name',
  'description',
  'input_schema',
  'strict',
  'cache_control',
  'allowed_callers',
  'defer_loading',
]);

/** Claude Code asks for "clear no thinking" in every request. What is not known could be a compaction. */
function loseContextEdits(value: unknown, losses: LossList): void {
  if (!says(value)) return;
  const edits = asArray(asObject(value)?.['edits']).map((edit) => asString(asObject(edit)?.['type']));
  const clears = edits.length > 0 && edits.every((type) => type?.startsWith('clear_') === true);
  losses.add(clears ? 'context-edits' : 'compaction', '/context_management');
}

function decodeTools(list: readonly unknown[], loaded: ReadonlySet<string>, losses: LossList): Tool[] {
  const tools: Tool[] = [];
  for (const [at, entry] of list.entries()) {
    const tool = asObject(entry);
    const name = asString(tool?.['name']);
    const type = tool?.['type'] ?? 'custom';
    if (tool === undefined) losses.add('not-understood', `/tools/${at}`);
    else if (type !== 'custom' || isForServerCode(tool)) losses.add('server-tool', `/tools/${at}`);
    else if (name === undefined || name === '') losses.add('not-understood', `/tools/${at}`);
    else if (tool['defer_loading'] === true && !loaded.has(name)) losses.add('deferred-tools', `/tools/${at}`);
    else {
      losses.unknownMembers(tool, `/tools/${at}`, TOOL_MEMBERS, { eager_input_streaming: 'stream-options' });
      const cache = cacheOf(tool);
      tools.push({
        name,
        description: textIn(tool, 'description', `/tools/${at}`, losses),
        parameters: objectIn(tool, 'input_schema', `/tools/${at}`, losses),
        strict: flagIn(tool, 'strict', `/tools/${at}`, losses),
        ...(cache === undefined ? {} : { cache }),
      });
    }
  }
  return tools;
}

/** Called by code that runs at Anthropic. */
function isForServerCode(tool: Values): boolean {
  return asArray(tool['allowed_callers']).some((caller) => caller !== 'direct');
}

function decodeChoice(choice: Values | undefined, losses: LossList): ToolChoice | undefined {
  if (choice === undefined) return undefined;
  losses.unknownMembers(choice, '/tool_choice', new Set(['type', 'name', 'disable_parallel_tool_use']));
  const name = asString(choice['name']);
  switch (choice['type']) {
    case 'auto':
    case 'none':
      return { kind: choice['type'] };
    case 'any':
      return { kind: 'required' };
    case 'tool':
      if (name !== undefined) return { kind: 'tool', name };
  }
  losses.add('not-understood', '/tool_choice');
  return undefined;
}

function decodeFormat(value: unknown, losses: LossList): OutputFormat | undefined {
  if (value === undefined || value === null) return undefined;
  const format = asObject(value) ?? {};
  const schema: JsonSchema | undefined = asObject(format['schema']);
  if (format['type'] === 'json_schema' && schema !== undefined) {
    return { kind: 'json-schema', name: asString(format['name']), schema, strict: true };
  }
  losses.add('not-understood', '/output_config/format');
  return undefined;
}

const EFFORTS: ReadonlySet<unknown> = new Set<ReasoningEffort>(['low', 'medium', 'high', 'xhigh', 'max']);

function isEffort(value: unknown): value is ReasoningEffort {
  return EFFORTS.has(value);
}

function decodeThinking(
  thinking: Values | undefined,
  word: string | undefined,
  losses: LossList,
): Reasoning | undefined {
  const effort = isEffort(word) ? word : undefined;
  if (word !== undefined && effort === undefined) losses.add('reasoning-effort', '/output_config/effort');
  if (thinking === undefined) {
    return effort === undefined ? undefined : { effort, budgetTokens: undefined, visible: undefined };
  }
  losses.unknownMembers(thinking, '/thinking', new Set(['type', 'budget_tokens', 'display']));
  const display = thinking['display'];
  const visible = display === 'summarized' ? true : display === 'omitted' ? false : undefined;
  switch (thinking['type']) {
    case 'disabled':
      if (effort !== undefined) losses.add('reasoning-effort', '/output_config/effort');
      return { effort: 'none', budgetTokens: undefined, visible };
    case 'enabled': {
      const budgetTokens = numberIn(thinking, 'budget_tokens', '/thinking', losses);
      if (budgetTokens === undefined) return { effort, budgetTokens, visible };
      if (effort !== undefined) losses.add('reasoning-effort', '/output_config/effort');
      return { effort: undefined, budgetTokens, visible };
    }
    case 'adaptive':
      return { effort, budgetTokens: undefined, visible };
    default:
      losses.add('reasoning-effort', '/thinking/type');
      return { effort, budgetTokens: undefined, visible };
  }
}
