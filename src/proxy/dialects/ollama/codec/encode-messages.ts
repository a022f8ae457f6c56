// SPDX-License-Identifier: Apache-2.0
// A conversation of the hub as Ollama's messages: text, images as bare base64, arguments as objects. Pure.

import type { ModelFacts } from '../../hub/codec.ts';
import { textOfSource } from '../../hub/data-url.ts';
import type { DocumentPart, ImagePart, Message, Part, ToolCallPart, ToolResultPart } from '../../hub/hub.ts';
import type { LossList } from '../../hub/losses.ts';
import { callsById } from '../../hub/turns.ts';
import { parseExact } from '../../json/exact.ts';
import { asObject, type Values } from '../../json/values.ts';

export function encodeOllamaMessages(
  messages: readonly Message[],
  facts: ModelFacts,
  losses: LossList,
): readonly Values[] {
  const calls = callsById(messages);
  const out: Values[] = [];
  for (const [index, message] of messages.entries()) {
    const at = `/messages/${index}`;
    if (message.name !== undefined) losses.add('participant-name', at);
    for (const part of message.parts) {
      if (part.kind === 'tool-result') out.push(encodeResult(part, calls, at, facts, losses));
    }
    const parts = message.parts.filter(({ kind }) => kind !== 'tool-result');
    if (parts.length > 0 || message.parts.length === 0) out.push(encodeMessage(message.role, parts, at, facts, losses));
  }
  // Whether the model goes on with this message or begins a new one is up to its template.
  if (messages.at(-1)?.role === 'assistant') losses.add('prefill', `/messages/${messages.length - 1}`);
  return out;
}

function encodeResult(
  { id, name, parts, isError, cache }: ToolResultPart,
  calls: ReadonlyMap<string, ToolCallPart>,
  at: string,
  facts: ModelFacts,
  losses: LossList,
): Values {
  const call = calls.get(id);
  if (call === undefined) losses.add('tool-pairing', at);
  if (isError) losses.add('tool-error-flag', at);
  if (cache !== undefined) losses.add('cache-control', at);
  const tool = name ?? call?.name;
  return {
    ...encodeMessage('tool', parts, at, facts, losses),
    ...(tool === undefined ? {} : { tool_name: tool }),
    tool_call_id: id,
  };
}

function encodeMessage(
  role: Message['role'] | 'tool',
  parts: readonly Part[],
  at: string,
  facts: ModelFacts,
  losses: LossList,
): Values {
  const texts: string[] = [];
  const images: string[] = [];
  const calls: Values[] = [];
  let thinking = '';
  for (const part of parts) {
    if ('cache' in part && part.cache !== undefined) losses.add('cache-control', at);
    switch (part.kind) {
      case 'text':
        texts.push(part.text);
        break;
      case 'refusal':
        losses.add('refusal-as-text', at);
        texts.push(part.text);
        break;
      case 'image':
        images.push(...imageData(part, at, facts, losses));
        break;
      case 'document':
        texts.push(documentText(part, at, losses));
        break;
      case 'reasoning':
        if (part.opaque !== undefined) losses.add('reasoning-dropped', at);
        thinking += part.text;
        break;
      case 'tool-call':
        if (part.opaque !== undefined) losses.add('reasoning-dropped', at);
        calls.push(encodeCall(part, at, losses));
        break;
      default:
        losses.add('unknown-part', at);
    }
  }
  return {
    role,
    // An assistant's pieces are one text; what users and tools wrote apart stays apart.
    content: texts.join(role === 'assistant' ? '' : '\n'),
    ...(thinking === '' ? {} : { thinking }),
    ...(images.length === 0 ? {} : { images }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

function imageData({ source, detail }: ImagePart, at: string, facts: ModelFacts, losses: LossList): readonly string[] {
  if (detail !== undefined && detail !== 'auto') losses.add('image-detail', at);
  if (facts.images === false) losses.add('no-images', at);
  if (source.kind === 'base64') return [source.data];
  losses.add('image-url', at);
  return [];
}

function documentText({ source, name }: DocumentPart, at: string, losses: LossList): string {
  const text = source.kind === 'text' ? source.text : source.kind === 'base64' ? textOfSource(source) : undefined;
  if (name !== undefined && text !== undefined) losses.add('document-name', at);
  if (text === undefined) losses.add(source.kind === 'url' ? 'document-url' : 'no-documents', at);
  return text ?? '';
}

function encodeCall({ id, name, args }: ToolCallPart, at: string, losses: LossList): Values {
  const parsed = args.trim() === '' ? {} : asObject(parseExact(args));
  if (parsed === undefined) losses.add('not-understood', at);
  return { id, type: 'function', function: { name, arguments: parsed ?? {} } };
}
