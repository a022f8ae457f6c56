// SPDX-License-Identifier: Apache-2.0
// A Responses request to the hub. What only OpenAI's servers can do (stored state, their tools) is an essential loss. Never throws.

import type { DecodedRequest } from '../../hub/codec.ts';
import type { HubRequest, Message, OutputFormat, Reasoning, ReasoningEffort, Tool, ToolChoice } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { LossList } from '../../hub/losses.ts';
import { flagIn, numberIn, textIn } from '../../hub/scalars.ts';
import { unreadable } from '../../hub/unreadable.ts';
import { asArray, asObject, asString, hasContent, type Values } from '../../json/values.ts';
import { decodeItems } from './decode-items.ts';

/** Members that are read below, and those that say nothing here: `max_tool_calls` bounds the provider's own tools only. */
const KNOWN = new Set(
  `model input instructions stream tools tool_choice parallel_tool_calls text reasoning max_output_tokens temperature top_p
  prompt_cache_key safety_identifier user store truncation include service_tier stream_options top_logprobs max_tool_calls`.split(
    /\s+/,
  ),
);

const CODES: Readonly<Partial<Record<string, LossCode>>> = {
  previous_response_id: 'stored-state',
  conversation: 'stored-state',
  background: 'stored-state',
  prompt: 'stored-state',
  context_management: 'compaction',
  metadata: 'metadata',
  prompt_cache_retention: 'cache-control',
  prompt_cache_options: 'cache-control',
  moderation: 'safety-settings',
  logprobs: 'logprobs',
  modalities: 'output-modality',
};

const TOOL = new Set(['type', 'name', 'description', 'parameters', 'strict']);
const TEXT = new Set(['format', 'verbosity']);
const FORMAT = new Set(['type', 'name', 'schema', 'strict']);
const REASONING = new Set(['effort', 'summary', 'generate_summary']);
const EFFORTS: ReadonlySet<string> = new Set(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']);
/** Tools whose calls the caller answers, but not as functions. */
const CUSTOM_TOOLS: ReadonlySet<unknown> = new Set(['custom', 'namespace', 'tool_search']);

export function decodeRequest(body: unknown): DecodedRequest {
  const losses = new LossList();
  const root = asObject(body);
  const model = asString(root?.['model']);
  if (root === undefined || model === undefined) return unreadable(losses, root === undefined ? '' : '/model');
  losses.unknownMembers(root, '', KNOWN, CODES);
  const input = root['input'];
  const items = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
  if (!Array.isArray(items)) return unreadable(losses, '/input');

  const instructions = textIn(root, 'instructions', '', losses);
  const messages: readonly Message[] = [
    ...(instructions ? [{ role: 'system', parts: [{ kind: 'text', text: instructions }] } as const] : []),
    ...decodeItems(items, losses),
  ];
  noteDropped(root, losses);
  const text = asObject(root['text']) ?? {};
  losses.unknownMembers(text, '/text', TEXT);
  const safetyIdentifier = textIn(root, 'safety_identifier', '', losses);
  const user = textIn(root, 'user', '', losses);
  if (safetyIdentifier !== undefined && user !== undefined && user !== safetyIdentifier) losses.add('user', '/user');
  const request: HubRequest = {
    model,
    stream: flagIn(root, 'stream', '', losses) ?? false,
    streamUsage: true,
    messages,
    tools: decodeTools(root['tools'], losses),
    toolChoice: decodeChoice(root['tool_choice'], losses),
    parallelTools: flagIn(root, 'parallel_tool_calls', '', losses),
    output: decodeFormat(text['format'], losses),
    reasoning: decodeReasoning(root['reasoning'], losses),
    maxOutputTokens: numberIn(root, 'max_output_tokens', '', losses),
    temperature: numberIn(root, 'temperature', '', losses),
    topP: numberIn(root, 'top_p', '', losses),
    topK: undefined,
    stop: [],
    seed: undefined,
    presencePenalty: undefined,
    frequencyPenalty: undefined,
    cacheKey: textIn(root, 'prompt_cache_key', '', losses),
    user: safetyIdentifier ?? user,
    verbosity: decodeVerbosity(text['verbosity'], losses),
  };
  return { request, losses: losses.found };
}

/** Known members of which only some values lose anything. */
function noteDropped(root: Values, losses: LossList): void {
  if (root['store'] === true) losses.add('store', '/store');
  if (root['truncation'] === 'auto') losses.add('truncation', '/truncation');
  const tier = root['service_tier'];
  if (hasContent(tier) && tier !== 'auto' && tier !== 'default') losses.add('service-tier', '/service_tier');
  if (asObject(root['stream_options'])?.['include_obfuscation'] === true)
    losses.add('stream-options', '/stream_options');
  const logprobs = root['top_logprobs'];
  if (typeof logprobs === 'number' && logprobs > 0) losses.add('logprobs', '/top_logprobs');
  for (const name of asArray(root['include'])) {
    if (name === 'message.output_text.logprobs') losses.add('logprobs', '/include');
    else losses.add('include', '/include');
  }
}

function decodeTools(value: unknown, losses: LossList): readonly Tool[] {
  if (value !== undefined && value !== null && !Array.isArray(value)) losses.add('not-understood', '/tools');
  const tools: Tool[] = [];
  for (const [index, each] of asArray(value).entries()) {
    const at = `/tools/${index}`;
    const tool = asObject(each);
    if (tool?.['type'] !== 'function') {
      losses.add(
        tool === undefined ? 'not-understood' : CUSTOM_TOOLS.has(tool['type']) ? 'custom-tool' : 'server-tool',
        at,
      );
      continue;
    }
    const name = asString(tool['name']);
    const parameters = asObject(tool['parameters']);
    if (name === undefined || name === '' || (parameters === undefined && hasContent(tool['parameters']))) {
      losses.add('not-understood', at);
      continue;
    }
    losses.unknownMembers(tool, at, TOOL);
    const description = textIn(tool, 'description', at, losses);
    tools.push({ name, description, parameters, strict: flagIn(tool, 'strict', at, losses) });
  }
  return tools;
}

function decodeChoice(value: unknown, losses: LossList): ToolChoice | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 'auto' || value === 'none' || value === 'required') return { kind: value };
  const choice = asObject(value);
  const name = asString(choice?.['name']);
  switch (choice?.['type']) {
    case 'function':
      if (name) return { kind: 'tool', name };
      losses.add('not-understood', '/tool_choice');
      return undefined;
    case 'custom':
      losses.add('custom-tool', '/tool_choice');
      return undefined;
    default:
      // A choice among several tools, or of one of the provider's own.
      losses.add('tool-choice', '/tool_choice');
      return undefined;
  }
}

