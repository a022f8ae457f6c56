// SPDX-License-Identifier: Apache-2.0
// Input items of a Responses request to messages of the hub. Items of the assistant that follow each other (reasoning, text, calls)
// are one turn, as are results that follow each other. Knows nothing of the rest of the request.

import { sourceOfUrl } from '../../hub/data-url.ts';
import type { CacheMark, DocumentPart, ImagePart, Message, Part, ReasoningPart, TextPart } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import type { LossList } from '../../hub/losses.ts';
import { opaqueIn } from '../../hub/made-up.ts';
import { textIn } from '../../hub/scalars.ts';
import { asArray, asObject, asString, hasContent, type Values } from '../../json/values.ts';

/** Items that only OpenAI can make sense of. */
const FOREIGN_ITEMS: ReadonlyMap<string, LossCode> = new Map<string, LossCode>([
  ['item_reference', 'stored-state'],
  ['compaction', 'compaction'],
  ['compaction_summary', 'compaction'],
  ['compaction_trigger', 'compaction'],
  ['additional_tools', 'custom-tool'],
  ['custom_tool_call', 'custom-tool'],
  ['custom_tool_call_output', 'custom-tool'],
  ['tool_search_call', 'custom-tool'],
  ['tool_search_output', 'custom-tool'],
]);

/** What the provider runs itself: mcp_list_tools, web_search_call, shell_call_output, program ... */
const SERVER_ITEM =
  /^(?:mcp_|computer_|web_search|file_search|code_interpreter|image_generation|local_shell|shell_|apply_patch|program)/;

const MESSAGE = new Set(['type', 'id', 'status', 'role', 'content']);
const CALL = new Set(['type', 'id', 'status', 'call_id', 'name', 'arguments', 'caller']);
const RESULT = new Set(['type', 'id', 'status', 'call_id', 'name', 'output', 'caller']);
const REASONING = new Set(['type', 'id', 'status', 'summary', 'content', 'encrypted_content']);
const TEXT = new Set(['type', 'text', 'annotations', 'logprobs', 'prompt_cache_breakpoint']);
const IMAGE = new Set(['type', 'image_url', 'file_id', 'detail', 'prompt_cache_breakpoint']);
const FILE = new Set(['type', 'file_data', 'file_id', 'file_url', 'filename', 'prompt_cache_breakpoint']);

export function decodeItems(input: readonly unknown[], losses: LossList): readonly Message[] {
  const messages: Message[] = [];
  const names = new Map<string, string>();
  /** Parts of the turn that is being put together; a message of the user is never joined to what was before it. */
  let open: { readonly kind: 'assistant' | 'results'; readonly parts: Part[] } | undefined;

  function join(kind: 'assistant' | 'results', parts: readonly Part[]): void {
    if (open?.kind !== kind) {
      open = { kind, parts: [] };
      messages.push({ role: kind === 'assistant' ? 'assistant' : 'user', parts: open.parts });
    }
    for (const part of parts) open.parts.push(part);
  }

  for (const [index, value] of input.entries()) {
    const at = `/input/${index}`;
    const item = asObject(value);
    if (item === undefined) {
      losses.add('not-understood', at);
      continue;
    }
    switch (typeOf(item)) {
      case 'message': {
        const role = roleOf(item['role']);
        if (role === undefined) {
          losses.add('not-understood', `${at}/role`);
          break;
        }
        losses.unknownMembers(item, at, MESSAGE);
        const parts = decodeContent(item['content'], `${at}/content`, losses);
        if (role === 'assistant') join('assistant', parts);
        else {
          open = undefined;
          messages.push({ role, parts });
        }
        break;
      }
      case 'function_call': {
        const id = asString(item['call_id']) || asString(item['id']) || `call_${index}`;
        const name = asString(item['name']);
        if (name === undefined || name === '') {
          losses.add('not-understood', `${at}/name`);
          break;
        }
        checkCaller(item, at, losses);
        losses.unknownMembers(item, at, CALL, { namespace: 'custom-tool' });
        names.set(id, name);
        join('assistant', [{ kind: 'tool-call', id, name, args: textIn(item, 'arguments', at, losses) ?? '' }]);
        break;
      }
      case 'function_call_output': {
        const id = asString(item['call_id']);
        if (id === undefined || id === '') {
          losses.add('tool-pairing', at);
          break;
        }
        checkCaller(item, at, losses);
        losses.unknownMembers(item, at, RESULT, { namespace: 'custom-tool' });
        const name = names.get(id) ?? asString(item['name']);
        const parts = decodeContent(item['output'], `${at}/output`, losses).filter(isResultPart);
        join('results', [{ kind: 'tool-result', id, name, parts, isError: false }]);
        break;
      }
      case 'reasoning':
        losses.unknownMembers(item, at, REASONING);
        join('assistant', decodeReasoning(item, at, losses));
        break;
      default:
        losses.add(foreignCode(typeOf(item)), at);
    }
  }
  return messages;
}

/** The type may be left out of messages and of references. */
function typeOf(item: Values): string {
  const type = item['type'];
  if (typeof type === 'string') return type;
  return item['role'] === undefined && typeof item['id'] === 'string' ? 'item_reference' : 'message';
}

function foreignCode(type: string): LossCode {
  return FOREIGN_ITEMS.get(type) ?? (SERVER_ITEM.test(type) ? 'server-tool' : 'unknown-part');
}

