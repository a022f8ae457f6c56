// SPDX-License-Identifier: Apache-2.0
// A Cohere v2 chat request to the hub. Never throws. Documents beside the conversation are an essential loss: the answer would lack
// what it is to be grounded in.

import type { DecodedRequest } from '../../hub/codec.ts';
import type { HubRequest, OutputFormat, Reasoning, Tool, ToolChoice } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import { LossList } from '../../hub/losses.ts';
import { flagIn, numberIn, textIn } from '../../hub/scalars.ts';
import { unreadable } from '../../hub/unreadable.ts';
import { asArray, asObject, asString, hasContent, type Values } from '../../json/values.ts';
import { decodeMessages } from './decode-messages.ts';

const KNOWN = new Set(
  `model messages stream tools strict_tools tool_choice response_format thinking max_tokens temperature p k seed
  stop_sequences presence_penalty frequency_penalty safety_mode citation_options`.split(/\s+/),
);

const CODES: Readonly<Partial<Record<string, LossCode>>> = {
  documents: 'no-documents',
  logprobs: 'logprobs',
  priority: 'service-tier',
};

const TOOL = new Set(['type', 'function']);
const FUNCTION = new Set(['name', 'description', 'parameters']);
const FORMAT = new Set(['type', 'json_schema', 'schema']);
const THINKING = new Set(['type', 'token_budget']);

export function decodeRequest(body: unknown): DecodedRequest {
  const losses = new LossList();
  const root = asObject(body);
  const model = asString(root?.['model']);
  const messages = root?.['messages'];
  if (root === undefined || model === undefined || !Array.isArray(messages)) return unreadable(losses, '');
  losses.unknownMembers(root, '', KNOWN, CODES);
  noteDropped(root, losses);
  const request: HubRequest = {
    model,
    stream: flagIn(root, 'stream', '', losses) ?? false,
    streamUsage: true,
    messages: decodeMessages(messages, losses),
    tools: decodeTools(root['tools'], flagIn(root, 'strict_tools', '', losses), losses),
    toolChoice: decodeChoice(root['tool_choice'], losses),
    parallelTools: undefined,
    output: decodeFormat(root['response_format'], losses),
    reasoning: decodeThinking(root['thinking'], losses),
    maxOutputTokens: numberIn(root, 'max_tokens', '', losses),
    temperature: numberIn(root, 'temperature', '', losses),
    topP: numberIn(root, 'p', '', losses),
    topK: numberIn(root, 'k', '', losses) || undefined, // 0 switches it off
    stop: decodeStop(root['stop_sequences'], losses),
    seed: numberIn(root, 'seed', '', losses),
    presencePenalty: numberIn(root, 'presence_penalty', '', losses),
    frequencyPenalty: numberIn(root, 'frequency_penalty', '', losses),
    cacheKey: undefined,
    user: undefined,
    verbosity: undefined,
  };
  return { request, losses: losses.found };
}

/** Known members of which only some values lose anything. */
function noteDropped(root: Values, losses: LossList): void {
  const mode = root['safety_mode'];
  if (hasContent(mode) && mode !== 'CONTEXTUAL') losses.add('safety-settings', '/safety_mode');
  const citations = root['citation_options'];
  if (hasContent(citations) && asObject(citations)?.['mode'] !== 'OFF') losses.add('citations', '/citation_options');
}

function decodeTools(value: unknown, strict: boolean | undefined, losses: LossList): readonly Tool[] {
  if (value !== undefined && value !== null && !Array.isArray(value)) losses.add('not-understood', '/tools');
  const tools: Tool[] = [];
  for (const [index, each] of asArray(value).entries()) {
    const at = `/tools/${index}`;
    const tool = asObject(each) ?? {};
    const declared = asObject(tool['function']);
    const name = asString(declared?.['name']);
    const parameters = asObject(declared?.['parameters']);
    const unread = parameters === undefined && hasContent(declared?.['parameters']);
    if (tool['type'] !== 'function' || declared === undefined || !name || unread) {
      losses.add(hasContent(tool['type']) && tool['type'] !== 'function' ? 'custom-tool' : 'not-understood', at);
      continue;
    }
    losses.unknownMembers(tool, at, TOOL);
    losses.unknownMembers(declared, `${at}/function`, FUNCTION);
    tools.push({ name, description: textIn(declared, 'description', at, losses), parameters, strict });
  }
  return tools;
}

function decodeChoice(value: unknown, losses: LossList): ToolChoice | undefined {
  switch (value) {
    case undefined:
    case null:
      return undefined;
    case 'REQUIRED':
      return { kind: 'required' };
    case 'NONE':
      return { kind: 'none' };
    default:
      losses.add('tool-choice', '/tool_choice');
      return undefined;
  }
}

function decodeFormat(value: unknown, losses: LossList): OutputFormat | undefined {
  if (value === undefined || value === null) return undefined;
  const format = asObject(value) ?? {};
  if (format['type'] === 'text') return undefined;
  const declared = format['json_schema'] ?? format['schema'];
  const schema = asObject(declared);
  if (format['type'] !== 'json_object' || (schema === undefined && hasContent(declared))) {
    losses.add('not-understood', '/response_format');
    return undefined;
  }
  losses.unknownMembers(format, '/response_format', FORMAT);
  // Cohere always holds the model to a schema.
  return schema === undefined
    ? { kind: 'json-object' }
    : { kind: 'json-schema', name: undefined, schema, strict: true };
}

function decodeThinking(value: unknown, losses: LossList): Reasoning | undefined {
  if (value === undefined || value === null) return undefined;
  const thinking = asObject(value) ?? {};
  losses.unknownMembers(thinking, '/thinking', THINKING);
  switch (thinking['type']) {
    case 'enabled':
      return {
        effort: undefined,
        budgetTokens: numberIn(thinking, 'token_budget', '/thinking', losses),
        visible: undefined,
      };
    case 'disabled':
      return { effort: 'none', budgetTokens: undefined, visible: undefined };
    default:
      losses.add('not-understood', '/thinking');
      return undefined;
  }
}

function decodeStop(value: unknown, losses: LossList): readonly string[] {
  const stop = asArray(value);
  const words = stop.filter((word): word is string => typeof word === 'string' && word !== '');
  if (words.length < stop.length || (hasContent(value) && stop.length === 0))
    losses.add('not-understood', '/stop_sequences');
  return words;
}
