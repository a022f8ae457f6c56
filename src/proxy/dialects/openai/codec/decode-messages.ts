// SPDX-License-Identifier: Apache-2.0
// Chat Completions: the conversation of a request, from the wire to the hub. Reads what compatible hosts add (reasoning members,
// Mistral's parts) as well. Never throws.

import { sourceOfUrl } from '../../hub/data-url.ts';
import type { DocumentPart, ImagePart, Message, Part, Source, TextPart, ToolCallPart } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import type { LossList } from '../../hub/losses.ts';
import { says } from '../../hub/members.ts';
import { asArray, asObject, asString, jsonText, type Values } from '../../json/values.ts';
import { cacheOf } from './decode-tools.ts';

const COMMON_KEYS = ['role', 'content', 'name'];
const PLAIN_KEYS: ReadonlySet<string> = new Set(COMMON_KEYS);
const TOOL_KEYS: ReadonlySet<string> = new Set([...COMMON_KEYS, 'tool_call_id']);
const ASSISTANT_KEYS: ReadonlySet<string> = new Set([
  ...COMMON_KEYS,
  'refusal',
  'tool_calls',
  'reasoning_content',
  'reasoning',
  'thinking',
]);

const MESSAGE_LOSSES: Readonly<Partial<Record<string, LossCode>>> = {
  audio: 'audio',
  function_call: 'not-understood',
  annotations: 'citations',
  reasoning_details: 'reasoning-dropped',
  cache_control: 'cache-control',
  // Mistral and DeepSeek: the model shall go on from this text.
  prefix: 'prefill',
  partial: 'prefill',
};

export function decodeMessages(list: readonly unknown[], losses: LossList): readonly Message[] {
  const toolNames = new Map<string, string>();
  return list.flatMap((item, index) => {
    const message = decodeMessage(asObject(item), `/messages/${index}`, index, toolNames, losses);
    return message === undefined ? [] : [message];
  });
}

function decodeMessage(
  value: Values | undefined,
  at: string,
  index: number,
  toolNames: Map<string, string>,
  losses: LossList,
): Message | undefined {
  const name = asString(value?.['name']);
  const participant = name === undefined || name === '' ? {} : { name };
  switch (value?.['role']) {
    case 'system':
    case 'developer':
      losses.unknownMembers(value, at, PLAIN_KEYS, MESSAGE_LOSSES);
      return { role: 'system', parts: decodeContent(value['content'], at, losses), ...participant };
    case 'user':
      losses.unknownMembers(value, at, PLAIN_KEYS, MESSAGE_LOSSES);
      return { role: 'user', parts: decodeContent(value['content'], at, losses), ...participant };
    case 'assistant': {
      losses.unknownMembers(value, at, ASSISTANT_KEYS, MESSAGE_LOSSES);
      const calls = decodeCalls(value['tool_calls'], `${at}/tool_calls`, index, losses);
      for (const call of calls) toolNames.set(call.id, call.name);
      const parts = [...decodeReasoning(value), ...decodeContent(value['content'], at, losses)];
      const refusal = asString(value['refusal']);
      if (refusal !== undefined && refusal !== '') parts.push({ kind: 'refusal', text: refusal });
      return { role: 'assistant', parts: parts.concat(calls), ...participant };
    }
    case 'tool': {
      losses.unknownMembers(value, at, TOOL_KEYS, MESSAGE_LOSSES);
      const id = asString(value['tool_call_id']) ?? '';
      if (id === '') losses.add('tool-pairing', at);
      const parts = decodeContent(value['content'], at, losses).filter((part) => isResultPart(part, at, losses));
      const tool = name ?? toolNames.get(id);
      return {
        role: 'user',
        parts: [{ kind: 'tool-result', id: id === '' ? `call_${index}` : id, name: tool, parts, isError: false }],
      };
    }
    default:
      losses.add('unknown-part', at);
      return undefined;
  }
}

function isResultPart(part: Part, at: string, losses: LossList): part is TextPart | ImagePart | DocumentPart {
  if (part.kind === 'text' || part.kind === 'image' || part.kind === 'document') return true;
  losses.add('unknown-part', `${at}/content`);
  return false;
}

/** Hosts that send two of them send the same text twice. */
function decodeReasoning(message: Values): Part[] {
  for (const member of ['reasoning_content', 'reasoning', 'thinking'] as const) {
    const text = message[member];
    if (typeof text === 'string' && text !== '') return [{ kind: 'reasoning', text }];
  }
  return [];
}