function decodeFormat(value: unknown, losses: LossList): OutputFormat | undefined {
  if (value === undefined || value === null) return undefined;
  const format = asObject(value) ?? {};
  switch (format['type']) {
    case 'text':
      return undefined;
    case 'json_object':
      return { kind: 'json-object' };
    case 'json_schema': {
      const schema = asObject(format['schema']);
      if (schema === undefined) break;
      losses.unknownMembers(format, '/text/format', FORMAT);
      const name = asString(format['name']);
      return { kind: 'json-schema', name, schema, strict: flagIn(format, 'strict', '/text/format', losses) };
    }
  }
  losses.add('not-understood', '/text/format');
  return undefined;
}

function decodeReasoning(value: unknown, losses: LossList): Reasoning | undefined {
  const reasoning = asObject(value);
  if (reasoning === undefined) {
    if (hasContent(value)) losses.add('not-understood', '/reasoning');
    return undefined;
  }
  losses.unknownMembers(reasoning, '/reasoning', REASONING);
  const word = textIn(reasoning, 'effort', '/reasoning', losses);
  const effort = isEffort(word) ? word : undefined;
  if (word !== undefined && effort === undefined) losses.add('reasoning-effort', '/reasoning/effort');
  const visible = hasContent(reasoning['summary'] ?? reasoning['generate_summary']) ? true : undefined;
  return effort === undefined && visible === undefined ? undefined : { effort, budgetTokens: undefined, visible };
}

function isEffort(word: string | undefined): word is ReasoningEffort {
  return word !== undefined && EFFORTS.has(word);
}

function decodeVerbosity(value: unknown, losses: LossList): HubRequest['verbosity'] {
  if (value === 'low' || value === 'medium' || value === 'high') return value;
  if (value !== undefined && value !== null) losses.add('verbosity', '/text/verbosity');
  return undefined;
}
