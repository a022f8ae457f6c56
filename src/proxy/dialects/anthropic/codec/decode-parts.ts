// SPDX-License-Identifier: Apache-2.0
// Content blocks of an Anthropic request to parts of the hub.

import { plainBase64 } from '../../hub/data-url.ts';
import type { CacheMark, DocumentPart, ImagePart, Part, Source, TextPart, ToolResultPart } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import type { LossList } from '../../hub/losses.ts';
import { opaqueIn } from '../../hub/made-up.ts';
import { says } from '../../hub/members.ts';
import { textIn } from '../../hub/scalars.ts';
import { asArray, asObject, asString, jsonText, type Values } from '../../json/values.ts';
import { referenceText } from './deferred-tools.ts';

/** Blocks that only Anthropic's own machines make or understand. */
const FOREIGN: ReadonlyMap<unknown, LossCode> = new Map<string, LossCode>([
  ['server_tool_use', 'server-tool'],
  ['web_search_tool_result', 'server-tool'],
  ['web_fetch_tool_result', 'server-tool'],
  ['code_execution_tool_result', 'server-tool'],
  ['bash_code_execution_tool_result', 'server-tool'],
  ['text_editor_code_execution_tool_result', 'server-tool'],
  ['tool_search_tool_result', 'server-tool'],
  ['mcp_tool_use', 'server-tool'],
  ['mcp_tool_result', 'server-tool'],
  ['browser_state', 'server-tool'],
  ['container_upload', 'file-reference'],
  ['compaction', 'compaction'],
]);

/** Members that are read, by kind of block. */
const CALL_MEMBERS = new Set(['type', 'id', 'name', 'input', 'caller', 'toolset_name', 'cache_control']);
const RESULT_MEMBERS = new Set(['type', 'tool_use_id', 'content', 'is_error', 'cache_control']);
const TEXT_MEMBERS = new Set(['type', 'text', 'cache_control']);
const IMAGE_MEMBERS = new Set(['type', 'source', 'cache_control']);
const DOCUMENT_MEMBERS = new Set(['type', 'source', 'title', 'cache_control', 'citations', 'context']);

/** `names`: tool names by call id, filled from calls and read at results. */
export function decodeBlocks(content: unknown, at: string, names: Map<string, string>, losses: LossList): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ kind: 'text', text: content }];
  const parts: Part[] = [];
  if (!Array.isArray(content) && says(content)) losses.add('not-understood', at);
  for (const [index, value] of asArray(content).entries()) {
    const block = asObject(value);
    const place = `${at}/${index}`;
    if (block === undefined) losses.add('not-understood', place);
    else for (const part of decodeBlock(block, place, names, losses)) parts.push(part);
  }
  return parts;
}

function decodeBlock(block: Values, at: string, names: Map<string, string>, losses: LossList): readonly Part[] {
  switch (block['type']) {
    case 'thinking': {
      const data = opaqueIn(block['signature']);
      const text = asString(block['thinking']) ?? '';
      if (data === '') return [{ kind: 'reasoning', text }];
      return [{ kind: 'reasoning', text, opaque: { dialect: 'anthropic-messages', form: 'signature', data } }];
    }
    case 'redacted_thinking': {
      const data = asString(block['data']) ?? '';
      return [{ kind: 'reasoning', text: '', opaque: { dialect: 'anthropic-messages', form: 'redacted', data } }];
    }
    case 'tool_use':
      return decodeCall(block, at, names, losses);
    case 'tool_result':
      return decodeResult(block, at, names, losses);
    default:
      return decodeContent(block, at, losses);
  }
}

function decodeCall(block: Values, at: string, names: Map<string, string>, losses: LossList): readonly Part[] {
  const id = asString(block['id']);
  const name = asString(block['name']);
  const args = jsonText(block['input'] ?? {});
  const caller = asObject(block['caller'])?.['type'] ?? 'direct';
  if (caller !== 'direct' || typeof block['toolset_name'] === 'string') losses.add('server-tool', at);
  losses.unknownMembers(block, at, CALL_MEMBERS);
  if (id === undefined || id === '' || name === undefined || args === undefined) {
    losses.add('not-understood', at);
    return [];
  }
  names.set(id, name);
  return [{ kind: 'tool-call', id, name, args, ...cached(block) }];
}