function decodeCalls(value: unknown, at: string, message: number, losses: LossList): ToolCallPart[] {
  return asArray(value).flatMap((item, index): ToolCallPart[] => {
    const call = asObject(item);
    const inner = asObject(call?.['function']);
    const name = asString(inner?.['name']) ?? '';
    const args = argsText(inner?.['arguments']);
    if (call === undefined || inner === undefined || name === '' || args === undefined) {
      losses.add(call?.['type'] === 'custom' ? 'custom-tool' : 'not-understood', `${at}/${index}`);
      return [];
    }
    losses.unknownMembers(call, `${at}/${index}`, CALL_KEYS, { extra_content: 'reasoning-dropped' });
    losses.unknownMembers(inner, `${at}/${index}`, CALL_FUNCTION_KEYS);
    const id = asString(call['id']) ?? '';
    return [{ kind: 'tool-call', id: id === '' ? `call_${message}_${index}` : id, name, args }];
  });
}

const CALL_KEYS: ReadonlySet<string> = new Set(['id', 'type', 'function', 'index']);
const CALL_FUNCTION_KEYS: ReadonlySet<string> = new Set(['name', 'arguments']);

/** Arguments are text; some clients and hosts put the object itself. undefined: neither, or nested too deeply. */
export function argsText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  return asObject(value) === undefined ? undefined : jsonText(value);
}

function decodeContent(content: unknown, at: string, losses: LossList): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ kind: 'text', text: content }];
  if (!Array.isArray(content)) {
    if (says(content)) losses.add('not-understood', `${at}/content`);
    return [];
  }
  return content.flatMap((item: unknown, index) => {
    const part = decodePart(item, `${at}/content/${index}`, losses);
    return part === undefined ? [] : [part];
  });
}

const PART_KEYS: ReadonlySet<string> = new Set([
  'type',
  'text',
  'refusal',
  'thinking',
  'image_url',
  'file',
  'document_url',
  'document_name',
  'cache_control',
  'prompt_cache_breakpoint',
]);

function decodePart(item: unknown, at: string, losses: LossList): Part | undefined {
  if (typeof item === 'string') return { kind: 'text', text: item };
  const part = asObject(item);
  const type = part?.['type'];
  if (part === undefined || typeof type !== 'string') return lose('unknown-part', at, losses);
  switch (type) {
    case 'text': {
      losses.unknownMembers(part, at, PART_KEYS, { annotations: 'citations' });
      const text = asString(part['text']);
      return text === undefined
        ? lose('not-understood', at, losses)
        : { kind: 'text', text, ...cacheOf(part, at, losses) };
    }
    case 'refusal': {
      const text = asString(part['refusal']);
      return text === undefined ? lose('not-understood', at, losses) : { kind: 'refusal', text };
    }
    case 'thinking':
      return { kind: 'reasoning', text: thinkingText(part['thinking']) };
    case 'image_url':
      losses.unknownMembers(part, at, PART_KEYS);
      return decodeImage(part, at, losses);
    case 'file':
      losses.unknownMembers(part, at, PART_KEYS);
      return decodeFile(part, at, losses);
    case 'document_url':
      losses.unknownMembers(part, at, PART_KEYS);
      return document(asString(part['document_url']) ?? '', asString(part['document_name']), part, at, losses);
    case 'input_audio':
      return lose('audio', at, losses);
    case 'video_url':
    case 'input_video':
      return lose('video', at, losses);
    default:
      return lose('unknown-part', at, losses);
  }
}

/** Mistral's chunk: a list of text parts, or the text. */
export function thinkingText(thinking: unknown): string {
  if (typeof thinking === 'string') return thinking;
  return asArray(thinking)
    .map((item) => asString(asObject(item)?.['text']) ?? '')
    .join('');
}

function decodeImage(part: Values, at: string, losses: LossList): Part | undefined {
  const image = part['image_url'];
  const url = asString(image) ?? asString(asObject(image)?.['url']);
  const detail = asString(asObject(image)?.['detail']);
  const source = url === undefined ? undefined : sourceOfUrl(url);
  if (source === undefined) return lose('media-type', at, losses);
  return {
    kind: 'image',
    source,
    ...(detail === undefined || detail === '' ? {} : { detail }),
    ...cacheOf(part, at, losses),
  };
}

function decodeFile(part: Values, at: string, losses: LossList): Part | undefined {
  const file = asObject(part['file']);
  if (says(file?.['file_id'])) return lose('file-reference', at, losses);
  const data = asString(file?.['file_data']) ?? '';
  const name = asString(file?.['filename']);
  // The API takes bare base64 too; PDF is the only type of file that it reads.
  const isBare = data !== '' && !/^(?:data:|https?:)/i.test(data.slice(0, 6));
  return document(isBare ? `data:application/pdf;base64,${data}` : data, name, part, at, losses);
}

function document(url: string, name: string | undefined, part: Values, at: string, losses: LossList): Part | undefined {
  const source: Source | undefined = sourceOfUrl(url);
  if (source === undefined) return lose('media-type', at, losses);
  return {
    kind: 'document',
    source,
    ...(name === undefined || name === '' ? {} : { name }),
    ...cacheOf(part, at, losses),
  };
}

function lose(code: LossCode, at: string, losses: LossList): undefined {
  losses.add(code, at);
}
