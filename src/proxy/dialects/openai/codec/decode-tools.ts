// SPDX-License-Identifier: Apache-2.0
// Chat Completions: the tools that a request offers, its tool choice and its output format, from the wire to the hub.

import type { CacheMark, OutputFormat, Tool, ToolChoice } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { objectIn, says } from '../../hub/members.ts';
import { flagIn, textIn } from '../../hub/scalars.ts';
import { asObject, type Values } from '../../json/values.ts';

const TOOL_KEYS: ReadonlySet<string> = new Set(['type', 'function', 'cache_control']);
const FUNCTION_KEYS: ReadonlySet<string> = new Set(['name', 'description', 'parameters', 'strict']);

export function decodeTools(list: readonly unknown[], losses: LossList): readonly Tool[] {
  return list.flatMap((item, index) => {
    const tool = decodeTool(asObject(item), `/tools/${index}`, losses);
    return tool === undefined ? [] : [tool];
  });
}

function decodeTool(tool: Values | undefined, at: string, losses: LossList): Tool | undefined {
  const inner = asObject(tool?.['function']);
  if (tool === undefined || inner === undefined) {
    const type = tool?.['type'];
    // Types beside these two are run by the provider (web_search, code_interpreter, openrouter:web_search ...).
    if (type === 'custom') losses.add('custom-tool', at);
    else losses.add(typeof type === 'string' && type !== 'function' ? 'server-tool' : 'not-understood', at);
    return undefined;
  }
  losses.unknownMembers(tool, at, TOOL_KEYS);
  losses.unknownMembers(inner, `${at}/function`, FUNCTION_KEYS);
  const name = textIn(inner, 'name', `${at}/function`, losses) ?? '';
  if (name === '') {
    losses.add('not-understood', `${at}/function/name`);
    return undefined;
  }
  return {
    name,
    description: textIn(inner, 'description', `${at}/function`, losses) || undefined,
    parameters: objectIn(inner, 'parameters', `${at}/function`, losses),
    strict: flagIn(inner, 'strict', `${at}/function`, losses),
    ...cacheOf(tool, at, losses),
  };
}

/**
 * Anthropic's `cache_control`, which OpenRouter and others take in chat parts, and OpenAI's own `prompt_cache_breakpoint`, whose
 * lifetimes (30m, 12h) the hub does not have.
 */
export function cacheOf(value: Values, at: string, losses: LossList): { readonly cache?: CacheMark } {
  const mark = asObject(value['cache_control']) ?? asObject(value['prompt_cache_breakpoint']);
  if (mark === undefined) return {};
  const ttl = mark['ttl'];
  if (ttl === '5m' || ttl === '1h') return { cache: { ttl } };
  if (says(ttl)) losses.add('cache-control', at);
  return { cache: { ttl: undefined } };
}

export function decodeToolChoice(value: unknown, losses: LossList): ToolChoice | undefined {
  switch (value) {
    case 'auto':
    case 'none':
    case 'required':
      return { kind: value };
    case 'any':
      return { kind: 'required' };
  }
  if (!says(value)) return undefined;
  const choice = asObject(value);
  const name = asObject(choice?.['function'])?.['name'];
  if (choice?.['type'] === 'function' && typeof name === 'string' && name !== '') return { kind: 'tool', name };
  // `allowed_tools` narrows the choice to some; no other dialect can say that.
  losses.add(choice?.['type'] === 'custom' ? 'custom-tool' : 'tool-choice', '/tool_choice');
  return undefined;
}

export function decodeOutput(value: unknown, losses: LossList): OutputFormat | undefined {
  if (!says(value)) return undefined;
  const format = asObject(value);
  switch (format?.['type']) {
    case 'text':
      return undefined;
    case 'json_object':
      return { kind: 'json-object' };
    case 'json_schema': {
      const at = '/response_format/json_schema';
      const inner = asObject(format['json_schema']);
      const schema = asObject(inner?.['schema']);
      if (inner === undefined || schema === undefined) break;
      losses.unknownMembers(inner, at, OUTPUT_KEYS);
      const name = textIn(inner, 'name', at, losses) || undefined;
      return { kind: 'json-schema', name, schema, strict: flagIn(inner, 'strict', at, losses) };
    }
  }
  // A grammar, a regular expression, or a shape that we do not know: the answer would not have it.
  losses.add('no-json-schema', '/response_format');
  return undefined;
}

const OUTPUT_KEYS: ReadonlySet<string> = new Set(['name', 'schema', 'strict']);