function decodeResult(block: Values, at: string, names: Map<string, string>, losses: LossList): readonly Part[] {
  const id = asString(block['tool_use_id']);
  if (id === undefined) {
    losses.add('not-understood', at);
    return [];
  }
  losses.unknownMembers(block, at, RESULT_MEMBERS, {
    toolset_name: 'server-tool',
  });
  const content = block['content'];
  const parts: ToolResultPart['parts'][number][] = [];
  if (typeof content === 'string') {
    if (content !== '') parts.push({ kind: 'text', text: content });
  } else {
    if (!Array.isArray(content) && says(content)) losses.add('not-understood', at);
    for (const [index, value] of asArray(content).entries()) {
      const inner = asObject(value);
      if (inner === undefined) losses.add('not-understood', at);
      else for (const part of decodeContent(inner, `${at}/content/${index}`, losses)) parts.push(part);
    }
  }
  return [
    { kind: 'tool-result', id, name: names.get(id), parts, isError: block['is_error'] === true, ...cached(block) },
  ];
}

/** What may stand in a turn and in a tool's result. */
function decodeContent(block: Values, at: string, losses: LossList): readonly (TextPart | ImagePart | DocumentPart)[] {
  switch (block['type']) {
    case 'text':
      losses.unknownMembers(block, at, TEXT_MEMBERS, { citations: 'citations' });
      return [{ kind: 'text', text: textIn(block, 'text', at, losses) ?? '', ...cached(block) }];
    case 'image': {
      losses.unknownMembers(block, at, IMAGE_MEMBERS);
      const source = decodeSource(asObject(block['source']), at, losses);
      return source === undefined ? [] : [{ kind: 'image', source, ...cached(block) }];
    }
    case 'document':
      return decodeDocument(block, at, losses);
    case 'tool_reference':
      losses.add('deferred-tools', at);
      return [{ kind: 'text', text: referenceText(block['tool_name']) }];
    case 'search_result': {
      losses.add('citations', at);
      const text = [
        block['title'],
        block['source'],
        ...asArray(block['content']).map((part) => asObject(part)?.['text']),
      ];
      return [{ kind: 'text', text: text.filter((line) => typeof line === 'string').join('\n'), ...cached(block) }];
    }
    default:
      losses.add(FOREIGN.get(block['type']) ?? 'unknown-part', at);
      return [];
  }
}

function decodeDocument(block: Values, at: string, losses: LossList): readonly (TextPart | ImagePart | DocumentPart)[] {
  losses.unknownMembers(block, at, DOCUMENT_MEMBERS);
  if (asObject(block['citations'])?.['enabled'] === true) losses.add('citations', `${at}/citations`);
  const title = asString(block['title']);
  const named = { ...(title === undefined ? {} : { name: title }), ...cached(block) };
  const context = asString(block['context']);
  const before: TextPart[] = context === undefined || context === '' ? [] : [{ kind: 'text', text: context }];
  const source = asObject(block['source']);
  const text = asString(source?.['data']);
  if (source?.['type'] === 'text' && text !== undefined) {
    return [...before, { kind: 'document', source: { kind: 'text', text }, ...named }];
  }
  if (source?.['type'] === 'content') {
    // A document made of blocks is their sequence; only its citations need it whole.
    const content = source['content'];
    if (typeof content === 'string')
      return [...before, { kind: 'document', source: { kind: 'text', text: content }, ...named }];
    const inner = asArray(content).flatMap((value) => {
      const part = asObject(value);
      if (part?.['type'] === 'text' || part?.['type'] === 'image') return decodeContent(part, at, losses);
      losses.add('unknown-part', at);
      return [];
    });
    return [...before, ...inner];
  }
  const decoded = decodeSource(source, at, losses);
  return decoded === undefined ? [] : [...before, { kind: 'document', source: decoded, ...named }];
}

function decodeSource(source: Values | undefined, at: string, losses: LossList): Source | undefined {
  const data = asString(source?.['data']);
  const mediaType = asString(source?.['media_type']);
  const url = asString(source?.['url']);
  if (source?.['type'] === 'base64' && data !== undefined && mediaType !== undefined) {
    return { kind: 'base64', mediaType, data: plainBase64(data) };
  }
  if (source?.['type'] === 'url' && url !== undefined) return { kind: 'url', url, mediaType: undefined };
  losses.add(source?.['type'] === 'file' ? 'file-reference' : 'not-understood', `${at}/source`);
  return undefined;
}

/** A cache mark, ready to be spread into a part. */
function cached(block: Values): { readonly cache?: CacheMark } {
  const cache = cacheOf(block);
  return cache === undefined ? {} : { cache };
}

export function cacheOf(block: Values): CacheMark | undefined {
  const mark = asObject(block['cache_control']);
  if (mark === undefined) return undefined;
  const ttl = mark['ttl'];
  return { ttl: ttl === '5m' || ttl === '1h' ? ttl : undefined };
}