function roleOf(role: unknown): Message['role'] | undefined {
  switch (role) {
    case 'developer':
    case 'system':
      return 'system';
    case 'user':
    case 'assistant':
      return role;
    default:
      return undefined;
  }
}

/** A call that a program of the provider made cannot be told to another. */
function checkCaller(item: Values, at: string, losses: LossList): void {
  const caller = asObject(item['caller']);
  if (caller !== undefined && caller['type'] !== 'direct') losses.add('server-tool', `${at}/caller`);
}

function isResultPart(part: Part): part is TextPart | ImagePart | DocumentPart {
  return part.kind === 'text' || part.kind === 'image' || part.kind === 'document';
}

function decodeContent(content: unknown, at: string, losses: LossList): readonly Part[] {
  if (typeof content === 'string') return [{ kind: 'text', text: content }];
  if (!Array.isArray(content)) {
    losses.add('not-understood', at);
    return [];
  }
  const parts: Part[] = [];
  for (const [index, value] of content.entries()) {
    const part = decodePart(asObject(value), `${at}/${index}`, losses);
    if (part !== undefined) parts.push(part);
  }
  return parts;
}

function decodePart(part: Values | undefined, at: string, losses: LossList): Part | undefined {
  switch (part?.['type']) {
    case 'input_text':
    case 'output_text': {
      losses.unknownMembers(part, at, TEXT);
      if (hasContent(part['annotations'])) losses.add('citations', `${at}/annotations`);
      const text = textIn(part, 'text', at, losses);
      return text === undefined
        ? missing(part, 'text', at, losses)
        : { kind: 'text', text, ...cacheOf(part, at, losses) };
    }
    case 'refusal': {
      const text = textIn(part, 'refusal', at, losses);
      return text === undefined ? missing(part, 'refusal', at, losses) : { kind: 'refusal', text };
    }
    case 'input_image':
      return decodeImage(part, at, losses);
    case 'input_file':
      return decodeFile(part, at, losses);
    case 'input_audio':
      losses.add('audio', at);
      return undefined;
    case 'input_video':
      losses.add('video', at);
      return undefined;
    case 'computer_screenshot':
      losses.add('server-tool', at);
      return undefined;
    default:
      losses.add('unknown-part', at);
      return undefined;
  }
}

function missing(part: Values, key: string, at: string, losses: LossList): undefined {
  if (part[key] === undefined || part[key] === null) losses.add('not-understood', `${at}/${key}`);
  return undefined;
}

function decodeImage(part: Values, at: string, losses: LossList): ImagePart | undefined {
  losses.unknownMembers(part, at, IMAGE);
  if (hasContent(part['file_id'])) {
    losses.add('file-reference', `${at}/file_id`);
    return undefined;
  }
  const source = sourceOfUrl(asString(part['image_url']) ?? '');
  if (source === undefined) {
    losses.add('not-understood', `${at}/image_url`);
    return undefined;
  }
  const detail = asString(part['detail']);
  return { kind: 'image', source, ...(detail === undefined ? {} : { detail }), ...cacheOf(part, at, losses) };
}

function decodeFile(part: Values, at: string, losses: LossList): DocumentPart | undefined {
  losses.unknownMembers(part, at, FILE, { detail: 'image-detail' });
  if (hasContent(part['file_id'])) {
    losses.add('file-reference', `${at}/file_id`);
    return undefined;
  }
  const key = hasContent(part['file_data']) ? 'file_data' : 'file_url';
  const source = sourceOfUrl(asString(part[key]) ?? '');
  if (source === undefined) {
    losses.add('not-understood', `${at}/${key}`);
    return undefined;
  }
  const name = asString(part['filename']);
  return { kind: 'document', source, ...(name ? { name } : {}), ...cacheOf(part, at, losses) };
}

/** OpenAI keeps for 30 minutes or 12 hours, others for 5 minutes or an hour: the longer of theirs is the nearest. */
function cacheOf(part: Values, at: string, losses: LossList): { readonly cache?: CacheMark } {
  const mark = asObject(part['prompt_cache_breakpoint']);
  if (mark === undefined) return {};
  if (mark['ttl'] === undefined || mark['ttl'] === null) return { cache: { ttl: undefined } };
  losses.add('cache-control', `${at}/prompt_cache_breakpoint`);
  return { cache: { ttl: '1h' } };
}

/** Reasoning that is neither shown nor carried along is only a reference to what the provider may have kept. */
function decodeReasoning(item: Values, at: string, losses: LossList): readonly ReasoningPart[] {
  const content = asArray(item['content']);
  const pieces = (content.length > 0 ? content : asArray(item['summary'])).map(
    (part) => asString(asObject(part)?.['text']) ?? '',
  );
  const text = pieces.filter((piece) => piece !== '').join('\n\n');
  const data = opaqueIn(item['encrypted_content']);
  if (data === '') {
    if (text !== '') return [{ kind: 'reasoning', text }];
    losses.add('reasoning-dropped', at);
    return [];
  }
  const id = asString(item['id']);
  const opaque = { dialect: 'openai-responses', form: 'encrypted', data, ...(id ? { id } : {}) } as const;
  return [{ kind: 'reasoning', text, opaque }];
}
